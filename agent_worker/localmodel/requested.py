"""What the instructions of a single reply ask for: to greet, or to say certain words. Pure.

Applications write such instructions when they let the agent speak without a user's turn.
"""

import re
from typing import Final

from agent_worker.localmodel.dialogue import Say, Topic

_QUOTED: Final = re.compile(r"[\"“]([^\"”]{2,})[\"”]|(?<!\w)['‘]([^'’]{2,}(?:['’]\w[^'’]*)*)['’](?!\w)")
_SPEAKS: Final = re.compile(
    r"\b(?:say|speak|repeat|read|greet|welcome|tell|ask|answer|reply|respond|announce)\b", re.I
)
_VERBATIM: Final = re.compile(
    r"\b(?:say|speak|repeat|read)\b[^:\n]{0,80}\b(?:exactly|verbatim|word for word|aloud|the following|this)\b"
    r"[^:\n]*:\s*(.+)",
    re.I | re.S,
)
_WHOM: Final = r"(?:the |your )?(?:user|customer|caller|guest|person|them|him|her)"
_TELL: Final = re.compile(
    rf"\b(?:tell|inform|remind|notify|let) {_WHOM}(?: know)?(?:,)?(?: that)? ((?!about\b|a\b|how\b|what\b).+)",
    re.I | re.S,
)
_ASK_FOR: Final = re.compile(
    rf"\bask (?:{_WHOM} )?(?:for|what) (?:their|his|her|the user's|the) ([\w ]+?)(?: is)?[.!]?$", re.I
)
_STILL_THERE: Final = re.compile(r"\bstill (?:there|here|on the line|listening)\b", re.I)
_GREET: Final = re.compile(r"\b(?:greet|greeting|welcome|say (?:hello|hi)|introduce yourself)\b", re.I)
_BYE: Final = re.compile(r"\b(?:say (?:goodbye|bye)|farewell)\b", re.I)
_YOURS: Final = (
    (r"\btheir\b", "your"),
    (r"\b(?:they|the user|the customer) (?:are|is)\b", "you are"),
    (r"\b(?:they|the user|the customer) (?:have|has)\b", "you have"),
    (r"\b(?:they|them|the user|the customer)\b", "you"),
)


def asks_to_greet(instructions: str) -> bool:
    """Whether instructions ask for a greeting."""
    return _GREET.search(instructions) is not None


def wanted(instructions: str | None) -> Say | None:
    """The words that these instructions dictate; None when they leave the words open, or ask for a greeting."""
    if not instructions:
        return None
    dictated = _dictated(instructions)
    if dictated:
        return Say(dictated, topic=Topic.GREETING if asks_to_greet(instructions) else Topic.ANSWER)
    if asks_to_greet(instructions):
        return None
    if _STILL_THERE.search(instructions):
        return Say("Are you still there?", topic=Topic.QUESTION)
    asked = _ASK_FOR.search(instructions)
    if asked is not None:
        return Say(f"What is your {asked[1].strip()}?", topic=Topic.QUESTION)
    told = _TELL.search(instructions)
    if told is not None:
        return Say(_to_you(told[1]))
    return Say("Goodbye!", topic=Topic.FAREWELL) if _BYE.search(instructions) else None


def _dictated(instructions: str) -> str:
    verbatim = _VERBATIM.search(instructions)
    if verbatim is not None:
        return verbatim[1].strip(" \n\t\"“”'")
    quoted = _QUOTED.search(instructions)
    return (quoted[1] or quoted[2]).strip() if quoted is not None and _SPEAKS.search(instructions) else ""


def _to_you(text: str) -> str:
    for pattern, replacement in _YOURS:
        text = re.sub(pattern, replacement, text, flags=re.I)
    text = text.strip()
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."
