"""The conversation as lines of text, from what a room's members say to each other. Pure.

streams, data and attributes of the room -> finished lines to print, lines that grow, and what the agent does
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from signaling.messages import Participant, RelayedData, RelayedStream

__all__ = ["Line", "Speaker", "Transcript"]

MAX_OPEN: Final = 32
"""Lines that grow at once; of more, the oldest is taken for finished."""
MAX_TEXT: Final = 20_000
"""Characters of one line; what comes on top is not shown."""
EVENTS: Final = "agent.event"
TRANSCRIPTION: Final = "transcription"
CHAT: Final = "chat"


class Speaker(Enum):
    """Whose line it is."""

    AGENT = auto()
    HUMAN = auto()
    NOTE = auto()
    """Nobody's: something that happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a conversation.

    Attributes:
        speaker: What kind of line it is.
        who: The name that stands before it.
        text: What was said, on one line.
    """

    speaker: Speaker
    who: str = ""
    text: str

    @property
    def plain(self) -> str:
        """As it is written where there is no terminal."""
        return f"{self.who}: {self.text}" if self.who else f"* {self.text}"


@dataclass(slots=True)
class _Open:
    speaker: Speaker
    who: str
    text: str = ""

    @property
    def line(self) -> Line:
        return Line(speaker=self.speaker, who=self.who, text=on_one_line(self.text))


@dataclass(slots=True)
class Transcript:
    """What is said in one room.

    Attributes:
        agent_state: What the agent says that it does ("listening", "thinking", "speaking", ...); "" before it does.
        is_held: Its speech is held because somebody speaks.
    """

    agent_state: str = ""
    is_held: bool = False
    _open: dict[str, _Open] = field(default_factory=dict[str, _Open])

    @property
    def growing(self) -> tuple[Line, ...]:
        """What is being said now, as far as there are words."""
        return tuple(part.line for part in self._open.values() if part.text)

    def stream(self, message: RelayedStream) -> list[Line]:
        """A text began, grew or ended; the lines that are finished by this."""
        match message.op:
            case "open":
                return self._begin(message)
            case "chunk":
                part = self._open.get(message.sid)
                if part is not None and len(part.text) < MAX_TEXT:
                    part.text += message.text or ""
                return []
            case "close":
                part = self._open.pop(message.sid, None)
                if part is None or not part.text.strip():
                    return []
                was_cut = (message.attributes or {}).get("interrupted") == "true"
                return [_finished(part, "[interrupted]" if was_cut else "")]

    def data(self, message: RelayedData) -> list[Line]:
        """Somebody told something; what of it is worth a line."""
        if message.topic != EVENTS or not isinstance(message.payload, dict):
            return []
        event = message.payload
        match event.get("type"):
            case "held":
                return [_note("the agent pauses: somebody speaks")]
            case "resumed":
                return [_note("the agent goes on: that was no interruption")]
            case "interrupted":
                return [_note("the agent was interrupted")]
            case "error":
                return [_note(f"error: {event.get('message', '')}")]
            case "tool":
                return [_note(f"tool {event.get('name', '')} says: {event.get('output', '')}")]
            case _:
                return []

    def agent(self, participant: Participant | None) -> list[Line]:
        """What the agent shows of itself has changed; None: it is gone, and what it was saying ends."""
        state = "" if participant is None else participant.attributes.get("agent.state", "")
        self.is_held = participant is not None and bool(participant.attributes.get("agent.held"))
        changed, self.agent_state = state != self.agent_state, state
        lines = self.finish() if participant is None else []
        return [*lines, _note(f"the agent is {state}")] if changed and state else lines

    def finish(self) -> list[Line]:
        """Nobody will say more; what was growing ends as it is."""
        parts, self._open = self._open, {}
        return [_finished(part, "[...]") for part in parts.values() if part.text.strip()]

    def _begin(self, message: RelayedStream) -> list[Line]:
        if message.topic not in (TRANSCRIPTION, CHAT) or message.sid in self._open:
            return []
        attributes = message.attributes or {}
        spoken_by_agent = message.topic == TRANSCRIPTION and attributes.get("role") == "agent"
        who = message.sender if message.topic == CHAT else attributes.get("identity") or message.sender
        lines: list[Line] = []
        if len(self._open) >= MAX_OPEN:
            oldest = self._open.pop(next(iter(self._open)))
            lines = [_finished(oldest, "[...]")] if oldest.text.strip() else []
        speaker = Speaker.AGENT if spoken_by_agent else Speaker.HUMAN
        self._open[message.sid] = _Open(speaker, "agent" if spoken_by_agent else who)
        return lines


def on_one_line(text: str) -> str:
    """Words of a stranger for a terminal: without line breaks, and without what would steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _finished(part: _Open, ending: str) -> Line:
    return Line(speaker=part.speaker, who=part.who, text=f"{on_one_line(part.text)} {ending}".rstrip())


def _note(text: str) -> Line:
    return Line(speaker=Speaker.NOTE, text=on_one_line(text))
