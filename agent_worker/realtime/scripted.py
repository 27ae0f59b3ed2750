"""A realtime model in this process that follows a script: for tests of sessions and of agents, without a network.

    model = ScriptedModel(replies=[ScriptedReply("It is noon.")])
    ... run a session on it ...
    request = await model.wait_sent(CreateResponse)

It keeps every command with its time. It answers what a real model answers by itself (commits, deletes, truncations,
cancellations, and response requests as long as scripted replies last); everything else the test emits by hand. It
reads no clock but the loop's, and so runs in virtual time.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final, TypeVar, assert_never

from agent_worker import clock
from agent_worker.audio import milliseconds_of, samples_in
from agent_worker.errors import AgentWorkerError, RealtimeLostError
from agent_worker.history.items import Item
from agent_worker.realtime.base import (
    AppendAudio,
    ApproveHostedTool,
    CancelResponse,
    Capabilities,
    ClearAudio,
    ClearPlayback,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    FunctionCallReady,
    InputCommitted,
    InputTranscribed,
    ItemDeleted,
    ItemTruncated,
    Modality,
    OutputAudio,
    OutputAudioDone,
    OutputItemStarted,
    OutputTranscript,
    RealtimeCommand,
    RealtimeConnection,
    RealtimeEvent,
    Refused,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    RetrieveItem,
    SessionSettings,
    SettingsApplied,
    TruncateItem,
    UpdateSession,
)
from agent_worker.realtime.scripted_items import ScriptedItems, refusal
from agent_worker.realtime.scripted_sound import tone
from agent_worker.realtime.scripted_text import beside, written

_WORD_SECONDS: Final = 0.3
_QUEUED_EVENTS: Final = 65_536
_MIN_COMMIT_SECONDS: Final = 0.1

_Command = TypeVar("_Command", bound=RealtimeCommand)


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """What the model answers to one request."""

    text: str = ""
    """Its words. "" without `pcm`: it says nothing, and only calls."""
    pcm: bytes = field(default=b"", repr=False, kw_only=True)
    """Its sound, mono int16 at the output rate. Empty: 0.3 s of a quiet rising tone for each word."""
    calls: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    """Tools that it asks for: name, and arguments as JSON text."""
    ends: bool = field(default=True, kw_only=True)
    """False: the reply stays open, until `ScriptedModel.finish` or a cancellation."""


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command, and when it was sent (loop seconds)."""

    command: RealtimeCommand
    at: float


@dataclass(slots=True)
class _Script:
    """What a model and its connections share."""

    replies: Iterator[ScriptedReply]
    heard: Iterator[str]
    settings: SessionSettings = field(default_factory=SessionSettings)
    commands: list[SentCommand] = field(default_factory=list[SentCommand])
    command_arrived: asyncio.Event = field(default_factory=asyncio.Event)
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    away_until: float = 0.0

    def record(self, command: RealtimeCommand) -> None:
        self.commands.append(SentCommand(command, clock.now()))
        if isinstance(command, UpdateSession):
            self.settings = command.settings
        self.command_arrived.set()


class ScriptedModel:
    """A model whose every word is scripted; fits `realtime.base.RealtimeModel`. It emits to its newest connection.

    Args:
        replies: Answers to the next requests for a response, in this order. When they are used up a request is only
            recorded.
        heard: Transcripts of the next committed turns. When they are used up a turn is committed without one.
        capabilities: What it says of itself.
        refuses: Raised by `connect`, if given.

    """

    def __init__(
        self,
        *,
        replies: Iterable[ScriptedReply] = (),
        heard: Iterable[str] = (),
        capabilities: Capabilities | None = None,
        refuses: AgentWorkerError | None = None,
    ) -> None:
        self._script = _Script(iter(replies), iter(heard))
        self._capabilities = capabilities or Capabilities()
        self._refuses = refuses
        self._connection: _ScriptedConnection | None = None

    @property
    def capabilities(self) -> Capabilities:
        """As given."""
        return self._capabilities

    @property
    def settings(self) -> SessionSettings:
        """What the session was last configured with."""
        return self._script.settings

    @property
    def commands(self) -> Sequence[SentCommand]:
        """All that was sent, oldest first, over all connections."""
        return self._script.commands

    @asynccontextmanager
    async def connect(
        self, settings: SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AsyncGenerator[RealtimeConnection, None]:
        """Open a session at once, told the history by commands; raises what the model refuses with."""
        if self._refuses is not None:
            raise self._refuses
        if clock.now() < self._script.away_until:
            raise RealtimeLostError("The scripted model is away.")
        self._script.settings = settings
        self._connection = connection = _ScriptedConnection(self._script, self._capabilities)
        for item in history():
            connection.tell(CreateItem(item=item))
        try:
            yield connection
        finally:
            if self._connection is connection:
                self._connection = None

    def emit(self, *events: RealtimeEvent) -> None:
        """The session gets these events, in this order."""
        for event in events:
            self._current.put(event)

    def speak(self, text: str, *, pcm: bytes = b"", request_id: str | None = None, ends: bool = True) -> str:
        """A reply with these words, as `reply`. Returns the response's id."""
        return self.reply(ScriptedReply(text, pcm=pcm, ends=ends), request_id=request_id)

    def reply(self, reply: ScriptedReply, *, request_id: str | None = None) -> str:
        """All events of a reply at once, as a server that is faster than speech. Returns the response's id.

        `request_id` is that of the request that it answers; None: nobody asked for it.
        """
        return self._current.reply(reply, request_id)

    def finish(self, status: ResponseStatus = ResponseStatus.COMPLETED, *, message: str = "") -> None:
        """The reply that is open ends so."""
        self._current.finish(status, message)

    def lose(self, why: str = "close code 1006", *, away: float = 0.0) -> None:
        """The connection breaks: `events` raises after what was emitted before, `send` raises at once.

        Nobody can connect for `away` seconds.
        """
        self._script.away_until = clock.now() + away
        self._current.lose(RealtimeLostError(f"The connection to the scripted model is lost: {why}."))

    def sent(self, kind: type[_Command]) -> list[_Command]:
        """All commands of one kind, oldest first."""
        return [entry.command for entry in self._script.commands if isinstance(entry.command, kind)]

    async def wait_sent(self, kind: type[_Command], *, count: int = 1, seconds: float = 5.0) -> _Command:
        """The `count`-th command of a kind, as soon as it is there.

        Raises:
            TimeoutError: There were fewer after `seconds`.

        """
        async with asyncio.timeout(seconds):
            while len(self.sent(kind)) < count:
                self._script.command_arrived.clear()
                await self._script.command_arrived.wait()
        return self.sent(kind)[count - 1]

    def refuse(self, error: AgentWorkerError | None) -> None:
        """From now on `connect` raises this; None: it lets everybody in."""
        self._refuses = error

    @property
    def _current(self) -> "_ScriptedConnection":
        assert self._connection is not None, "nobody is connected to the scripted model"
        return self._connection


class _ScriptedConnection:
    """The model's side of one session: the items it knows, the audio not yet committed, the open reply."""

    def __init__(self, script: _Script, capabilities: Capabilities) -> None:
        self._script = script
        self._capabilities = capabilities
        self._events = asyncio.Queue[RealtimeEvent | RealtimeLostError](_QUEUED_EVENTS)
        self._lost: RealtimeLostError | None = None
        self._items = ScriptedItems()
        self._uncommitted_bytes = 0
        self._open_reply: ResponseStarted | None = None
        self._in_text = False
        self._ids = script.ids

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def send(self, command: RealtimeCommand) -> None:
        if self._lost is not None:
            raise self._lost
        self._script.record(command)
        self._answer(command)

    def tell(self, command: CreateItem) -> None:
        """An item of the history so far: who connects knows of it without being told."""
        self._script.record(command)
        self._items.append(command.item.id, command.item)

    async def events(self) -> AsyncIterator[RealtimeEvent]:
        while True:
            match await self._events.get():
                case RealtimeLostError() as lost:
                    raise lost
                case event:
                    yield event

    def put(self, event: RealtimeEvent) -> None:
        # A full queue raises QueueFull in the test: nobody reads the events of this session.
        self._events.put_nowait(event)

    def lose(self, lost: RealtimeLostError) -> None:
        self._lost = lost
        self._events.put_nowait(lost)

    def reply(self, reply: ScriptedReply, request_id: str | None) -> str:
        started = ResponseStarted(response_id=f"resp_{next(self._ids)}", request_id=request_id)
        self._open_reply = started
        self.put(started)
        if reply.text or reply.pcm:
            self._say(reply, started.response_id)
        for name, arguments in reply.calls:
            number = next(self._ids)
            self.put(self._items.append(f"item_{number}"))
            self.put(
                FunctionCallReady(
                    response_id=started.response_id,
                    item_id=f"item_{number}",
                    call_id=f"call_{number}",
                    name=name,
                    arguments=arguments,
                )
            )
        if reply.ends:
            self.finish(ResponseStatus.COMPLETED, "")
        return started.response_id

    def finish(self, status: ResponseStatus, message: str) -> None:
        assert self._open_reply is not None, "no reply of the scripted model is open"
        reply, self._open_reply = self._open_reply, None
        self.put(
            ResponseEnded(response_id=reply.response_id, request_id=reply.request_id, status=status, message=message)
        )

    def _say(self, reply: ScriptedReply, response_id: str) -> None:
        item_id = f"item_{next(self._ids)}"
        self.put(OutputItemStarted(response_id=response_id, item_id=item_id))
        self.put(self._items.append(item_id))
        if self._in_text:
            for event in written(reply.text, response_id, item_id):
                self.put(event)
            return
        rate = self._capabilities.output_rate
        words = re.findall(r"\s*\S+", reply.text) or [""]
        pcm = reply.pcm or tone(len(words) * _WORD_SECONDS, rate)
        samples = len(pcm) // 2
        for index, word in enumerate(words):
            start, end = (samples * position // len(words) for position in (index, index + 1))
            if word:
                self.put(
                    OutputTranscript(
                        response_id=response_id,
                        item_id=item_id,
                        content_index=0,
                        delta=word,
                        start_ms=milliseconds_of(start, rate),
                    )
                )
            sound = pcm[2 * start : 2 * end]
            self.put(OutputAudio(response_id=response_id, item_id=item_id, content_index=0, pcm=sound))
        self.put(OutputAudioDone(response_id=response_id, item_id=item_id, content_index=0))

    def _answer(self, command: RealtimeCommand) -> None:
        match command:
            case AppendAudio(pcm):
                self._uncommitted_bytes += len(pcm)
            case ClearAudio():
                self._uncommitted_bytes = 0
            case CommitAudio():
                self._commit()
            case CreateResponse():
                self._respond(command)
            case CancelResponse(response_id):
                if self._open_reply is not None and self._open_reply.response_id == response_id:
                    self.finish(ResponseStatus.CANCELLED, "")
                else:
                    self.put(refusal("response_cancel_not_active", "no active response found", Refused.CANCEL))
            case UpdateSession():
                self.put(SettingsApplied())
            case _:
                self._answer_about_an_item(command)

    def _answer_about_an_item(
        self, command: TruncateItem | DeleteItem | CreateItem | RetrieveItem | ClearPlayback | ApproveHostedTool
    ) -> None:
        match command:
            case TruncateItem(item_id=item_id):
                if self._has(item_id, Refused.TRUNCATE):
                    self.put(ItemTruncated(item_id=item_id, audio_end_ms=command.audio_end_ms))
            case DeleteItem(item_id):
                if self._has(item_id, Refused.DELETE):
                    self._items.remove(item_id)
                    self.put(ItemDeleted(item_id))
            case CreateItem(item=item):
                self.put(self._items.create(item, command.previous_item_id))
            case RetrieveItem(item_id):
                if self._has(item_id, Refused.RETRIEVE):
                    self.put(self._items.retrieve(item_id))
            case ClearPlayback() | ApproveHostedTool():
                # Only providers that play, or run tools, by themselves answer these.
                return
            case _:
                assert_never(command)

    def _commit(self) -> None:
        if self._uncommitted_bytes < 2 * samples_in(_MIN_COMMIT_SECONDS, self._capabilities.input_rate):
            self.put(refusal("input_audio_buffer_commit_empty", "buffer too small", Refused.COMMIT))
            return
        self._uncommitted_bytes = 0
        item_id = f"item_{next(self._ids)}"
        self.put(InputCommitted(item_id))
        self.put(self._items.append(item_id))
        text = next(self._script.heard, None)
        if text is not None:
            self.put(InputTranscribed(item_id, text))

    def _respond(self, request: CreateResponse) -> None:
        if not request.in_conversation:
            aside = next(self._script.replies, None)
            for event in beside(aside, request, f"resp_{next(self._ids)}"):
                self.put(event)
            return
        if self._open_reply is not None:
            message = f"Conversation already has an active response: {self._open_reply.response_id}"
            code = "conversation_already_has_active_response"
            self.put(refusal(code, message, Refused.RESPONSE, request_id=request.request_id))
            return
        reply = next(self._script.replies, None)
        self._in_text = (request.modality or self._script.settings.modality) is Modality.TEXT
        if reply is not None:
            self.reply(reply, request.request_id)

    def _has(self, item_id: str, refused: Refused) -> bool:
        if item_id not in self._items:
            message = f"the item with id '{item_id}' does not exist"
            self.put(refusal(f"item_{refused.value}_invalid_item_id", message, refused, item_id=item_id))
        return item_id in self._items
