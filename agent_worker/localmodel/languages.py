"""Other languages: words -> what they ask for in French, Spanish or German, and the answer in it. Pure.

Nothing is translated: there are tables of phrases. The recogniser knows English and a few greetings; what is typed
can be in any of them.
"""

import re
import unicodedata
from datetime import datetime
from typing import Final

from agent_worker.localmodel.dialogue import Say, Topic
from agent_worker.localmodel.intents import Intent, Wish
from agent_worker.localmodel.tongues import TONGUES, Tongue
from agent_worker.localmodel.words import normal, numbers

KNOWN: Final = "I know a little French, Spanish and German. Try: how do you say thank you in French?"
_FEWEST_TELLING: Final = 2
"""Words of a language that a sentence has when it is not understood and yet known to be in it."""
_ASKED: Final = re.compile(
    r"\b(?:say|tell me|word for|is|says?|translate|give me) (?:the word |the words )?(.+?) (?:in|into|to) (\w+)\b"
)
_FOR: Final = re.compile(r"\b(\w+) (?:word )?for (.+)$")
_ALSO: Final = re.compile(r"^(?:and|what about|how about|now|in|no|or)\b")
_COUNTED: Final = re.compile(r"\bcount\b")
_SAME: Final = {
    "hi": "hello", "hey": "hello", "good day": "hello", "bye": "goodbye", "bye bye": "goodbye", "thanks": "thank you",
    "thank you very much": "thank you", "good afternoon": "good evening", "my name": "what is your name",
    "what the time is": "what time is it", "i am sorry": "sorry", "yeah": "yes",
}  # fmt: skip
"""Other words for the same."""


def bare(text: str) -> str:
    """Words without accents, apostrophes and hyphens: "Où est-il ?" -> "ou est il"."""
    decomposed = unicodedata.normalize("NFKD", normal(text).replace("ß", "ss"))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(plain.replace("-", " ").split())


def foreign(text: str, wall: datetime) -> Say | None:
    """The answer to a sentence in another language; None when it is in none that is known."""
    words = bare(text)
    for tongue in TONGUES:
        for intent, pattern in tongue.heard.items():
            if re.fullmatch(pattern, words):
                return _say(_answer(tongue, intent, wall), tongue, intent)
    return None


def lost(text: str) -> Say | None:
    """What to say to a sentence that is not understood, and plainly is in another language."""
    words = set(bare(text).split())
    letters = [letter for letter in "".join(words) if letter.isalpha()]
    if letters and not any(letter.isascii() for letter in letters):
        return Say(f"I understand English. {KNOWN}", topic=Topic.NOT_UNDERSTOOD)
    tongue = max(TONGUES, key=lambda each: len(words & each.telling))
    if len(words & tongue.telling) < _FEWEST_TELLING:
        return None
    return Say(tongue.lost, topic=Topic.NOT_UNDERSTOOD, language=tongue.code)


def asked_in_english(wish: Wish) -> Say:
    """The answer to "how do you say thank you in French?" and "do you speak German?"."""
    tongue = next((tongue for tongue in TONGUES if tongue.name in wish.words), None)
    if tongue is None:
        return Say(KNOWN)
    if _COUNTED.search(wish.text):
        return _say(_counted(wish, tongue), tongue)
    wanted = _phrase(wish.text) or (_phrase(wish.before) if _ALSO.match(wish.text) else None)
    if wanted is None:
        return _say(tongue.answers[Intent.LANGUAGE], tongue)
    said = tongue.sayings.get(_SAME.get(wanted, wanted)) or _number(wanted, tongue)
    if said is None:
        return Say(f"I do not know how to say that in {tongue.name.capitalize()}. {KNOWN}")
    return _say(said, tongue)


def _answer(tongue: Tongue, intent: Intent, wall: datetime) -> str:
    if intent is Intent.TIME:
        return tongue.clock.format(hour=wall.hour, minute=wall.minute or "").replace(" .", ".")
    return tongue.answers[intent]


def _say(text: str, tongue: Tongue, intent: Intent | None = None) -> Say:
    topic = {Intent.GREET: Topic.GREETING, Intent.BYE: Topic.FAREWELL}.get(intent or Intent.HELP, Topic.ANSWER)
    return Say(text, topic=topic, language=tongue.code)


def _phrase(text: str) -> str | None:
    """What is to be said in the language, or None."""
    asked = _ASKED.search(text)
    if asked is not None:
        return asked[1].removeprefix("how to say ").removeprefix("say ").strip()
    named = _FOR.search(text)
    return named[2] if named is not None else None


def _number(wanted: str, tongue: Tongue) -> str | None:
    found = numbers(wanted.split())
    if len(found) != 1 or not 1 <= found[0] <= len(tongue.numbers):
        return None
    return f"{tongue.numbers[int(found[0]) - 1].capitalize()}."


def _counted(wish: Wish, tongue: Tongue) -> str:
    said = numbers(wish.words)
    last = min(max(int(said[-1]), 1), len(tongue.numbers)) if said else 10
    return f"{', '.join(tongue.numbers[:last]).capitalize()}."
