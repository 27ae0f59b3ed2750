"""A realtime model of quite another shape than OpenAI's: what it can do, and one that can do no more than that."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from agent_worker.history.items import FunctionCallOutput, Item
from agent_worker.realtime import base as rt
from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply

GEMINI_LIVE = rt.Capabilities(
    input_rate=16_000,
    video_input=True,
    activity_marks=True,
    semantic_turns=False,
    voice_events=False,
    idle_timeout=False,
    cancel_response=False,
    response_instructions=False,
    response_tools=False,
    voice_per_response=False,
    response_metadata=False,
    out_of_band=False,
    several_items=False,
    history_edits=rt.HistoryEdits.APPEND,
    item_ids=False,
    truncate=False,
    delete_items=False,
    retrieve_items=False,
    change_instructions=False,
    change_tools=False,
    change_voice=False,
    auto_tool_reply=True,
    async_tools=True,
    tool_cancellation=True,
    replay_calls=False,
    hosted_tools=False,
    resume=rt.Resume.HANDLE,
    expiry_notice=True,
    max_session_seconds=900.0,
    max_connection_seconds=600.0,
)
"""It answers tools by itself, takes no edits, is set once for each connection, and is resumed by a handle."""


def is_beyond(command: rt.RealtimeCommand) -> bool:
    """Whether such a model has no words for this."""
    match command:
        case rt.TruncateItem() | rt.DeleteItem() | rt.RetrieveItem() | rt.CancelResponse() | rt.UpdateSession():
            return True
        case rt.CreateItem(previous_item_id=previous):
            return previous is not None
        case rt.CreateResponse():
            asks_more = (command.instructions, command.tools, command.tool_choice, command.voice)
            return not command.in_conversation or any(more is not None for more in asks_more)
        case _:
            return False


class OtherModel:
    """Answers tools by itself, and drops what it says when it is asked for something else.

    Args:
        replies: Its answers, in this order, to requests and to tools.
        heard: Transcripts of the next turns.

    Attributes:
        inner: Has all that it was sent.
        settings: What each connection was opened with.

    """

    capabilities = GEMINI_LIVE

    def __init__(self, replies: Iterable[ScriptedReply] = (), heard: Iterable[str] = ()) -> None:
        self.inner = ScriptedModel(heard=heard, capabilities=GEMINI_LIVE)
        self.settings: list[rt.SessionSettings] = []
        self._replies = iter(replies)

    @asynccontextmanager
    async def connect(
        self, settings: rt.SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AsyncGenerator[rt.RealtimeConnection, None]:
        self.settings.append(settings)
        async with self.inner.connect(settings, history) as connection:
            yield OtherConnection(self, connection)

    def answer(self, request_id: str | None) -> None:
        reply = next(self._replies, None)
        if reply is not None:
            self.inner.reply(reply, request_id=request_id)


class OtherConnection:
    """Whatever is beyond its model fails the test."""

    def __init__(self, model: OtherModel, connection: rt.RealtimeConnection) -> None:
        self._model = model
        self._connection = connection
        self._saying: str | None = None

    @property
    def capabilities(self) -> rt.Capabilities:
        return self._connection.capabilities

    def send(self, command: rt.RealtimeCommand) -> None:
        assert not is_beyond(command), f"this model has no words for {command}"
        if isinstance(command, rt.CreateResponse) and self._saying is not None:
            self._connection.send(rt.CancelResponse(self._saying))
        self._connection.send(command)
        match command:
            case rt.CreateItem(item=FunctionCallOutput()):
                self._model.answer(None)
            case rt.CreateResponse(request_id=request_id):
                self._model.answer(request_id)
            case _:
                pass

    async def events(self) -> AsyncIterator[rt.RealtimeEvent]:
        async for event in self._connection.events():
            match event:
                case rt.ResponseStarted(response_id=response_id):
                    self._saying = response_id
                case rt.ResponseEnded():
                    self._saying = None
                case _:
                    pass
            yield event
