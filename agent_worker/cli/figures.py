"""What agents count of themselves, as rows for people. Pure: the answer to `agent.statistics` in, cells out.

An answer comes from a process of any version: what is not in it is a dash.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

__all__ = ["HEARING_COLUMNS", "SPEAKING_COLUMNS", "rows_of_hearing", "rows_of_speaking"]

HEARING_COLUMNS: Final = ("Room", "Hears", "Delay", "Varies by", "Lost", "Concealed", "Late", "Level", "Queued")
SPEAKING_COLUMNS: Final = (
    "Room",
    "Agent",
    "Level",
    "To be said",
    "In line",
    "Paused",
    "Interrupted",
    "Waited",
    "Left out",
    "Late by",
    "Model lost",
)
NOTHING: Final = "-"
SILENT: Final = -75.0
"""Decibels below full scale, under which nothing can be heard."""
_FRAME: Final = 0.02

Told = Mapping[str, Mapping[str, Any]]
"""By room and the agent's identity."""


def rows_of_hearing(told: Told) -> list[tuple[str, ...]]:
    """One row for each human whom an agent hears: since their connection began, and as it is now."""
    return [
        (room, identity, *_hearing(human))
        for room, agents in sorted(told.items())
        for answer in agents.values()
        for identity, human in sorted(_part(answer, "room", "humans").items())
    ]


def rows_of_speaking(told: Told) -> list[tuple[str, ...]]:
    """One row for each agent: since it came, and as it is now."""
    return [
        (room, identity, *_speaking(answer))
        for room, agents in sorted(told.items())
        for identity, answer in sorted(agents.items())
    ]


def _hearing(human: Any) -> tuple[str, ...]:
    voice, packets = _part(human, "voice"), _part(human, "voice", "packets")
    round_trip, queued = _number(_part(human, "transport"), "round_trip"), _number(voice, "queued")
    lag = _number(packets, "lag")
    delay = None if round_trip is None else round_trip / 2 + (lag or 0.0) + _FRAME * (queued or 0.0)
    due = (_number(packets, "received") or 0.0) + (_number(packets, "lost") or 0.0)
    return (
        _shown(delay, _milliseconds),
        _shown(_number(packets, "jitter"), _milliseconds),
        *(
            _shown(_number(packets, what), lambda count: _percent(count, due))
            for what in ("lost", "concealed", "late")
        ),
        _shown(_number(voice, "level"), _decibels),
        _shown(queued, _count),
    )


def _speaking(answer: Any) -> tuple[str, ...]:
    playout, room = _part(answer, "playout"), _part(answer, "room")
    return (
        _shown(_number(playout, "level"), _decibels),
        _shown(_number(playout, "buffered_seconds"), _seconds),
        _shown(_number(_part(answer, "speeches"), "waiting"), _count),
        _shown(_number(playout, "holds"), _count),
        _shown(_number(playout, "drops"), _count),
        _shown(_number(playout, "starvations"), _count),
        _shown(_number(_part(room, "voice"), "skipped"), lambda frames: f"{_FRAME * frames:.2f} s"),
        _shown(_number(_part(room, "slots"), "worst"), _milliseconds),
        _shown(_number(_part(answer, "model"), "losses"), _count),
    )


def _part(answer: Any, *path: str) -> Mapping[str, Any]:
    for key in path:
        answer = cast(Mapping[str, Any], answer).get(key) if isinstance(answer, Mapping) else None
    return cast(Mapping[str, Any], answer) if isinstance(answer, Mapping) else {}


def _number(part: Mapping[str, Any], key: str) -> float | None:
    value = part.get(key)
    return float(value) if isinstance(value, int | float) else None


def _shown(value: float | None, words: Callable[[float], str]) -> str:
    return NOTHING if value is None else words(value)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _decibels(level: float) -> str:
    return "silent" if level < SILENT else f"{level:.0f} dB"


def _percent(count: float, due: float) -> str:
    return f"{100 * count / due:.1f} %" if due else NOTHING


def _count(number: float) -> str:
    return f"{number:.0f}"
