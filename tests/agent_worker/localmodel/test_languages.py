from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.localmodel import languages
from agent_worker.localmodel.intents import Intent, Wish, understand
from agent_worker.localmodel.tongues import TONGUES
from tests.agent_worker.localmodel.test_intents import SAID

WALL = datetime(2026, 11, 20, 15, 42, tzinfo=UTC)

FOREIGN: list[tuple[str, str, str]] = [
    ("Bonjour !", "fr", "Bonjour !"),
    ("salut toi", "fr", "Bonjour !"),
    ("Quelle heure est-il, s'il vous plaît ?", "fr", "Il est 15 heures 42."),
    ("merci beaucoup", "fr", "De rien."),
    ("Comment ça va ?", "fr", "Je vais bien"),
    ("au revoir", "fr", "Au revoir !"),
    ("Parlez-vous français ?", "fr", "Oui, un peu."),
    ("Qui êtes-vous ?", "fr", "Je suis votre assistant"),
    ("¡Hola!", "es", "¡Hola!"),
    ("¿Qué hora es?", "es", "Son las 15 y 42."),
    ("que hora es", "es", "Son las 15 y 42."),
    ("muchas gracias", "es", "De nada."),
    ("¿Hablas español?", "es", "Sí, un poco."),
    ("hasta luego", "es", "¡Adiós!"),
    ("Guten Tag", "de", "Guten Tag!"),
    ("Wie spät ist es?", "de", "Es ist 15 Uhr 42."),
    ("Vielen Dank", "de", "Gern geschehen."),
    ("Wie heißt du?", "de", "Ich bin Ihr"),
    ("Tschüss", "de", "Auf Wiedersehen!"),
]


@pytest.mark.parametrize(("said", "code", "words"), FOREIGN)
def test_a_sentence_in_another_language_is_answered_in_it(said: str, code: str, words: str) -> None:
    answer = languages.foreign(said, WALL)
    assert answer is not None
    assert answer.text.startswith(words)
    assert answer.language == code


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Je voudrais commander une pizza", "fr"),
        ("Quiero una pizza por favor", "es"),
        ("Ich möchte eine Pizza bestellen", "de"),
        ("Как дела?", None),
        ("你好", None),
    ],
)
def test_another_language_is_known_where_it_is_not_understood(said: str, language: str | None) -> None:
    answer = languages.lost(said)
    assert answer is not None
    assert answer.language == language


def test_english_is_no_other_language() -> None:
    english = [said for said, _ in SAID]
    assert [said for said in english if languages.foreign(said, WALL) or languages.lost(said)] == []


ASKED: list[tuple[str, str, str | None]] = [
    ("say hello in french", "Bonjour !", "fr"),
    ("how do you say good morning in german", "Guten Morgen!", "de"),
    ("how do you say where is the station in spanish", "¿Dónde está la estación?", "es"),
    ("what is the french word for thank you", "Merci beaucoup.", "fr"),
    ("translate goodbye to german", "Auf Wiedersehen!", "de"),
    ("how do you say seventeen in french", "Dix-sept.", "fr"),
    ("count to three in spanish", "Uno, dos, tres.", "es"),
    ("count to a hundred in german", "Eins, zwei, drei, vier, fünf, sechs, sieben, acht, neun, zehn, elf,", "de"),
    ("do you speak german", "Ja, ein wenig.", "de"),
    ("do you speak italian", languages.KNOWN, None),
    ("how do you say elephant in french", "I do not know how to say that in French.", None),
    ("how do you say a hundred in french", "I do not know how to say that in French.", None),
]


@pytest.mark.parametrize(("said", "words", "language"), ASKED)
def test_phrases_are_known_in_other_languages(said: str, words: str, language: str | None) -> None:
    (wish,) = understand(said)
    answer = languages.asked_in_english(wish)
    assert answer.text.startswith(words)
    assert answer.language == language


def test_the_tables_say_the_same_in_each_language() -> None:
    first = TONGUES[0]
    for tongue in TONGUES:
        assert set(tongue.sayings) == set(first.sayings)
        assert set(tongue.answers) | {Intent.TIME} == set(tongue.heard) == set(first.heard)
        assert len(tongue.numbers) == 20


def test_what_it_says_itself_in_another_language_it_understands() -> None:
    for tongue in TONGUES:
        for english in ("hello", "goodbye", "thank you", "how are you", "what time is it", "what is your name"):
            answer = languages.foreign(tongue.sayings[english], WALL)
            assert answer is not None, tongue.sayings[english]
            assert answer.language == tongue.code


@given(st.text())
def test_any_text_is_either_answered_or_not(text: str) -> None:
    for answer in (languages.foreign(text, WALL), languages.lost(text)):
        assert answer is None or answer.text
    assert languages.asked_in_english(Wish(Intent.LANGUAGE, f"{text} in french", before=text)).text
