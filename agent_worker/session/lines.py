"""What people read while they talk: the user's lines as they are understood, the agent's as they are heard.

Also keeps the history: a line of the agent holds what was played of it, no more (R-3).
"""

from collections import deque

from agent_worker.audio import milliseconds_of
from agent_worker.history.items import Message, Role
from agent_worker.history.record import History
from agent_worker.media.ledger import Ledger, Part
from agent_worker.rooms.base import Room, TextWriter
from agent_worker.session.introductions import Introductions, Speaker
from agent_worker.speech.heard import HeardText

TOPIC = "transcription"


class UserLines:
    """One line for each turn of the user, from its beginning on."""

    def __init__(self, room: Room, history: History, introductions: Introductions) -> None:
        self._room = room
        self._history = history
        self._introductions = introductions
        self._speaker = Speaker()
        self._open: TextWriter | None = None
        self._unnamed: deque[tuple[Speaker, TextWriter | None]] = deque()
        self._named: dict[str, TextWriter] = {}
        self._seen: dict[str, str] = {}

    @property
    def words_so_far(self) -> str:
        """What is understood of the turn that is not over, where the model tells so early."""
        seen = reversed(self._seen.items())
        return next((text for item_id, text in seen if self._history.get(item_id) is None), "")

    def speaker_of(self, item_id: str) -> Speaker:
        """Whose turn this is, or was; that of the open turn where the model has named none yet."""
        item = self._history.get(item_id)
        return Speaker(identity=item.identity, name=item.name) if isinstance(item, Message) else self._speaker

    def begin(self, identity: str) -> None:
        """This human begins a turn."""
        self.discard()
        self._speaker = speaker = self._introductions.speaker(identity)
        attributes = {"role": Role.USER, "identity": identity} | ({"name": speaker.name} if speaker.name else {})
        self._open = self._room.open_text(TOPIC, attributes)

    def commit(self) -> None:
        """The turn is about to be sent off; its words will come."""
        self._introductions.before_commit(self._speaker.identity)
        self._unnamed.append((self._speaker, self._open))
        self._open = None

    def discard(self) -> None:
        """The turn was nothing."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def named(self, item_id: str) -> None:
        """The model's name for the oldest turn that was sent off."""
        if self._unnamed:
            self._introductions.named(item_id)
            speaker, writer = self._unnamed.popleft()
        else:
            # The model ended this turn by itself, so nobody said here that it was over.
            speaker, writer, self._open = self._speaker, self._open, None
        message = Message(id=item_id, role=Role.USER, text="", identity=speaker.identity, name=speaker.name)
        self._history.add(message)
        if writer is not None:
            self._named[item_id] = writer

    def grow(self, item_id: str, delta: str) -> str:
        """The model understood more of a turn; gives back all of it so far."""
        text = self._seen[item_id] = self._seen.get(item_id, "") + delta
        writer = self._named.get(item_id)
        if writer is not None and delta:
            writer.write(delta)
        return text

    def finish(self, item_id: str, text: str) -> None:
        """All that the model understood of a turn."""
        self._history.set_text(item_id, text)
        seen = self._seen.pop(item_id, "")
        writer = self._named.pop(item_id, None)
        if writer is None:
            return
        if text.startswith(seen) and text != seen:
            writer.write(text[len(seen) :])
        writer.close()

    def delete(self, item_id: str) -> None:
        """The turn was no turn after all."""
        self._introductions.deleted(item_id)
        self._history.remove(item_id)
        self._seen.pop(item_id, None)
        writer = self._named.pop(item_id, None)
        if writer is not None:
            writer.close({"dismissed": "true"})


class AgentLines:
    """One line for each item of a reply, at the pace of its sound."""

    def __init__(self, room: Room, history: History, ledger: Ledger) -> None:
        self._room = room
        self._history = history
        self._ledger = ledger
        self._texts: dict[Part, HeardText] = {}
        self._writers: dict[Part, TextWriter] = {}
        self._shown: dict[Part, str] = {}
        self._off_the_record: set[str] = set()
        self._placed: set[str] = set()

    def keep_off_the_record(self, item_id: str) -> None:
        """This item is shown, and does not go into the history."""
        self._off_the_record.add(item_id)

    def place(self, item_id: str) -> None:
        """The agent begins a message here; what comes into the history from now on stands behind it."""
        if self._history.get(item_id) is None and item_id not in self._off_the_record:
            self._placed.add(item_id)
            self._history.add(Message(id=item_id, role=Role.ASSISTANT, text=""))

    def forget(self, item_id: str) -> None:
        """This message will never be heard."""
        if item_id in self._placed:
            self._placed.discard(item_id)
            self._history.remove(item_id)

    def add(self, part: Part, delta: str, start_ms: int | None) -> None:
        """More words of a reply."""
        self._texts.setdefault(part, HeardText()).add(delta, start_ms)

    def complete(self, part: Part) -> None:
        """All sound of this part has been received."""
        self._texts.setdefault(part, HeardText()).complete = True

    @property
    def words(self) -> str:
        """The words of the last part of what is being said, as far as they are known."""
        return next(reversed(self._texts.values())).text if self._texts else ""

    def show(self) -> None:
        """Show the words that have been heard by now."""
        for part, progress in self._ledger.progress():
            text = self._texts.get(part)
            if text is None or not progress.played:
                continue
            heard = text.heard(
                played_ms=milliseconds_of(progress.played, self._ledger.rate),
                received_ms=milliseconds_of(progress.received, self._ledger.rate),
            )
            shown = self._shown.get(part, "")
            # Words are never taken back, even if the estimate of their pace falls behind what was shown.
            if len(heard) > len(shown):
                self._shown[part] = heard
                self._writer(part).write(heard[len(shown) :])

    def finish(self, *, interrupted: bool) -> tuple[Message, ...]:
        """The reply is over: what was heard of it goes into the history.

        Returns:
            What was heard, item by item, in the order in which it was.

        """
        self.show()
        parts = [part for part, progress in self._ledger.progress() if progress.played and part in self._texts]
        heard: dict[str, Message] = {}
        for number, part in enumerate(parts):
            cut = interrupted and number == len(parts) - 1
            earlier = heard[part.item_id].text if part.item_id in heard else ""
            text = f"{earlier} {self._shown.get(part, '')}".strip()
            if text:
                message = Message(id=part.item_id, role=Role.ASSISTANT, text=text, interrupted=cut)
                heard[part.item_id] = message
                if part.item_id not in self._off_the_record:
                    self._history.add(message)
            writer = self._writers.get(part)
            if writer is not None:
                writer.close({"interrupted": "true"} if cut else None)
        for item_id in self._placed - heard.keys():
            # Nobody has heard a word of it.
            self._history.remove(item_id)
        self._placed.clear()
        self._texts.clear()
        self._writers.clear()
        self._shown.clear()
        self._off_the_record.clear()
        return tuple(heard.values())

    def _writer(self, part: Part) -> TextWriter:
        writer = self._writers.get(part)
        if writer is None:
            attributes = {"role": "agent", "segment": f"{part.item_id}.{part.content_index}"}
            writer = self._writers[part] = self._room.open_text(TOPIC, attributes)
            # At the latest here: before what the user says over it.
            self.place(part.item_id)
        return writer
