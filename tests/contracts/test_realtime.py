"""What every realtime model does behind the seam, each in its own way. A provider is a row of `SUBJECTS`.

The scripted model reads its answers from the scenario; a real one makes up its own from what the user says or types.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import TypeVar

import numpy as np
import pytest

from agent_worker.audio import to_bytes
from agent_worker.errors import RealtimeLostError
from agent_worker.history.items import FunctionCallOutput, Message, Role
from agent_worker.localmodel.connection import Engines
from agent_worker.localmodel.server import installed_engines, serve
from agent_worker.media.resample import Resampler
from agent_worker.realtime.base import (
    AppendAudio,
    CancelResponse,
    Capabilities,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    FunctionCallReady,
    InputCommitted,
    InputTranscribed,
    InputTranscriptionFailed,
    ItemDeleted,
    ItemTruncated,
    ModelError,
    OutputAudio,
    OutputAudioDone,
    OutputItemStarted,
    OutputTranscript,
    RealtimeConnection,
    RealtimeEvent,
    RealtimeModel,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionSettings,
    TruncateItem,
    UpdateSession,
)
from agent_worker.realtime.dialects import BETA, BETA_16K, Dialect
from agent_worker.realtime.enduring import Endurance, EnduringModel
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply
from agent_worker.tools.spec import ToolSpec
from tests.support.beta_relay import beta_relay
from tests.support.other_shapes import OtherModel
from tests.support.wav import corpus

SECONDS = 20.0
"""Deadline of each wait for the model."""
TIME_TOOL = ToolSpec(
    name="get_time",
    description="Tell the current time.",
    parameters={"type": "object", "properties": {}, "additionalProperties": False},
)
SETTINGS = SessionSettings(instructions="You are a kind assistant.", tools=(TIME_TOOL,))

FLAGS = [flag for flag in fields(Capabilities) if flag.type is bool]

_Event = TypeVar("_Event", bound=RealtimeEvent)


@dataclass(frozen=True)
class Subject:
    """A model, and a way to break its connections."""

    model: RealtimeModel
    lose: Callable[[], object]
    url: str = ""


Subjects = Callable[..., AbstractAsyncContextManager[Subject]]


@asynccontextmanager
async def scripted(*script: ScriptedReply) -> AsyncGenerator[Subject, None]:
    model = ScriptedModel(replies=script, heard=["what time is it"])
    yield Subject(model, model.lose)


@cache
def engines() -> Engines:
    return installed_engines()


@asynccontextmanager
async def local(*_script: ScriptedReply) -> AsyncGenerator[Subject, None]:
    """The adapter for OpenAI's protocol, on the embedded server of this project."""
    ready = asyncio.Queue[str](1)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait, engines=engines())
        )
        async with asyncio.timeout(SECONDS):
            url = await ready.get()
        try:
            yield Subject(OpenAIRealtimeModel(url=url), serving.cancel, url)
        finally:
            serving.cancel()


def relayed(dialect: Dialect) -> Subjects:
    """The same adapter in the beta protocol, which a relay speaks in front of the embedded server."""

    @asynccontextmanager
    async def subject(*script: ScriptedReply) -> AsyncGenerator[Subject, None]:
        flags = dialect.capabilities
        async with (
            local(*script) as behind,
            beta_relay(behind.url, input_rate=flags.input_rate, metadata=dialect.metadata) as url,
        ):
            yield Subject(OpenAIRealtimeModel(url=url, dialect=dialect), behind.lose)

    return subject


@asynccontextmanager
async def enduring(*script: ScriptedReply) -> AsyncGenerator[Subject, None]:
    """What a session talks to: any model, here the local one, behind a connection that is made again."""
    async with local(*script) as behind:
        model = EnduringModel(behind.model, endurance=Endurance(patience=0.5))
        yield Subject(model, behind.lose)


@asynccontextmanager
async def other(*script: ScriptedReply) -> AsyncGenerator[Subject, None]:
    """A model of Gemini Live's shape: what it has no words for fails the test."""
    model = OtherModel(script, heard=["what time is it"])
    yield Subject(EnduringModel(model, endurance=Endurance(patience=0.0)), partial(model.inner.lose, away=60.0))


@dataclass(frozen=True)
class Row:
    """A model, and what it does beyond the contract.

    Attributes:
        sequences: It lets requests wait for each other, and forgets cancellations of what is over: nobody sees the
            refusals of the model within.
        edits: Its history can be edited, so that an edit of what is not there is an error.

    """

    subjects: Subjects
    sequences: bool = False
    edits: bool = True


SUBJECTS = {
    "scripted": Row(scripted),
    "openai, on the local model": Row(local),
    "the beta protocol": Row(relayed(BETA)),
    "the beta protocol, hearing 16 kHz": Row(relayed(BETA_16K)),
    "enduring, on the local model": Row(enduring, sequences=True),
    "enduring, on a model of Gemini Live's shape": Row(other, sequences=True, edits=False),
}
REFUSING = {name: row for name, row in SUBJECTS.items() if not row.sequences}
EDITED = {name: row for name, row in SUBJECTS.items() if row.edits}
SEQUENCING = {name: row for name, row in SUBJECTS.items() if row.sequences}


@pytest.fixture(params=SUBJECTS.values(), ids=SUBJECTS.keys())
def subjects(request: pytest.FixtureRequest) -> Subjects:
    return request.param.subjects


@pytest.fixture(params=REFUSING.values(), ids=REFUSING.keys())
def refusing(request: pytest.FixtureRequest) -> Subjects:
    return request.param.subjects


@pytest.fixture(params=EDITED.values(), ids=EDITED.keys())
def edited(request: pytest.FixtureRequest) -> Subjects:
    return request.param.subjects


@pytest.fixture(params=SEQUENCING.values(), ids=SEQUENCING.keys())
def sequencing(request: pytest.FixtureRequest) -> Subjects:
    return request.param.subjects


class Talk:
    """An open session, whose events are taken one after the other."""

    def __init__(self, connection: RealtimeConnection) -> None:
        self.send = connection.send
        self.capabilities = connection.capabilities
        self._events: AsyncIterator[RealtimeEvent] = aiter(connection.events())

    def write(self, text: str, *, item_id: str = "typed") -> None:
        self.send(CreateItem(item=Message(id=item_id, role=Role.USER, text=text)))

    async def until(self, *kinds: type[_Event]) -> list[RealtimeEvent]:
        """Everything up to the first event of one of these kinds, which is the last."""
        seen: list[RealtimeEvent] = []
        async with asyncio.timeout(SECONDS):
            async for event in self._events:
                seen.append(event)
                if isinstance(event, kinds):
                    return seen
        raise AssertionError("events end by raising, never by stopping")

    async def next(self, *kinds: type[_Event]) -> _Event:
        event = (await self.until(*kinds))[-1]
        assert isinstance(event, kinds)
        return event


@asynccontextmanager
async def talk(subjects: Subjects, *script: ScriptedReply) -> AsyncGenerator[Talk, None]:
    async with subjects(*script) as subject, subject.model.connect(SETTINGS) as connection:
        yield Talk(connection)


def of(kind: type[_Event], events: list[RealtimeEvent]) -> list[_Event]:
    return [event for event in events if isinstance(event, kind)]


async def test_a_session_is_ready_when_it_is_entered(subjects: Subjects) -> None:
    async with subjects() as subject, subject.model.connect(SETTINGS) as connection:
        told, model = connection.capabilities, subject.model.capabilities
        assert (told.input_rate, told.output_rate) == (model.input_rate, model.output_rate)
        # A session can do what its model can, or less.
        assert all(getattr(told, flag.name) <= getattr(model, flag.name) for flag in FLAGS)


async def test_a_spoken_turn_becomes_an_item_with_a_transcript(subjects: Subjects) -> None:
    async with talk(subjects) as session:
        resampler = Resampler(48_000, session.capabilities.input_rate)
        pcm = to_bytes(np.concatenate((resampler.push(corpus("s02")), resampler.flush())))
        for start in range(0, len(pcm), 960):
            session.send(AppendAudio(pcm[start : start + 960]))
        session.send(CommitAudio())
        committed = await session.next(InputCommitted)
        heard = await session.next(InputTranscribed, InputTranscriptionFailed)
        assert heard.item_id == committed.item_id


async def test_a_turn_that_is_too_short_is_refused_and_the_session_goes_on(subjects: Subjects) -> None:
    async with talk(subjects) as session:
        session.send(AppendAudio(bytes(2 * 480)))
        session.send(CommitAudio())
        error = await session.next(ModelError)
        assert (error.code, error.request_id) == ("input_audio_buffer_commit_empty", None)
        session.send(AppendAudio(bytes(2 * 2400)))
        session.send(CommitAudio())
        await session.next(InputCommitted)


async def test_a_reply_has_sound_and_words_and_names_its_request(subjects: Subjects) -> None:
    async with talk(subjects, ScriptedReply("Hello, how can I help?")) as session:
        session.write("Hello!")
        session.send(CreateResponse(request_id="r1"))
        (started,) = of(ResponseStarted, await session.until(ResponseStarted))
        assert started.request_id == "r1"
        events = await session.until(ResponseEnded)
        (item,) = of(OutputItemStarted, events)
        sound, words = of(OutputAudio, events), of(OutputTranscript, events)
        (done,) = of(OutputAudioDone, events)
        assert sum(len(event.pcm) for event in sound) > 2 * 24_000 * 0.3
        assert all(len(event.pcm) % 2 == 0 for event in sound)
        assert len("".join(event.delta for event in words).split()) >= 2
        assert {(event.response_id, event.item_id, event.content_index) for event in [*sound, *words, done]} == {
            (started.response_id, item.item_id, 0)
        }
        assert events.index(item) < events.index(sound[0])
        assert events.index(sound[-1]) < events.index(done)
        times = [event.start_ms for event in words if event.start_ms is not None]
        assert times == sorted(times)
        ended = events[-1]
        assert isinstance(ended, ResponseEnded)
        assert (ended.response_id, ended.request_id, ended.status) == (
            started.response_id,
            "r1",
            ResponseStatus.COMPLETED,
        )


async def test_a_tool_is_asked_for_once_and_its_output_answered(subjects: Subjects) -> None:
    script = ScriptedReply(calls=(("get_time", "{}"),)), ScriptedReply("It is noon.")
    async with talk(subjects, *script) as session:
        session.write("What time is it?")
        session.send(CreateResponse(request_id="r1"))
        events = await session.until(ResponseEnded)
        (call,) = of(FunctionCallReady, events)
        assert call.name == "get_time"
        assert json.loads(call.arguments) == {}
        assert 0 < len(call.call_id) <= 32
        output = FunctionCallOutput(id="out_1", call_id=call.call_id, output="12:00")
        session.send(CreateItem(item=output))
        session.send(CreateResponse(request_id="r2"))
        events = await session.until(ResponseEnded)
        assert [event.request_id for event in of(ResponseStarted, events)] == ["r2"]
        assert of(OutputAudio, events)
        assert of(FunctionCallReady, events) == []
        assert of(ModelError, events) == []


async def test_a_reply_that_is_cancelled_ends_as_cancelled_and_another_may_follow(subjects: Subjects) -> None:
    script = ScriptedReply("Once upon a time", ends=False), ScriptedReply("Yes?")
    async with talk(subjects, *script) as session:
        session.write("Tell me a long story.")
        session.send(CreateResponse(request_id="r1"))
        sound = await session.next(OutputAudio)
        session.send(CancelResponse(sound.response_id))
        ended = await session.next(ResponseEnded)
        assert (ended.response_id, ended.status) == (sound.response_id, ResponseStatus.CANCELLED)
        session.write("Hello!", item_id="typed_2")
        session.send(CreateResponse(request_id="r2"))
        started = await session.next(ResponseStarted)
        assert started.request_id == "r2"
        assert (await session.next(ResponseEnded)).status is ResponseStatus.COMPLETED


async def test_cancelling_what_is_over_is_an_error_and_no_harm(refusing: Subjects) -> None:
    async with talk(refusing, ScriptedReply("Hello.")) as session:
        session.write("Hello!")
        session.send(CreateResponse(request_id="r1"))
        ended = await session.next(ResponseEnded)
        session.send(CancelResponse(ended.response_id))
        assert (await session.next(ModelError)).code == "response_cancel_not_active"


async def test_a_second_request_waits_and_cancelling_what_is_over_is_nothing(sequencing: Subjects) -> None:
    async with talk(sequencing, ScriptedReply("Hello."), ScriptedReply("Yes?")) as session:
        session.write("Hello!")
        session.send(CreateResponse(request_id="r1"))
        session.send(CreateResponse(request_id="r2"))
        events = await session.until(ResponseEnded)
        session.send(CancelResponse(of(ResponseEnded, events)[0].response_id))
        events += await session.until(ResponseEnded)
        assert [event.request_id for event in of(ResponseStarted, events)] == ["r1", "r2"]
        assert [event.status for event in of(ResponseEnded, events)] == [ResponseStatus.COMPLETED] * 2
        assert of(ModelError, events) == []


async def test_a_second_request_is_refused_by_its_id_and_the_first_goes_on(refusing: Subjects) -> None:
    async with talk(refusing, ScriptedReply("Once upon a time", ends=False)) as session:
        session.write("Tell me a long story.")
        session.send(CreateResponse(request_id="r1"))
        started = await session.next(ResponseStarted)
        session.send(CreateResponse(request_id="r2"))
        error = await session.next(ModelError)
        assert (error.code, error.request_id) == ("conversation_already_has_active_response", "r2")
        session.send(CancelResponse(started.response_id))
        assert (await session.next(ResponseEnded)).request_id == "r1"


async def test_an_item_is_truncated_to_what_was_heard_and_deleted_when_nothing_was(subjects: Subjects) -> None:
    async with talk(subjects, ScriptedReply("Hello, how can I help?")) as session:
        session.write("Hello!")
        session.send(CreateResponse(request_id="r1"))
        events = await session.until(ResponseEnded)
        (item,) = of(OutputItemStarted, events)
        session.send(TruncateItem(item_id=item.item_id, content_index=0, audio_end_ms=120))
        truncated = await session.next(ItemTruncated)
        assert truncated == ItemTruncated(item_id=item.item_id, audio_end_ms=120)
        session.send(DeleteItem(item.item_id))
        assert await session.next(ItemDeleted) == ItemDeleted(item.item_id)


async def test_an_item_that_is_not_there_is_an_error_and_the_session_goes_on(edited: Subjects) -> None:
    async with talk(edited, ScriptedReply("Hello.")) as session:
        session.send(DeleteItem("nobody_knows"))
        assert (await session.next(ModelError)).code == "item_delete_invalid_item_id"
        session.send(TruncateItem(item_id="nobody_knows", content_index=0, audio_end_ms=1))
        assert (await session.next(ModelError)).code == "item_truncate_invalid_item_id"
        session.send(UpdateSession(SETTINGS))
        session.write("Hello!")
        session.send(CreateResponse(request_id="r1"))
        assert (await session.next(ResponseEnded)).status is ResponseStatus.COMPLETED


async def test_a_lost_connection_is_an_error_for_reader_and_writer(subjects: Subjects) -> None:
    async with subjects() as subject, subject.model.connect(SETTINGS) as connection:
        subject.lose()
        with pytest.raises(RealtimeLostError):
            await Talk(connection).next(ResponseEnded)
        with pytest.raises(RealtimeLostError):
            connection.send(CommitAudio())
