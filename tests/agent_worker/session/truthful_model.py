"""A model with a truth of its own, whose connections break, and a code by which what was heard of it can be read.

commands -> connection: what it was told, has said and has heard -> events

It knows nothing but what its newest connection was told or has heard itself, and answers by that: what a connection
is not told, or is told twice, shows in what it says. Nothing here is shared with the code that is tested.
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

import numpy as np

from agent_worker import clock
from agent_worker.audio import Samples, from_bytes
from agent_worker.errors import RealtimeLostError
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role
from agent_worker.realtime import base as rt

RATE = 24_000
WORD_MS = 400
"""As people speak: where the model does not time its words, that is what the session goes by."""
BLOCK = RATE // 200
"""Samples of one value: 5 ms."""
BLOCKS = WORD_MS // 5
QUIETEST = 4096
"""No code is quieter: of a fade's samples no two are alike."""
WORDS = 7
"""Of an answer, before its tools."""
LATER_WORDS = 2
"""About what the tools have answered."""
TOOLS: tuple[tuple[str, ...], ...] = ((), ("work",), ("work", "look"))
"""The tools of a turn, by its number."""
LOUDNESS = 2000
"""Of the first turn; the second is twice as loud, and so on: how the model tells which one it hears."""
BACKCHANNEL, NOISE = 14, 15
"""As loud as these turns would be."""
VOICE = 500
"""What is louder is voice."""
STARTS_AFTER, STOPS_AFTER = round(0.06 * RATE), round(0.3 * RATE)
"""Samples after which the model's own detector is sure of a voice, or of its end."""


# The code. -----------------------------------------------------------------------------------------------------


def word(turn: int, number: int) -> str:
    return f"t{turn}w{number:02}"


def words_of(turn: int) -> list[str]:
    """All that is to be said about a turn."""
    later = LATER_WORDS if tools_of(turn) else 0
    return [word(turn, number) for number in range(WORDS + later)]


def tools_of(turn: int) -> tuple[str, ...]:
    return TOOLS[turn % len(TOOLS)]


def sound(text: str) -> bytes:
    """A word as steps of 5 ms, each of them the word's number and its own."""
    turn, number = map(int, re.findall(r"\d+", text))
    first = QUIETEST + (turn * 32 + number) * 128
    return np.repeat(np.arange(first, first + BLOCKS), BLOCK).astype("<i2").tobytes()


def read(heard: Samples) -> list[tuple[str, int]]:
    """Word and step of each piece that was heard, but for what was faded."""
    edges = np.flatnonzero(np.diff(heard.astype(np.int32), prepend=-1, append=-1))
    pieces: list[tuple[str, int]] = []
    for begin, end in pairwise(edges):
        value = int(heard[begin])
        if value >= QUIETEST and end - begin >= BLOCK // 2:
            code, step = divmod(value - QUIETEST, 128)
            turn, number = divmod(code, 32)
            pieces.append((word(turn, number), step))
    return pieces


def voice(loudness: int, seconds: float) -> Samples:
    """What the user says, at 48 kHz."""
    time = np.arange(round(seconds * 48_000)) / 48_000
    return (LOUDNESS * (loudness + 1) * np.sin(2 * np.pi * 300 * time)).astype(np.int16)


# What breaks. --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The end of a connection, and how long the model is away then."""

    after: int | None = None
    """Commands and events, but for the user's sound, that it carries."""
    at: type | None = None
    """The kind of command or event that it breaks at."""
    carried: bool = True
    """Whether that comes over still."""
    seconds: float | None = None
    """How long it holds."""
    away: float = 0.0
    failing: int = 0
    """How many new connections break in the opening."""


# The model. ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Response:
    id: str
    request_id: str | None
    cancelled: bool = False


class TruthfulModel:
    """Fits `realtime.base.RealtimeModel`.

    Attributes:
        faults: What a model would not know how to answer, or a server would refuse.
        turns_heard: Of each turn that was committed, its words and the seconds of voice in it.
        broken: How many connections broke, by what they broke of.

    """

    def __init__(self, dice: random.Random, breaks: Iterable[Break]) -> None:
        self.dice = dice
        self.capabilities = rt.Capabilities(timed_transcript=dice.random() < 0.5)
        self.faults: list[str] = []
        self.turns_heard: list[tuple[str, float]] = []
        self.broken: list[Break] = []
        self.ids = count(1)
        self.pace = dice.choice([0.0, 0.03, 0.1])
        self.connected = 0
        self._breaks = iter(breaks)
        self._open: list[_Connection] = []
        self._away_until = 0.0
        self._failing = 0

    @property
    def is_connected(self) -> bool:
        return bool(self._open)

    @property
    def items(self) -> list[Item]:
        """What it knows over its newest connection, in its order."""
        return self._open[-1].known

    @asynccontextmanager
    async def connect(
        self, settings: rt.SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AsyncGenerator[rt.RealtimeConnection, None]:
        told = tuple(history())
        await asyncio.sleep(self.dice.choice([0.0, 0.05, 0.4]))
        if self._failing > 0 or clock.now() < self._away_until:
            self._failing -= 1
            raise RealtimeLostError("The truthful model is away.")
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            connection = _Connection(self, group, settings, told, next(self._breaks, Break()))
            self.connected += 1
            self._open.append(connection)
            try:
                yield connection
            except Exception as exc:
                failure = exc
            finally:
                connection.close()
                self.closed(connection)
        if failure is not None:
            raise failure

    def broke(self, connection: "_Connection", how: Break) -> None:
        self.broken.append(how)
        self._away_until = clock.now() + how.away
        self._failing = how.failing
        self.closed(connection)

    def closed(self, connection: "_Connection") -> None:
        if connection in self._open:
            self._open.remove(connection)


@dataclass(slots=True)
class _Known:
    """An item; `words`, if the model has said it itself: those of which something may have been heard."""

    item: Item
    words: list[str] = field(default_factory=list)
    truncated: bool = False

    @property
    def now(self) -> Item:
        said = self.words and isinstance(self.item, Message)
        return replace(self.item, text=" ".join(self.words)) if said else self.item


class _Connection:
    def __init__(
        self,
        model: TruthfulModel,
        group: asyncio.TaskGroup,
        settings: rt.SessionSettings,
        told: Sequence[Item],
        breaks: Break,
    ) -> None:
        self.capabilities = model.capabilities
        self._model = model
        self._group = group
        self._settings = settings
        self._breaks = breaks
        self._carries = breaks.after
        self._items = {item.id: _Known(item) for item in told}
        self._events = asyncio.Queue[rt.RealtimeEvent | RealtimeLostError]()
        self._lost: RealtimeLostError | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._response: _Response | None = None
        self._buffer: list[Samples] = []
        self._voiced = 0
        self._silent = 0
        self._speaker: str | None = None
        if breaks.seconds is not None:
            self._later(breaks.seconds, self._lose)

    @property
    def known(self) -> list[Item]:
        return [
            replace(kept.item, text=" ".join(kept.words))
            if kept.words and isinstance(kept.item, Message)
            else kept.item
            for kept in self._items.values()
        ]

    # The wire.

    def send(self, command: rt.RealtimeCommand) -> None:
        if self._lost is not None:
            raise self._lost
        self._carry(command, lambda: self._obey(command))

    async def events(self) -> AsyncIterator[rt.RealtimeEvent]:
        while True:
            match await self._events.get():
                case RealtimeLostError() as lost:
                    raise lost
                case event:
                    yield event

    def close(self) -> None:
        self._lost = self._lost or RealtimeLostError("The connection is closed.")
        for task in self._tasks:
            task.cancel()

    def _put(self, event: rt.RealtimeEvent) -> None:
        self._carry(event, lambda: self._events.put_nowait(event))

    def _carry(self, what: rt.RealtimeCommand | rt.RealtimeEvent, deliver: Callable[[], None]) -> None:
        if self._lost is not None:
            return
        breaks = self._breaks.at is not None and isinstance(what, self._breaks.at)
        if self._carries is not None and not isinstance(what, rt.AppendAudio):
            self._carries -= 1
            breaks |= self._carries < 0
        if not breaks or self._breaks.carried:
            deliver()
        if breaks:
            self._lose()

    def _lose(self) -> None:
        if self._lost is None:
            self._lost = RealtimeLostError("The connection to the truthful model is lost.")
            self._events.put_nowait(self._lost)
            self._model.broke(self, self._breaks)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            if self._lost is None:
                do()

        self._tasks.append(self._group.create_task(wait()))

    # What it is told.

    def _obey(self, command: rt.RealtimeCommand) -> None:
        match command:
            case rt.AppendAudio(pcm):
                self._hear(from_bytes(pcm))
            case rt.ClearAudio():
                self._buffer.clear()
            case rt.CommitAudio():
                self._commit(f"user_{next(self._model.ids)}")
            case rt.CreateResponse(request_id=request_id):
                self._respond(request_id)
            case rt.CancelResponse(response_id):
                self._cancel(response_id)
            case rt.UpdateSession(settings):
                if settings.turn_detection is not self._settings.turn_detection:
                    self._voiced, self._speaker = 0, None
                self._settings = settings
                self._put(rt.SettingsApplied())
            case rt.CreateItem(item=item, previous_item_id=previous):
                self._insert(item, previous)
                self._put(rt.ItemAdded(item_id=item.id, previous_item_id=previous))
            case rt.DeleteItem(item_id):
                if item_id in self._items:
                    del self._items[item_id]
                    self._put(rt.ItemDeleted(item_id))
                else:
                    self._model.faults.append(f"{item_id} was to be deleted, and is not there")
            case rt.TruncateItem(item_id=item_id, audio_end_ms=end):
                self._truncate(item_id, end)
            case _:
                self._model.faults.append(f"nobody has asked for {command}")

    def _insert(self, item: Item, previous: str | None) -> None:
        if item.id in self._items:
            self._model.faults.append(f"{item.id} was created twice")
        if previous not in {None, "root", *self._items}:
            self._model.faults.append(f"{item.id} was put behind {previous}, which is not there")
            previous = None
        calls = {kept.item.call_id for kept in self._items.values() if isinstance(kept.item, FunctionCall)}
        if isinstance(item, FunctionCallOutput) and item.call_id not in calls:
            self._model.faults.append(f"{item.call_id} was answered, and never asked for")
        known = [(item_id, kept) for item_id, kept in self._items.items() if item_id != item.id]
        ids = [item_id for item_id, _ in known]
        place = len(known) if previous is None else 0 if previous == "root" else ids.index(previous) + 1
        self._items = dict([*known[:place], (item.id, _Known(item)), *known[place:]])

    def _truncate(self, item_id: str, end_ms: int) -> None:
        kept = self._items.get(item_id)
        if kept is None or not kept.words or end_ms > len(kept.words) * WORD_MS:
            self._model.faults.append(f"{item_id} was to be truncated at {end_ms} ms: {kept}")
            return
        # Less than that of a word is a fade.
        kept.words, kept.truncated = kept.words[: -(-(end_ms - 40) // WORD_MS)], True
        self._put(rt.ItemTruncated(item_id=item_id, audio_end_ms=end_ms))

    # What it hears.

    def _hear(self, samples: Samples) -> None:
        if self._settings.turn_detection is rt.TurnDetection.NONE:
            self._buffer.append(samples)
            return
        for begin in range(0, len(samples), RATE // 50):
            piece = samples[begin : begin + RATE // 50]
            self._buffer.append(piece)
            self._detect(len(piece), voice=int(np.abs(piece.astype(np.int32)).max()) > VOICE)

    def _detect(self, samples: int, *, voice: bool) -> None:
        """A detector of its own, in the modes in which it finds the turns."""
        self._voiced = self._voiced + samples if voice else 0
        self._silent = 0 if voice else self._silent + samples
        if self._speaker is None and self._voiced >= STARTS_AFTER:
            self._speaker = f"user_{next(self._model.ids)}"
            if self._settings.turn_detection is rt.TurnDetection.SERVER and self._response is not None:
                self._response.cancelled = True
            self._put(rt.InputVoiceStarted(item_id=self._speaker))
        elif self._speaker is not None and self._silent >= STOPS_AFTER:
            item_id, self._speaker = self._speaker, None
            self._put(rt.InputVoiceStopped(item_id=item_id))
            self._commit(item_id)
            if self._settings.turn_detection is rt.TurnDetection.SERVER:
                self._respond(None)

    def _commit(self, item_id: str) -> None:
        if not self._buffer:
            self._model.faults.append(f"{item_id} was to be made of no sound")
            return
        heard = np.abs(np.concatenate(self._buffer).astype(np.int32))
        self._buffer.clear()
        loudness = round(heard.max() / LOUDNESS) - 1
        text = {BACKCHANNEL: "mm-hm", NOISE: ""}.get(loudness, f"this is turn {loudness}")
        # Of a sine's samples so many are louder than that.
        loud = 1 - 2 / np.pi * np.arcsin(VOICE / max(VOICE, int(heard.max())))
        self._model.turns_heard.append((text, float((heard > VOICE).sum() / loud / RATE)))
        self._items[item_id] = _Known(Message(id=item_id, role=Role.USER, text=text))
        self._put(rt.InputCommitted(item_id))
        self._later(self._model.dice.choice([0.0, 0.1, 0.5]), lambda: self._put(rt.InputTranscribed(item_id, text)))

    # What it says.

    def _respond(self, request_id: str | None) -> None:
        if self._response is not None and request_id is None:
            # What the voice has stopped ends first.
            self._later(0.05, lambda: self._respond(None))
            return
        if self._response is not None:
            self._put(
                rt.ModelError(
                    code="conversation_already_has_active_response",
                    message="Wait for its end.",
                    request_id=request_id,
                    refused=rt.Refused.RESPONSE,
                    policy=rt.ErrorPolicy.FAIL_REQUEST,
                )
            )
            return
        self._response = _Response(f"resp_{next(self._model.ids)}", request_id)
        self._tasks.append(self._group.create_task(self._answer(self._response)))

    def _cancel(self, response_id: str) -> None:
        if self._response is not None and self._response.id == response_id:
            self._response.cancelled = True
            return
        self._put(
            rt.ModelError(
                code="response_cancel_not_active",
                message="no active response",
                refused=rt.Refused.CANCEL,
                policy=rt.ErrorPolicy.IGNORE,
            )
        )

    async def _answer(self, response: _Response) -> None:
        await asyncio.sleep(0.1)
        self._put(rt.ResponseStarted(response_id=response.id, request_id=response.request_id))
        words, calls = self._plan()
        if words:
            await self._say(response, words)
        for name, turn in calls:
            await asyncio.sleep(self._model.pace)
            if not response.cancelled:
                self._call(response, name, turn)
        if self._lost is None:
            self._response = None
        status = rt.ResponseStatus.CANCELLED if response.cancelled else rt.ResponseStatus.COMPLETED
        self._put(rt.ResponseEnded(response_id=response.id, request_id=response.request_id, status=status))

    async def _say(self, response: _Response, words: list[str]) -> None:
        item_id = f"item_{next(self._model.ids)}"
        kept = _Known(Message(id=item_id, role=Role.ASSISTANT, text=""))
        self._items[item_id] = kept
        self._put(rt.OutputItemStarted(response_id=response.id, item_id=item_id))
        for number, text in enumerate(words):
            await asyncio.sleep(self._model.pace)
            if not kept.truncated:
                kept.words.append(text)
            self._put(
                rt.OutputTranscript(
                    response_id=response.id,
                    item_id=item_id,
                    content_index=0,
                    delta=" " * (number > 0) + text,
                    start_ms=number * WORD_MS if self.capabilities.timed_transcript else None,
                )
            )
            self._put(rt.OutputAudio(response_id=response.id, item_id=item_id, content_index=0, pcm=sound(text)))
            if response.cancelled:
                return
        self._put(rt.OutputAudioDone(response_id=response.id, item_id=item_id, content_index=0))

    def _call(self, response: _Response, name: str, turn: int) -> None:
        number = next(self._model.ids)
        call = FunctionCall(id=f"item_{number}", call_id=f"call_{number}", name=name, arguments=f'{{"turn": {turn}}}')
        self._items[call.id] = _Known(call)
        self._put(
            rt.FunctionCallReady(
                response_id=response.id, item_id=call.id, call_id=call.call_id, name=name, arguments=call.arguments
            )
        )

    def _plan(self) -> tuple[list[str], list[tuple[str, int]]]:
        """What is still to be said of the last turn, and to be done for it, as far as this connection knows."""
        items = self.known
        asked = [item.text for item in items if isinstance(item, Message) and item.role is Role.USER]
        turns = [int(text.rpartition(" ")[2]) for text in asked if text.startswith("this is turn")]
        if not turns:
            self._model.faults.append(f"something was to be said, and nobody had said anything: {items}")
            return [], []
        turn = turns[-1]
        said = {
            text
            for item in items
            if isinstance(item, Message) and item.role is Role.ASSISTANT
            for text in item.text.split()
        }
        calls = [item for item in items if isinstance(item, FunctionCall) and f'"turn": {turn}' in item.arguments]
        missing = [name for name in tools_of(turn) if name not in {call.name for call in calls}]
        if len(calls) > len({call.name for call in calls}):
            self._model.faults.append(f"a tool stands twice in the history: {calls}")
        first, later = words_of(turn)[:WORDS], words_of(turn)[WORDS:]
        if missing or not calls:
            return [text for text in first if text not in said], [(name, turn) for name in missing]
        answered = {item.call_id for item in items if isinstance(item, FunctionCallOutput)}
        unanswered = [call for call in calls if call.call_id not in answered]
        if unanswered:
            self._model.faults.append(f"something was to be said before {unanswered} were answered")
        return [text for text in [*first, *later] if text not in said], []
