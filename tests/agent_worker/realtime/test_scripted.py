"""The scripted model keeps to its script, answers as a server would, and lives in virtual time."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from agent_worker.audio import from_bytes, to_bytes
from agent_worker.errors import RealtimeError, RealtimeLostError
from agent_worker.history.items import Message, Role
from agent_worker.realtime.base import (
    AppendAudio,
    ApproveHostedTool,
    CancelResponse,
    Capabilities,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    FunctionCallReady,
    InputCommitted,
    InputTranscribed,
    ItemAdded,
    ItemDeleted,
    ItemRetrieved,
    ItemTruncated,
    Modality,
    ModelError,
    OutputAudio,
    OutputAudioDone,
    OutputItemStarted,
    OutputText,
    OutputTextDone,
    OutputTranscript,
    RealtimeConnection,
    RealtimeEvent,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    RetrieveItem,
    SessionSettings,
    SettingsApplied,
    TruncateItem,
    UnknownEvent,
    UpdateSession,
)
from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply, SentCommand
from agent_worker.testing import run_in_virtual_time

TURN = AppendAudio(bytes(2 * 2400))
"""100 ms, the shortest that can be committed."""


async def events_until_quiet(connection: RealtimeConnection) -> list[RealtimeEvent]:
    events: list[RealtimeEvent] = []
    try:
        async with asyncio.timeout(0.001):
            async for event in connection.events():
                events.append(event)  # noqa: PERF401 - what came before the timeout is wanted
    except TimeoutError:
        pass
    return events


def test_a_reply_is_words_and_sound_in_step() -> None:
    async def story() -> list[RealtimeEvent]:
        model = ScriptedModel(replies=[ScriptedReply("It is noon.")])
        async with model.connect(SessionSettings()) as connection:
            connection.send(CreateResponse(request_id="r1"))
            return await events_until_quiet(connection)

    events = run_in_virtual_time(story())
    part = {"response_id": "resp_1", "item_id": "item_2", "content_index": 0}
    sound = [event.pcm for event in events if isinstance(event, OutputAudio)]
    assert events == [
        ResponseStarted(response_id="resp_1", request_id="r1"),
        OutputItemStarted(response_id="resp_1", item_id="item_2"),
        ItemAdded(item_id="item_2", previous_item_id=None),
        OutputTranscript(**part, delta="It", start_ms=0),
        OutputAudio(**part, pcm=sound[0]),
        OutputTranscript(**part, delta=" is", start_ms=300),
        OutputAudio(**part, pcm=sound[1]),
        OutputTranscript(**part, delta=" noon.", start_ms=600),
        OutputAudio(**part, pcm=sound[2]),
        OutputAudioDone(**part),
        ResponseEnded(response_id="resp_1", request_id="r1", status=ResponseStatus.COMPLETED),
    ]
    frames = from_bytes(b"".join(sound)).reshape(-1, 480)
    assert len(frames) == 45
    assert len(np.unique(frames, axis=0)) == 45


def test_given_sound_is_played_as_it_is() -> None:
    pcm = to_bytes(np.arange(1001, dtype=np.int16))

    async def story() -> list[RealtimeEvent]:
        model = ScriptedModel()
        async with model.connect(SessionSettings()) as connection:
            model.speak("one two three", pcm=pcm)
            model.speak("", pcm=pcm)
            return await events_until_quiet(connection)

    events = run_in_virtual_time(story())
    assert b"".join(event.pcm for event in events if isinstance(event, OutputAudio)) == 2 * pcm
    assert [event.request_id for event in events if isinstance(event, ResponseStarted)] == [None, None]
    assert sum(isinstance(event, OutputTranscript) for event in events) == 3


def test_a_reply_that_only_calls_says_nothing() -> None:
    async def story() -> list[RealtimeEvent]:
        model = ScriptedModel()
        async with model.connect(SessionSettings()) as connection:
            model.reply(ScriptedReply(calls=(("f", "{}"), ("g", '{"x": 1}'))), request_id="r1")
            return await events_until_quiet(connection)

    started, added, first, _, second, ended = run_in_virtual_time(story())
    assert isinstance(added, ItemAdded)
    assert isinstance(started, ResponseStarted)
    assert isinstance(first, FunctionCallReady)
    assert isinstance(second, FunctionCallReady)
    assert isinstance(ended, ResponseEnded)
    assert (first.name, first.arguments, second.name, second.arguments) == ("f", "{}", "g", '{"x": 1}')
    assert first.call_id != second.call_id


def test_it_answers_as_a_server_does() -> None:
    """Each command with the events that it brings about, one after the other in one session."""

    def added(item_id: str, previous_item_id: str | None) -> ItemAdded:
        return ItemAdded(item_id=item_id, previous_item_id=previous_item_id)

    message = Message(id="m1", role=Role.USER, text="Hi")
    ended = ResponseEnded(response_id="resp_3", request_id="r1", status=ResponseStatus.CANCELLED)
    script: list[tuple[object, list[object]]] = [
        (AppendAudio(bytes(4798)), []),
        (CommitAudio(), ["input_audio_buffer_commit_empty"]),
        (AppendAudio(bytes(2)), []),
        (CommitAudio(), [InputCommitted("item_1"), added("item_1", None), InputTranscribed("item_1", "hello")]),
        (CommitAudio(), ["input_audio_buffer_commit_empty"]),
        (TURN, []),
        (ClearAudio(), []),
        (CommitAudio(), ["input_audio_buffer_commit_empty"]),
        (TURN, []),
        (CommitAudio(), [InputCommitted("item_2"), added("item_2", "item_1")]),
        (CreateItem(item=message), [added("m1", "item_2")]),
        (CreateItem(item=message), ["item_create_duplicate_item_id"]),
        (RetrieveItem("m1"), [ItemRetrieved(item_id="m1", item=message)]),
        (RetrieveItem("m9"), ["item_retrieve_invalid_item_id"]),
        (CreateItem(item=replace(message, id="m0"), previous_item_id="root"), [added("m0", None)]),
        (CreateItem(item=replace(message, id="m2"), previous_item_id="item_1"), [added("m2", "item_1")]),
        (CreateItem(item=replace(message, id="m3"), previous_item_id="m9"), ["item_create_invalid_previous_item_id"]),
        (UpdateSession(SessionSettings()), [SettingsApplied()]),
        (ApproveHostedTool(approval_id="a", approve=True), []),
        (TruncateItem(item_id="m1", content_index=0, audio_end_ms=7), [ItemTruncated(item_id="m1", audio_end_ms=7)]),
        (DeleteItem("m1"), [ItemDeleted("m1")]),
        (DeleteItem("m1"), ["item_delete_invalid_item_id"]),
        (TruncateItem(item_id="m1", content_index=0, audio_end_ms=7), ["item_truncate_invalid_item_id"]),
        (CancelResponse("resp_3"), ["response_cancel_not_active"]),
        (CreateResponse(request_id="r1"), [ResponseStarted(response_id="resp_3", request_id="r1")]),
        (CreateResponse(request_id="r2"), ["conversation_already_has_active_response r2"]),
        (CancelResponse("resp_9"), ["response_cancel_not_active"]),
        (CancelResponse("resp_3"), [ended]),
        (CreateResponse(request_id="r3"), []),
    ]

    def told(event: RealtimeEvent) -> object:
        return f"{event.code} {event.request_id or ''}".strip() if isinstance(event, ModelError) else event

    async def story() -> None:
        model = ScriptedModel(replies=[ScriptedReply(ends=False)], heard=["hello"])
        async with model.connect(SessionSettings()) as connection:
            for number, (command, answers) in enumerate(script):
                connection.send(command)  # type: ignore[arg-type]
                assert [told(event) for event in await events_until_quiet(connection)] == answers, (number, command)

    run_in_virtual_time(story())


def test_an_open_reply_is_ended_by_hand() -> None:
    async def story() -> list[RealtimeEvent]:
        model = ScriptedModel()
        async with model.connect(SessionSettings()) as connection:
            model.speak("Well,", request_id="r1", ends=False)
            model.emit(UnknownEvent(type="x", raw={}))
            model.finish(ResponseStatus.FAILED, message="server_error: oh")
            with pytest.raises(AssertionError, match="no reply of the scripted model is open"):
                model.finish()
            return await events_until_quiet(connection)

    *_, unknown, ended = run_in_virtual_time(story())
    assert isinstance(unknown, UnknownEvent)
    assert ended == ResponseEnded(
        response_id="resp_1", request_id="r1", status=ResponseStatus.FAILED, message="server_error: oh"
    )


def test_commands_are_kept_with_their_times() -> None:
    async def story() -> ScriptedModel:
        model = ScriptedModel()
        async with model.connect(SessionSettings(instructions="a")) as connection:
            assert model.settings.instructions == "a"
            connection.send(TURN)
            await asyncio.sleep(60)
            connection.send(UpdateSession(SessionSettings(instructions="b")))
        return model

    model = run_in_virtual_time(story())
    assert model.settings.instructions == "b"
    first, second = model.commands
    assert first == SentCommand(TURN, first.at)
    assert second.at - first.at == pytest.approx(60)
    assert model.sent(AppendAudio) == [TURN]
    assert model.sent(CommitAudio) == []


def test_a_test_waits_for_a_command() -> None:
    async def story() -> None:
        model = ScriptedModel()
        async with model.connect(SessionSettings()) as connection, asyncio.TaskGroup() as group:
            waits = [group.create_task(model.wait_sent(DeleteItem, count=count)) for count in (1, 2)]
            await asyncio.sleep(1)
            connection.send(DeleteItem("a"))
            connection.send(CommitAudio())
            connection.send(DeleteItem("b"))
        assert [wait.result() for wait in waits] == [DeleteItem("a"), DeleteItem("b")]
        with pytest.raises(TimeoutError):
            await model.wait_sent(DeleteItem, count=3, seconds=30)

    run_in_virtual_time(story())


def test_a_loss_comes_after_what_was_said_before() -> None:
    async def story() -> None:
        model = ScriptedModel()
        async with model.connect(SessionSettings()) as connection:
            model.emit(ItemDeleted("a"))
            model.lose("close code 1011")
            events = aiter(connection.events())
            assert await anext(events) == ItemDeleted("a")
            with pytest.raises(RealtimeLostError, match="scripted model is lost: close code 1011"):
                await anext(events)
            with pytest.raises(RealtimeLostError, match="close code 1011"):
                connection.send(CommitAudio())
        assert model.commands == []

    run_in_virtual_time(story())


def test_a_refusal_is_raised_by_connect() -> None:
    async def story() -> None:
        async with ScriptedModel(refuses=RealtimeError("no", code="invalid_api_key")).connect(SessionSettings()):
            raise AssertionError("it was to refuse")

    with pytest.raises(RealtimeError, match="no"):
        run_in_virtual_time(story())


def test_a_model_without_a_session_cannot_speak() -> None:
    with pytest.raises(AssertionError, match="nobody is connected"):
        ScriptedModel().speak("Hello?")


def test_it_says_of_itself_what_it_is_told_to() -> None:
    async def story() -> Capabilities:
        async with ScriptedModel(capabilities=Capabilities(truncate=False)).connect(SessionSettings()) as connection:
            return connection.capabilities

    assert not run_in_virtual_time(story()).truncate


def test_a_reply_in_text_has_no_sound() -> None:
    async def story() -> list[RealtimeEvent]:
        model = ScriptedModel(replies=[ScriptedReply("It is noon.")])
        async with model.connect(SessionSettings()) as connection:
            connection.send(CreateResponse(request_id="r1", modality=Modality.TEXT))
            return await events_until_quiet(connection)

    events = run_in_virtual_time(story())
    assert [event.delta for event in events if isinstance(event, OutputText)] == ["It", " is", " noon."]
    assert [event.text for event in events if isinstance(event, OutputTextDone)] == ["It is noon."]
    assert not any(isinstance(event, OutputAudio | OutputTranscript) for event in events)
