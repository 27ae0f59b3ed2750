"""What a tool answered, as a sentence to be said: plain sentences as they are, bare values in a few words. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final, cast

from agent_worker.localmodel.intents import Intent
from agent_worker.localmodel.toolfit import words_of

_AROUND: Final = {
    Intent.TIME: "It is {}.",
    Intent.DATE: "It is {}.",
    Intent.DICE: "You rolled {}.",
    Intent.COIN: "It is {}.",
    Intent.MATH: "That makes {}.",
    Intent.ORDER: "Your order is placed. The number is {}.",
    Intent.ORDER_STATUS: "Your order is {}.",
    Intent.WEATHER: "The weather is {}.",
}
"""What is said around a bare value."""
_DIGITS: Final = re.compile(r"^\d{3,6}$")
_DONE: Final = frozenset({"", "ok", "okay", "true", "yes", "done", "success", "none", "null"})
"""Answers that say no more than that it worked."""
_FAILED: Final = "Sorry, that did not work."


def spoken(output: str, intent: Intent | None) -> str:
    """What to say about a tool's output.

    Args:
        output: What the client sent: words, a value, or JSON.
        intent: What the tool is for, if that is known.

    """
    value = _read(output)
    match value:
        case None | True:
            return "Done."
        case str() if value.strip(" .!").lower() in _DONE:
            return "Done."
        case str():
            return _sentence(value) if _is_sentence(value) else _around(value, intent)
        case Mapping():
            return _object(cast(Mapping[str, Any], value), intent)
        case list():
            several = [_plain(each) for each in cast(list[Any], value)]
            return _around(_listed(several), intent) if several else "There is nothing."
        case _:
            return _around(_plain(value), intent)


def clock_text(moment: datetime | time) -> str:
    """A time of day as people say it: "3:42 PM"."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def date_text(day: date) -> str:
    """A date as people say it: "Friday, November 20, 2026"."""
    return f"{day:%A, %B} {day.day}, {day.year}"


def _read(output: str) -> Any:
    text = output.strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # A bare number may be written with zeros in front or as an order's number: as text it stays as it was.
    return text if isinstance(value, int | float) and not isinstance(value, bool) else value


def _object(body: Mapping[str, Any], intent: Intent | None) -> str:
    if body.get("error"):
        reason = _plain(body["error"])
        return f"{_FAILED} {_sentence(reason)}"
    for key in ("message", "text", "answer", "result", "output"):
        if isinstance(body.get(key), str) and _is_sentence(body[key]):
            return _sentence(body[key])
    known = {key: value for key, value in body.items() if value not in (None, "", [], {})}
    if len(known) == 1:
        return spoken(json.dumps(next(iter(known.values()))), intent)
    facts = [f"the {' '.join(words_of(key))} is {_plain(value)}" for key, value in known.items()]
    return _sentence(_listed(facts)) if facts else "Done."


def _is_sentence(text: str) -> bool:
    words = text.split()
    return len(words) > 3 or (len(words) > 1 and text[-1] in ".!?")


def _around(value: str, intent: Intent | None) -> str:
    shaped = _moment(value)
    frame = _AROUND.get(intent, "{}.") if intent is not None else "{}."
    if intent is Intent.ORDER:
        # An order's number is read digit by digit.
        shaped, frame = (" ".join(shaped), frame) if _DIGITS.match(shaped) else (shaped, "{}.")
    if frame == "{}." and not shaped[:1].isalpha():
        frame = "The answer is {}."
    said = frame.format(shaped.rstrip("."))
    return said[0].upper() + said[1:]


def _moment(value: str) -> str:
    """ISO times and dates as people say them; anything else as it is."""
    if not re.match(r"^\d{1,4}[-:]\d", value) or re.search(r"[ap]\.?m", value, re.IGNORECASE):
        return value
    try:
        if "T" in value or " " in value.strip():
            return clock_text(datetime.fromisoformat(value))
        return clock_text(time.fromisoformat(value)) if ":" in value else date_text(date.fromisoformat(value))
    except ValueError:
        return value


def _plain(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case Mapping():
            body = cast(Mapping[str, Any], value)
            return _listed([f"{' '.join(words_of(key))} {_plain(inner)}" for key, inner in body.items()])
        case list():
            return _listed([_plain(each) for each in cast(list[Any], value)])
        case _:
            return _moment(str(value))


def _listed(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in tuple(".!?…\"'”’") else f"{text}."
