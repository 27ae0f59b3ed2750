"""What goes on with the wish before: "no, in London", "and tomorrow?", "again" -> it with other details. Pure."""

import re
from dataclasses import replace
from typing import Final

from agent_worker.localmodel import phrases
from agent_worker.localmodel.intents import Intent, Wish
from agent_worker.localmodel.memory import Memory
from agent_worker.localmodel.words import normal, numbers, vocabulary

_LEAD: Final = re.compile(
    r"^(?:(?:no|and|or|but|then|sorry|actually|rather|okay|yes|oh|um|uh|well|make (?:it|that)|i (?:mean|meant|said)|"
    r"what about|how about)\b ?)+"
)
_DETAILED: Final = frozenset({Intent.COUNT, Intent.DICE, Intent.TIMER_SET, Intent.TRAIN, Intent.WEATHER})
"""Wishes that can be had once more with other details."""
_REDONE: Final = frozenset({Intent.COIN, Intent.DICE, Intent.JOKE, Intent.STORY})
"""Wishes that are to be fulfilled anew by "again", and not said again."""
_NO_PLACE: Final = vocabulary("you me it that this now then not so them us him her the a an")
_MOST_WORDS: Final = 5
_MOST_BESIDE_A_NUMBER: Final = 3
_AGAIN: Final = frozenset({"again", "again please", "once again", "once more", "once more please"})


def found(text: str, memory: Memory) -> tuple[Wish, ...]:
    """The wish before with the details of this text; nothing when it is no more than details, or fits no wish."""
    words = normal(text)
    lead = _LEAD.match(words)
    rest = words[lead.end() :] if lead is not None else words
    before = memory.wish_before
    if before is None or before.intent not in _DETAILED or not 0 < len(rest.split()) <= _MOST_WORDS:
        return ()
    detail = _detail(before.intent, rest, has_lead=lead is not None)
    return () if detail is None else (Wish(before.intent, detail, before=before.text),)


def redone(wish: Wish, memory: Memory) -> Wish:
    """The wish before in place of "again", where that means to do it again; else the same wish."""
    before = memory.wish_before
    if before is not None and wish.intent is Intent.LANGUAGE is before.intent:
        return replace(wish, before=before.text)
    is_again = wish.intent is Intent.ANOTHER or (wish.intent is Intent.REPEAT and wish.text in _AGAIN)
    if before is None or before.intent not in _REDONE or not is_again:
        return wish
    # "Again" after a joke is the same joke; "another" is another one.
    if wish.intent is Intent.REPEAT and before.intent in (Intent.JOKE, Intent.STORY):
        return wish
    return replace(before, before="")


def _detail(intent: Intent, rest: str, *, has_lead: bool) -> str | None:
    """What was said, as it would stand in a whole sentence; None when it says nothing about such a wish."""
    words = rest.split()
    match intent:
        case Intent.WEATHER | Intent.TRAIN:
            if phrases.place(words) or phrases.when(words) or phrases.destination(words):
                return rest
            is_name = has_lead and len(words) <= 2 and not set(words) & _NO_PLACE
            return f"in {rest}" if is_name else None
        case Intent.TIMER_SET:
            return rest if phrases.duration(words) is not None else None
        case Intent.COUNT | Intent.DICE:
            return rest if numbers(words) and len(words) <= _MOST_BESIDE_A_NUMBER else None
        case _:
            return None
