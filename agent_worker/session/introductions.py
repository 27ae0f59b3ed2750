"""Who says what, told to the model: with several humans there, a note before each turn names its speaker.

A model hears voices and sees no faces. The note is a system message right before the turn, in both histories.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from agent_worker.history.items import Message, Role
from agent_worker.history.record import History
from agent_worker.realtime.base import CreateItem
from agent_worker.session.histories import Histories

NOTE: Final = 'The next message is from "{name}".'
"""What the model is told. Strangers choose names: they are shortened, and no more than letters and a few signs."""
LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One of the humans."""

    identity: str = ""
    name: str = ""


class Introductions:
    """Knows the humans by name, and names them to the model where it could take one for another.

    Args:
        history: What is said.
        histories: What the model has of it.
        count: How many humans are there.

    """

    def __init__(self, *, history: History, histories: Histories, count: Callable[[], int]) -> None:
        self._history = history
        self._histories = histories
        self._count = count
        self._names: dict[str, str] = {}
        self._last = ""
        self._unnamed: deque[Message | None] = deque()
        self._notes: dict[str, str] = {}

    def joined(self, identity: str, name: str) -> None:
        """Somebody came, and is called so."""
        self._names[identity] = name

    def left(self, identity: str) -> None:
        """Somebody is gone. The last one's name is kept: their turn may still be under way."""
        if identity != self._last:
            self._names.pop(identity, None)

    def speaker(self, identity: str) -> Speaker:
        """Somebody, with the name by which others know them."""
        return Speaker(identity=identity, name=self._names.get(identity, ""))

    def before_commit(self, identity: str) -> None:
        """A turn of this human is about to be sent off; its name by the model comes later."""
        self._unnamed.append(self._introduce(identity))

    def named(self, item_id: str) -> None:
        """The model's name for the oldest turn that was sent off; it is not in the history yet."""
        note = self._unnamed.popleft() if self._unnamed else None
        if note is not None:
            # Turns may be sent off faster than they are named: each note stands right before its own.
            self._history.remove(note.id)
            self._history.add(note)
            self._notes[item_id] = note.id

    def before_text(self, identity: str) -> Speaker:
        """A text of this human is about to be put into both histories; gives back who that is."""
        self._introduce(identity)
        return self.speaker(identity)

    def deleted(self, item_id: str) -> None:
        """The turn was no turn after all: nobody is introduced for it."""
        note_id = self._notes.pop(item_id, None)
        if note_id is not None:
            self._histories.forget(note_id)

    def _introduce(self, identity: str) -> Message | None:
        first = self._last in ("", identity)
        self._last = identity or self._last
        if not identity or (first and self._count() < 2):
            return None
        note = Message(id=f"from_{uuid4().hex[:20]}", role=Role.SYSTEM, text=NOTE.format(name=self._label(identity)))
        self._history.add(note)
        self._histories.send(CreateItem(item=note))
        return note

    def _label(self, identity: str) -> str:
        name = spelled(self._names.get(identity, "")) or spelled(identity)
        namesakes = [who for who, other in self._names.items() if who != identity and spelled(other) == name]
        return f"{name} ({spelled(identity)})" if namesakes else name


def spelled(name: str) -> str:
    """A name as the model may be told it: letters, digits and a few signs, 40 characters at most."""
    kept = "".join(sign if sign.isalnum() or sign in " -_.'’@" else " " for sign in name[: 4 * LONGEST_NAME])
    return " ".join(kept.split())[:LONGEST_NAME].strip()
