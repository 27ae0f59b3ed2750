"""What the brain can say in French, Spanish and German: phrases as tables. Pure data; `languages` reads it.

Phrases are written as `languages.bare` leaves them: lower case, without accents and punctuation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent_worker.localmodel.intents import Intent
from agent_worker.localmodel.words import vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """A language other than English."""

    name: str
    """In English, as it is asked for."""
    code: str
    """As speech engines call it."""
    heard: Mapping[Intent, str]
    """What is understood of it: regular expressions for whole sentences."""
    answers: Mapping[Intent, str]
    lost: str
    """What is said to anything else in this language."""
    clock: str
    """The time, with {hour} and {minute}."""
    sayings: Mapping[str, str]
    """English -> the same in this language."""
    numbers: tuple[str, ...]
    """From one to twenty."""
    telling: frozenset[str]
    """Words by which the language is known. None of them is an English one."""


def _in_order(text: str) -> tuple[str, ...]:
    return tuple(text.split(" "))


FRENCH: Final = Tongue(
    name="french",
    code="fr",
    heard={
        Intent.TIME: r"(?:.* )?(?:quelle heure(?: est il)?|il est quelle heure)(?: .*)?",
        Intent.HOW_ARE_YOU: r"(?:.* )?(?:comment (?:ca va|allez vous|vas tu)|ca va)(?: .*)?",
        Intent.THANKS: r"(?:non )?merci(?: beaucoup| bien)?",
        Intent.BYE: r"(?:.* )?(?:au revoir|a bientot|adieu|bonne nuit)",
        Intent.WHO: r"(?:.* )?(?:qui (?:etes vous|es tu)|comment (?:vous appelez vous|tu t appelles|t appelles tu))",
        Intent.LANGUAGE: r"(?:.* )?(?:parlez vous|parles tu|tu parles|vous parlez) (?:le )?francais",
        Intent.GREET: r"(?:bonjour|bonsoir|salut|coucou)(?: .{0,20})?",
    },
    answers={
        Intent.HOW_ARE_YOU: "Je vais bien, merci. Et vous ?",
        Intent.THANKS: "De rien.",
        Intent.BYE: "Au revoir !",
        Intent.WHO: "Je suis votre assistant vocal.",
        Intent.LANGUAGE: "Oui, un peu. Mais je comprends surtout l'anglais.",
        Intent.GREET: "Bonjour ! Je dis quelques phrases en français, mais je comprends surtout l'anglais.",
    },
    lost="Désolé, je ne comprends que quelques phrases en français. Je comprends mieux l'anglais.",
    clock="Il est {hour} heures {minute}.",
    sayings={
        "hello": "Bonjour !",
        "good morning": "Bonjour !",
        "good evening": "Bonsoir !",
        "good night": "Bonne nuit !",
        "goodbye": "Au revoir !",
        "thank you": "Merci beaucoup.",
        "please": "S'il vous plaît.",
        "you are welcome": "De rien.",
        "yes": "Oui.",
        "no": "Non.",
        "sorry": "Je suis désolé.",
        "excuse me": "Excusez-moi.",
        "how are you": "Comment allez-vous ?",
        "what time is it": "Quelle heure est-il ?",
        "what is your name": "Comment vous appelez-vous ?",
        "i love you": "Je t'aime.",
        "where is the station": "Où est la gare ?",
        "cheers": "Santé !",
    },
    numbers=_in_order(
        "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
        "dix-neuf vingt"
    ),
    telling=vocabulary(
        "bonjour bonsoir salut merci je tu vous nous est une le les des que qui quoi ou quel quelle quand comment "
        "pourquoi voudrais veux pouvez pouvons avec pour dans mon ma mes votre francais oui non demain aujourd hui"
    ),
)

SPANISH: Final = Tongue(
    name="spanish",
    code="es",
    heard={
        Intent.TIME: r"(?:.* )?que hora (?:es|son|tiene)(?: .*)?",
        Intent.HOW_ARE_YOU: r"(?:.* )?(?:como esta(?:s|n)?|que tal)(?: .*)?",
        Intent.THANKS: r"(?:no )?(?:muchas )?gracias",
        Intent.BYE: r"(?:.* )?(?:adios|hasta (?:luego|pronto|manana)|buenas noches)",
        Intent.WHO: r"(?:.* )?(?:quien eres|como te llamas|como se llama(?: usted)?)",
        Intent.LANGUAGE: r"(?:.* )?(?:hablas?|entiendes?) espanol",
        Intent.GREET: r"(?:hola|buenos dias|buenas tardes|buenas)(?: .{0,20})?",
    },
    answers={
        Intent.HOW_ARE_YOU: "Estoy bien, gracias. ¿Y usted?",
        Intent.THANKS: "De nada.",
        Intent.BYE: "¡Adiós!",
        Intent.WHO: "Soy su asistente de voz.",
        Intent.LANGUAGE: "Sí, un poco. Pero entiendo mejor el inglés.",
        Intent.GREET: "¡Hola! Digo algunas frases en español, pero entiendo mejor el inglés.",
    },
    lost="Lo siento, solo entiendo algunas frases en español. Entiendo mejor el inglés.",
    clock="Son las {hour} y {minute}.",
    sayings={
        "hello": "¡Hola!",
        "good morning": "¡Buenos días!",
        "good evening": "¡Buenas tardes!",
        "good night": "¡Buenas noches!",
        "goodbye": "¡Adiós!",
        "thank you": "Muchas gracias.",
        "please": "Por favor.",
        "you are welcome": "De nada.",
        "yes": "Sí.",
        "no": "No.",
        "sorry": "Lo siento.",
        "excuse me": "Perdone.",
        "how are you": "¿Cómo está usted?",
        "what time is it": "¿Qué hora es?",
        "what is your name": "¿Cómo se llama usted?",
        "i love you": "Te quiero.",
        "where is the station": "¿Dónde está la estación?",
        "cheers": "¡Salud!",
    },
    numbers=_in_order(
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
        "dieciocho diecinueve veinte"
    ),
    telling=vocabulary(
        "hola buenos buenas dias tardes gracias que como esta estas quiero quisiera por para una el los las del "
        "donde cuando quien puedo puede mi usted es hora espanol si manana hoy tiempo hace"
    ),
)

GERMAN: Final = Tongue(
    name="german",
    code="de",
    heard={
        Intent.TIME: r"(?:.* )?(?:wie spat ist es|wieviel uhr(?: ist es)?|wie viel uhr(?: ist es)?)(?: .*)?",
        Intent.HOW_ARE_YOU: r"(?:.* )?wie geht(?: es|s)?(?: .*)?",
        Intent.THANKS: r"(?:nein )?(?:vielen )?dank(?:e)?(?: schon| dir| ihnen| sehr)*",
        Intent.BYE: r"(?:.* )?(?:auf wiedersehen|tschuss|bis (?:bald|spater|morgen)|gute nacht)",
        Intent.WHO: r"(?:.* )?(?:wer bist du|wer sind sie|wie heisst du|wie heissen sie)",
        Intent.LANGUAGE: r"(?:.* )?(?:sprechen sie|sprichst du|kannst du|konnen sie) deutsch(?: .*)?",
        Intent.GREET: r"(?:guten (?:tag|morgen|abend)|hallo|gruss gott|servus|moin)(?: .{0,20})?",
    },
    answers={
        Intent.HOW_ARE_YOU: "Mir geht es gut, danke. Und Ihnen?",
        Intent.THANKS: "Gern geschehen.",
        Intent.BYE: "Auf Wiedersehen!",
        Intent.WHO: "Ich bin Ihr Sprachassistent.",
        Intent.LANGUAGE: "Ja, ein wenig. Aber ich verstehe besser Englisch.",
        Intent.GREET: "Guten Tag! Ich sage einige Sätze auf Deutsch, aber ich verstehe besser Englisch.",
    },
    lost="Es tut mir leid, ich verstehe nur wenige Sätze auf Deutsch. Ich verstehe besser Englisch.",
    clock="Es ist {hour} Uhr {minute}.",
    sayings={
        "hello": "Guten Tag!",
        "good morning": "Guten Morgen!",
        "good evening": "Guten Abend!",
        "good night": "Gute Nacht!",
        "goodbye": "Auf Wiedersehen!",
        "thank you": "Vielen Dank.",
        "please": "Bitte.",
        "you are welcome": "Gern geschehen.",
        "yes": "Ja.",
        "no": "Nein.",
        "sorry": "Es tut mir leid.",
        "excuse me": "Entschuldigen Sie bitte.",
        "how are you": "Wie geht es Ihnen?",
        "what time is it": "Wie spät ist es?",
        "what is your name": "Wie heißen Sie?",
        "i love you": "Ich liebe dich.",
        "where is the station": "Wo ist der Bahnhof?",
        "cheers": "Prost!",
    },
    numbers=_in_order(
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
        "achtzehn neunzehn zwanzig"
    ),
    telling=vocabulary(
        "guten hallo danke ich du sie ist und das der den wie wo wer wann warum nicht bitte kann kannst konnen "
        "mochte mir mich ein eine einen mein meine deutsch ja nein heute morgen uhr wetter auf fur mit"
    ),
)

TONGUES: Final = (FRENCH, SPANISH, GERMAN)
