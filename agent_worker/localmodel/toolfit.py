"""Which of the client's tools does what the user wants: by the words of its name, else by its description. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent_worker.localmodel.intents import Intent
from agent_worker.localmodel.words import singular, vocabulary
from agent_worker.tools.spec import ToolSpec

_STOP_WORDS: Final = vocabulary(
    "a an and be by call check create current do fetch find for from get go handle in is it list look "
    "lookup make my of on or place please query read retrieve run set show start tell the this to tool up "
    "use user what with"
)
"""Words of a tool's name that people leave out when they ask for what it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trait:
    """What a tool's name has when it is for an intent: one word of each group in `has`, and none of `lacks`."""

    has: tuple[frozenset[str], ...]
    lacks: frozenset[str] = frozenset()
    described: str = "(?!)"
    """What its description says when its name is of another kind."""


def _words(*groups: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group.split()) for group in groups)


_ENDING: Final = vocabulary("cancel stop delete clear remove end void undo")
_ASKING: Final = vocabulary("status track check get find query lookup show list where left remaining time")

_TRAITS: Final = {
    Intent.TIME: _Trait(
        has=_words("time clock"),
        lacks=vocabulary("timer set zone sheet out delivery arrival travel"),
        described=r"\b(?:current|local|present|exact)\b.{0,20}\btime\b|\bwhat time\b|\btime of day\b",
    ),
    Intent.DATE: _Trait(
        has=_words("date day today calendar"),
        lacks=vocabulary("update set birth"),
        described=r"\b(?:current|today'?s)\b.{0,20}\bdate\b",
    ),
    Intent.WEATHER: _Trait(has=_words("weather forecast"), described=r"\bweather\b|\bforecast\b"),
    Intent.TIMER_SET: _Trait(
        has=_words("timer alarm reminder countdown"),
        lacks=_ENDING | vocabulary("query list left remaining status get check"),
        described=r"\b(?:set|start|create)s?\b.{0,20}\b(?:timer|alarm)\b",
    ),
    Intent.TIMER_CANCEL: _Trait(has=(frozenset({"timer", "alarm", "reminder"}), _ENDING)),
    Intent.TIMER_QUERY: _Trait(has=(frozenset({"timer", "alarm", "reminder"}), _ASKING), lacks=_ENDING),
    Intent.ORDER: _Trait(
        has=_words("order purchase buy"),
        lacks=_ENDING | _ASKING,
        described=r"\b(?:place|create|make|take|submit)s?\b.{0,20}\border\b|^orders? ",
    ),
    Intent.ORDER_STATUS: _Trait(
        has=(frozenset({"order", "delivery"}), _ASKING), lacks=_ENDING, described=r"\bstatus of\b.{0,20}\border\b"
    ),
    Intent.ORDER_CANCEL: _Trait(has=(frozenset({"order"}), _ENDING), described=r"\bcancels?\b.{0,20}\border\b"),
    Intent.DICE: _Trait(has=_words("dice die"), described=r"\b(?:roll|throw)s?\b.{0,20}\b(?:dice|die)\b"),
    Intent.COIN: _Trait(has=_words("coin"), described=r"\b(?:flip|toss)(?:s|es)?\b.{0,20}\bcoin\b"),
    Intent.MATH: _Trait(has=_words("calculate calculator calc math sum compute"), described=r"\barithmetic\b"),
    Intent.TRANSFER: _Trait(
        has=_words("transfer handoff human escalate operator"),
        described=r"\b(?:transfer|connect|escalate|hand)\w*\b.{0,40}\b(?:to|over)\b",
    ),
    Intent.BYE: _Trait(
        has=_words("hangup hang goodbye", "hangup goodbye up call"),
        described=r"\b(?:hangs? up|ends?|finish(?:es)?)\b.{0,20}\b(?:call|conversation|session)\b|^hangs? up\b",
    ),
    Intent.TRAIN: _Trait(has=_words("train trains railway timetable"), described=r"\btrains?\b"),
    Intent.MAIL: _Trait(
        has=_words("mail email mailbox inbox messages"),
        lacks=vocabulary("send write compose reply delete"),
        described=r"\b(?:reads?|checks?|lists?)\b.{0,20}\b(?:e-?mails?|mailbox|inbox|messages)\b",
    ),
    Intent.STORY: _Trait(has=_words("story")),
    Intent.JOKE: _Trait(has=_words("joke")),
}


def words_of(name: str) -> list[str]:
    """The words of a tool's or an argument's name: "getWeather_forHTTP2" -> get weather for http 2."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def tool_for(intent: Intent, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The tool that does what this intent wants, or None."""
    trait = _TRAITS.get(intent)
    if trait is None:
        return None
    for tool in tools:
        words = {singular(word) for word in words_of(tool.name)}
        if not words & trait.lacks and all(words & group for group in trait.has):
            return tool
    return next((tool for tool in tools if re.search(trait.described, tool.description, re.IGNORECASE)), None)


def intent_of(name: str) -> Intent | None:
    """What a tool of this name is for, or None."""
    tool = ToolSpec(name=name, description="", parameters={})
    return next((intent for intent in _TRAITS if tool_for(intent, [tool]) is not None), None)


def named_tool(said: Sequence[str], tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The tool of which all telling words of its name were said, the most telling one first; or None."""
    heard = {singular(word) for word in said}
    best: tuple[int, ToolSpec] | None = None
    for tool in tools:
        telling = {singular(word) for word in words_of(tool.name)} - _STOP_WORDS
        if telling and telling <= heard and (best is None or len(telling) > best[0]):
            best = (len(telling), tool)
    return best[1] if best is not None else None
