"""How a conversation is doing: playout, voice activity, the room, the model and its history; told to who asks.

AgentSession.statistics() -> numbers for the application; the room's `rpc` METHOD -> the same numbers as JSON.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from agent_worker.media.playout import Playout, PlayoutStatistics
from agent_worker.realtime.enduring import ModelStatistics
from agent_worker.rooms.base import Room, RpcCall
from agent_worker.session.histories import HistoryStatistics
from agent_worker.speech.queue import SpeechStatistics
from agent_worker.vad.detector import DetectorStatistics

if TYPE_CHECKING:
    # It brings aiortc along, which a supervisor has no use for.
    from agent_worker.rooms.statistics import RoomStatistics

__all__ = ["METHOD", "Gauges", "SessionStatistics"]

METHOD: Final = "agent.statistics"
"""Under which name anybody in the room can ask for them."""
MAX_HUMANS: Final = 12
"""Connections in an answer, which must fit one message of the wire."""
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatistics:
    """Everything that is counted of one session, since its beginning.

    Attributes:
        playout: What the agent said, up to the room.
        hearing: What the voice detector made of each human that the agent listens to, by identity.
        room: The agent's voice on its way out, the process's slots, and each human's connection.
        speeches: What the agent is to say.
        model: The connections to the model.
        history: How far the model's copy of the history is behind.
    """

    playout: PlayoutStatistics
    hearing: Mapping[str, DetectorStatistics]
    room: "RoomStatistics"
    speeches: SpeechStatistics
    model: ModelStatistics
    history: HistoryStatistics

    def __str__(self) -> str:
        """One line for a log: what was played, what was heard, and what went wrong on the way."""
        playout, voice, slots = self.playout, self.room.voice, self.room.slots
        said = f"{playout.frames} frames played, {playout.holds} holds, {playout.drops} cuts"
        trouble = f"{playout.starvations} starvations, {voice.skipped} slots skipped, {voice.dropped} packets dropped"
        late = "" if slots is None else f", {slots.late} slots late (worst {slots.worst * 1000:.0f} ms)"
        heard = ", ".join(
            f"{identity}: {hearing.voices} voices in {hearing.windows} windows"
            for identity, hearing in self.hearing.items()
        )
        model = f"model lost {self.model.losses} times, {self.history.items} items of history"
        return f"{said}; {trouble}{late}; {model}; {heard or 'nobody is heard any more'}"


class Gauges:
    """Reads them.

    Args:
        playout: The agent's voice.
        room: Where it is.
        hearing: What the voice detectors have counted, by identity.
        model: What the model's connections have counted.
        history: How far the model's copy is behind.
        speeches: How many speeches there are.
    """

    def __init__(
        self,
        *,
        playout: Playout,
        room: Room,
        hearing: Callable[[], Mapping[str, DetectorStatistics]],
        model: Callable[[], ModelStatistics],
        history: Callable[[], HistoryStatistics],
        speeches: Callable[[], SpeechStatistics],
    ) -> None:
        self._playout = playout
        self._room = room
        self._hearing = hearing
        self._model = model
        self._history = history
        self._speeches = speeches
        room.answer_calls(METHOD, self._told)

    async def read(self) -> SessionStatistics:
        """How it is doing now."""
        return SessionStatistics(
            playout=self._playout.statistics(),
            hearing=self._hearing(),
            room=await self._room.statistics(),
            speeches=self._speeches(),
            model=self._model(),
            history=self._history(),
        )

    async def _told(self, _call: RpcCall) -> dict[str, Any]:
        found = asdict(await self.read())
        found["room"]["humans"] = dict(list(found["room"]["humans"].items())[:MAX_HUMANS])
        return cast(dict[str, Any], _rounded(found))


def _rounded(value: Any) -> Any:
    """The same with numbers as short as people read them."""
    match value:
        case float():
            return round(value, _DIGITS)
        case dict():
            return {key: _rounded(one) for key, one in cast(dict[str, Any], value).items()}
        case _:
            return value
