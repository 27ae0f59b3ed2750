"""A conversation goes on over broken, expiring and refused connections (M-2, M-4), in virtual time."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agent_worker.errors import RealtimeError, RealtimeLostError
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role
from agent_worker.history.window import Window
from agent_worker.realtime import base as rt
from agent_worker.realtime.enduring import Endurance, EnduringConnection, EnduringModel, ModelStatistics
from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply
from agent_worker.testing import run_in_virtual_time

TURN = rt.AppendAudio(bytes(2 * 2400))
SETTINGS = rt.SessionSettings(instructions="Be kind.")


def said(text: str, *, item_id: str = "", role: Role = Role.USER) -> Message:
    return Message(id=item_id or text, role=role, text=text)


class Talk:
    """One conversation, with the events that it has given."""

    def __init__(self, model: ScriptedModel, connection: EnduringConnection, history: list[Item]) -> None:
        self.model = model
        self.connection = connection
        self.history = history
        self.seen: list[rt.RealtimeEvent] = []

    def send(self, *commands: rt.RealtimeCommand) -> None:
        for command in commands:
            self.connection.send(command)

    def of(self, kind: type) -> list:
        return [event for event in self.seen if isinstance(event, kind)]

    def kinds(self) -> list[type]:
        return [type(event) for event in self.seen]

    def commands(self, since: int = 0) -> list[rt.RealtimeCommand]:
        return [sent.command for sent in self.model.commands][since:]


Story = Callable[[Talk], Awaitable[None]]


@asynccontextmanager
async def talking(
    model: ScriptedModel, history: Sequence[Item] = (), endurance: Endurance | None = None
) -> AsyncGenerator[Talk, None]:
    items = list(history)
    enduring = EnduringModel(model, endurance=endurance, jitter=lambda: 0.0)
    async with enduring.connect(SETTINGS, lambda: tuple(items)) as connection:
        talk = Talk(model, connection, items)

        async def follow() -> None:
            async for event in connection.events():
                talk.seen.append(event)

        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow())
            yield talk
            await asyncio.sleep(0.01)
            following.cancel()


def tell(
    story: Story, model: ScriptedModel, history: Sequence[Item] = (), endurance: Endurance | None = None
) -> Talk:
    async def main() -> Talk:
        async with talking(model, history, endurance) as talk:
            await story(talk)
        return talk

    return run_in_virtual_time(main())


def failing(
    story: Story, model: ScriptedModel, history: Sequence[Item] = (), endurance: Endurance | None = None
) -> Exception:
    """The one error that ends it."""
    with pytest.raises((RealtimeError, RealtimeLostError, ExceptionGroup)) as caught:
        tell(story, model, history, endurance)
    error = caught.value
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    return error


def test_a_loss_is_told_and_the_history_with_it():
    async def story(talk: Talk) -> None:
        assert talk.connection.statistics() == ModelStatistics(connections=1, sent=0, received=0)
        talk.model.lose("why not", away=1.0)
        await asyncio.sleep(5.0)
        counted = talk.connection.statistics()
        assert (counted.connections, counted.losses, counted.waiting) == (2, 1, 0)

    talk = tell(story, ScriptedModel(), [said("Hello"), said("   ", item_id="blank")])
    lost, restored = talk.seen
    assert isinstance(lost, rt.ConnectionLost)
    assert "why not" in lost.message
    assert isinstance(restored, rt.ConnectionRestored)
    # At once, after 0.3 s, after another 0.6 s, after another 1.2 s.
    assert restored.seconds == pytest.approx(2.1)
    assert talk.commands() == [rt.CreateItem(item=said("Hello"))] * 2


def test_the_last_settings_win():
    changed = rt.SessionSettings(instructions="Be brief.")

    async def story(talk: Talk) -> None:
        talk.model.lose(away=1.0)
        await asyncio.sleep(0.1)
        talk.send(rt.UpdateSession(rt.SessionSettings(instructions="Be long.")), rt.UpdateSession(changed))
        await asyncio.sleep(5.0)
        assert talk.model.settings == changed
        talk.model.lose()
        await asyncio.sleep(5.0)
        assert talk.model.settings == changed

    tell(story, ScriptedModel())


def test_a_model_that_stays_away_is_an_error_after_a_while():
    async def story(talk: Talk) -> None:
        talk.model.lose("gone", away=math.inf)
        await asyncio.sleep(100.0)

    error = failing(story, ScriptedModel(), endurance=Endurance(patience=20.0))
    assert isinstance(error, RealtimeLostError)
    assert "away" in str(error)
    assert "times in" in str(error)


def test_sending_fails_once_it_is_given_up():
    async def main() -> None:
        model = ScriptedModel()
        async with EnduringModel(model, endurance=Endurance(patience=1.0)).connect(SETTINGS) as connection:
            model.lose(away=math.inf)
            await asyncio.sleep(30.0)
            with pytest.raises(RealtimeLostError):
                connection.send(rt.CommitAudio())
            with pytest.raises(RealtimeLostError):
                async for _ in connection.events():
                    pass

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    ("code", "fatal"), [("invalid_api_key", True), ("insufficient_quota", True), ("rate_limit_exceeded", False)]
)
def test_a_refusal_stops_it_unless_it_passes(code: str, fatal: bool):
    async def main() -> float:
        model = ScriptedModel(refuses=RealtimeError("no", code=code))
        started = asyncio.get_running_loop().time()
        with pytest.raises(RealtimeError if fatal else RealtimeLostError, match="no"):
            async with EnduringModel(model).connect(SETTINGS):
                pass
        return asyncio.get_running_loop().time() - started

    seconds = run_in_virtual_time(main())
    assert seconds == 0.0 if fatal else 5.0 < seconds < 11.0


def test_a_model_that_is_a_little_late_is_waited_for():
    async def main() -> None:
        model = ScriptedModel()
        async with EnduringModel(model).connect(SETTINGS) as connection:
            model.lose(away=3.0)
            async with EnduringModel(model).connect(SETTINGS) as other:
                assert asyncio.get_running_loop().time() >= 3.0
                assert other.capabilities == connection.capabilities

    run_in_virtual_time(main())


def test_an_open_turn_is_said_again():
    async def story(talk: Talk) -> None:
        talk.send(rt.AppendAudio(b"aa"), rt.ClearAudio(), rt.AppendAudio(b"bb"))
        talk.model.lose(away=0.5)
        await asyncio.sleep(0.1)
        talk.send(rt.AppendAudio(b"cc"))
        before = len(talk.commands())
        await asyncio.sleep(5.0)
        assert talk.commands(before) == [rt.AppendAudio(b"bbcc")]

    tell(story, ScriptedModel())


def test_an_open_turn_has_an_end():
    async def story(talk: Talk) -> None:
        talk.model.lose(away=50.0)
        await asyncio.sleep(0.1)
        for second in range(50):
            talk.send(rt.AppendAudio(bytes([second]) * 48_000))
            await asyncio.sleep(1.0)
        await asyncio.sleep(10.0)
        (again,) = talk.model.sent(rt.AppendAudio)
        assert (len(again.pcm), again.pcm[0]) == (30 * 48_000, 20)

    tell(story, ScriptedModel())


@pytest.mark.parametrize("voice", [True, False])
def test_of_streamed_silence_little_is_kept(voice: bool):
    async def story(talk: Talk) -> None:
        talk.send(rt.UpdateSession(rt.SessionSettings(turn_detection=rt.TurnDetection.SERVER)))
        if voice:
            talk.model.emit(rt.InputVoiceStarted(item_id="i"))
        await asyncio.sleep(0.1)
        for _ in range(10):
            talk.send(rt.AppendAudio(bytes(48_000)))
        before = len(talk.commands())
        talk.model.lose()
        await asyncio.sleep(1.0)
        (again,) = [command for command in talk.commands(before) if isinstance(command, rt.AppendAudio)]
        assert len(again.pcm) == (10 if voice else 2) * 48_000

    tell(story, ScriptedModel())


def test_a_turn_that_was_not_taken_is_committed_again_and_seen_once():
    async def story(talk: Talk) -> None:
        # Broken before its answer can be read.
        talk.model.lose()
        talk.send(TURN, rt.CommitAudio())
        await asyncio.sleep(1.0)

    talk = tell(story, ScriptedModel(heard=["what time is it"]))
    (committed,), (heard,) = talk.of(rt.InputCommitted), talk.of(rt.InputTranscribed)
    assert heard == rt.InputTranscribed(committed.item_id, "what time is it")


def test_turns_that_are_committed_while_it_is_away_are_taken_once_and_in_order():
    async def story(talk: Talk) -> None:
        talk.send(TURN, rt.CommitAudio())
        await asyncio.sleep(0.1)
        talk.model.lose(away=0.5)
        talk.send(TURN, rt.CommitAudio(), TURN, rt.CommitAudio())
        await asyncio.sleep(5.0)
        # Names of the new connection: the first turn has another one there.
        talk.model.emit(*(rt.InputTranscribed(f"item_{number}", f"turn {number - 1}") for number in (2, 3, 4)))
        talk.send(TURN, rt.CommitAudio())
        await asyncio.sleep(0.1)

    talk = tell(story, ScriptedModel())
    assert [event.item_id for event in talk.of(rt.InputCommitted)] == ["item_1", "item_3", "item_4", "item_5"]
    assert [(event.item_id, event.text) for event in talk.of(rt.InputTranscribed)] == [
        ("item_1", "turn 1"),
        ("item_3", "turn 2"),
        ("item_4", "turn 3"),
    ]


def test_a_turn_that_a_detector_has_ended_is_not_given_to_the_next_one_to_be_found_again():
    async def story(talk: Talk) -> None:
        talk.send(rt.UpdateSession(streaming := rt.SessionSettings(turn_detection=rt.TurnDetection.SERVER)))
        talk.model.emit(rt.InputVoiceStarted(item_id="turn"))
        await asyncio.sleep(0.1)
        talk.send(TURN)
        talk.model.emit(rt.InputVoiceStopped(item_id="turn"), rt.InputCommitted("turn"))
        await asyncio.sleep(0.1)
        talk.send(rt.AppendAudio(b"open"))
        before = len(talk.commands())
        talk.model.lose()
        await asyncio.sleep(0.1)
        ours = replace(streaming, turn_detection=rt.TurnDetection.NONE)
        assert talk.commands(before)[:5] == [
            rt.UpdateSession(ours),
            TURN,
            rt.CommitAudio(),
            rt.UpdateSession(streaming),
            rt.AppendAudio(b"open"),
        ]
        # Its answer is due, and asked for once.
        assert len(talk.model.sent(rt.CreateResponse)) == 1

    tell(story, ScriptedModel())


def test_all_that_is_streamed_while_it_is_away_is_kept():
    async def story(talk: Talk) -> None:
        talk.send(rt.UpdateSession(rt.SessionSettings(turn_detection=rt.TurnDetection.SERVER)))
        talk.model.lose(away=5.0)
        await asyncio.sleep(0.1)
        for _ in range(10):
            talk.send(rt.AppendAudio(bytes(48_000)))
        await asyncio.sleep(10.0)
        (again,) = talk.model.sent(rt.AppendAudio)
        assert len(again.pcm) == 10 * 48_000

    tell(story, ScriptedModel())


def test_words_that_are_on_their_way_into_the_history_are_told_with_it():
    async def story(talk: Talk) -> None:
        talk.send(TURN, rt.CommitAudio())
        await asyncio.sleep(0.1)
        talk.history.append(said("", item_id="item_1"))
        # In one step: the session comes to see the words only when the connection is gone.
        talk.model.emit(rt.InputTranscribed("item_1", "what time is it"))
        talk.model.lose()
        await asyncio.sleep(0.1)
        assert talk.model.sent(rt.CreateItem)[-1].item == said("what time is it", item_id="item_1")

    tell(story, ScriptedModel())


def test_a_turn_whose_words_did_not_come_keeps_its_id():
    async def story(talk: Talk) -> None:
        talk.send(TURN, rt.CommitAudio())
        await asyncio.sleep(0.1)
        (committed,) = talk.of(rt.InputCommitted)
        talk.history.append(said("", item_id=committed.item_id))
        talk.model.lose()
        await asyncio.sleep(0.1)
        assert talk.commands()[-2:] == [TURN, rt.CommitAudio()]
        # What the new connection calls it is its own affair.
        talk.model.emit(rt.InputTranscribed("item_2", "noon"))
        await asyncio.sleep(0.1)
        assert talk.of(rt.InputTranscribed) == [rt.InputTranscribed(committed.item_id, "noon")]
        talk.send(rt.DeleteItem(committed.item_id))
        assert talk.commands()[-1] == rt.DeleteItem("item_2")
        await asyncio.sleep(0.1)
        assert talk.of(rt.ItemDeleted) == [rt.ItemDeleted(committed.item_id)]

    talk = tell(story, ScriptedModel())
    assert len(talk.of(rt.InputCommitted)) == 1


def test_a_turn_that_is_deleted_while_it_is_said_again_is_deleted():
    async def story(talk: Talk) -> None:
        talk.send(TURN, rt.CommitAudio())
        await asyncio.sleep(0.1)
        (committed,) = talk.of(rt.InputCommitted)
        talk.model.lose(away=0.5)
        await asyncio.sleep(0.1)
        talk.send(rt.DeleteItem(committed.item_id))
        before = len(talk.commands())
        await asyncio.sleep(5.0)
        assert talk.commands(before) == []
        assert talk.of(rt.ItemDeleted) == [rt.ItemDeleted(committed.item_id)]

    tell(story, ScriptedModel())


def test_a_request_of_which_nothing_came_is_made_again_without_a_word():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(0.1)
        started = rt.ResponseStarted(response_id="resp_a", request_id="r1")
        talk.model.emit(started)
        await asyncio.sleep(0.1)
        talk.model.lose()
        await asyncio.sleep(0.1)
        talk.model.speak("Noon", request_id="r1")
        await asyncio.sleep(0.1)
        assert talk.of(rt.ResponseStarted) == [started]
        assert {event.response_id for event in talk.of(rt.OutputAudio)} == {"resp_a"}
        (ended,) = talk.of(rt.ResponseEnded)
        assert (ended.response_id, ended.request_id, ended.status) == ("resp_a", "r1", rt.ResponseStatus.COMPLETED)

    talk = tell(story, ScriptedModel())
    assert talk.model.sent(rt.CreateResponse) == [rt.CreateResponse(request_id="r1")] * 2


def test_a_request_that_is_waiting_to_be_made_again_can_be_cancelled():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        talk.model.emit(rt.ResponseStarted(response_id="resp_a", request_id="r1"))
        await asyncio.sleep(0.1)
        talk.model.lose(away=1.0)
        await asyncio.sleep(0.1)
        talk.send(rt.CancelResponse("resp_a"))
        await asyncio.sleep(5.0)
        (ended,) = talk.of(rt.ResponseEnded)
        assert (ended.response_id, ended.status) == ("resp_a", rt.ResponseStatus.CANCELLED)

    talk = tell(story, ScriptedModel())
    assert len(talk.model.sent(rt.CreateResponse)) == 1


def test_a_reply_that_is_lost_in_the_middle_ends_as_lost():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(0.1)
        talk.model.lose()
        await asyncio.sleep(0.1)

    talk = tell(story, ScriptedModel(replies=[ScriptedReply("one two three", ends=False)]))
    (ended,) = talk.of(rt.ResponseEnded)
    assert (ended.request_id, ended.status) == ("r1", rt.ResponseStatus.LOST)
    assert len(talk.model.sent(rt.CreateResponse)) == 1


def test_what_was_cancelled_is_over_with_its_connection():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(0.1)
        talk.model.lose()
        talk.send(rt.CancelResponse(talk.of(rt.ResponseStarted)[0].response_id))
        await asyncio.sleep(0.1)

    talk = tell(story, ScriptedModel(replies=[ScriptedReply("one two three", ends=False)]))
    assert [event.status for event in talk.of(rt.ResponseEnded)] == [rt.ResponseStatus.CANCELLED]


def test_a_model_that_answers_by_itself_is_asked_for_the_answer_that_was_lost():
    async def story(talk: Talk) -> None:
        talk.send(rt.UpdateSession(rt.SessionSettings(turn_detection=rt.TurnDetection.SERVER)))
        talk.model.emit(rt.InputCommitted("turn"), rt.InputTranscribed("turn", "what time is it"))
        await asyncio.sleep(0.1)
        talk.model.lose()
        await asyncio.sleep(0.1)
        (request,) = talk.model.sent(rt.CreateResponse)
        talk.model.speak("Noon", request_id=request.request_id)
        await asyncio.sleep(0.1)

    talk = tell(story, ScriptedModel())
    assert [event.request_id for event in talk.of(rt.ResponseStarted)] == [None]
    assert [event.request_id for event in talk.of(rt.ResponseEnded)] == [None]


def test_one_response_at_a_time():
    """M-2."""

    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"), rt.CreateResponse(request_id="r2"))
        await asyncio.sleep(0.1)
        assert len(talk.model.sent(rt.CreateResponse)) == 1
        talk.model.finish()
        await asyncio.sleep(0.1)

    talk = tell(story, ScriptedModel(replies=[ScriptedReply("one", ends=False), ScriptedReply("two")]))
    assert [event.request_id for event in talk.of(rt.ResponseEnded)] == ["r1", "r2"]
    assert talk.of(rt.ModelError) == []


def test_who_asks_again_waits_no_longer_for_what_never_began():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(3.0)
        talk.send(rt.CreateResponse(request_id="r2"))
        assert [request.request_id for request in talk.model.sent(rt.CreateResponse)] == ["r1", "r2"]
        await asyncio.sleep(0.1)

    talk = tell(story, ScriptedModel())
    (ended,) = talk.of(rt.ResponseEnded)
    assert (ended.request_id, ended.status) == ("r1", rt.ResponseStatus.FAILED)


def test_a_busy_model_is_asked_again_and_nobody_hears_of_it():
    """M-2."""

    async def story(talk: Talk) -> None:
        # A reply that the model began by itself just before the request arrived.
        response_id = talk.model.speak("by myself", ends=False)
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(2.0)
        talk.send(rt.CancelResponse(response_id))
        await asyncio.sleep(2.0)

    talk = tell(story, ScriptedModel(replies=[ScriptedReply("Noon")]))
    assert talk.of(rt.ModelError) == []
    assert [event.request_id for event in talk.of(rt.ResponseEnded)] == [None, "r1"]


def test_cancelling_what_is_over_is_no_error_and_late_pieces_are_dropped():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(0.1)
        response_id = talk.of(rt.ResponseStarted)[0].response_id
        talk.send(rt.CancelResponse(response_id))
        before = len(talk.seen)
        talk.model.emit(rt.OutputAudio(response_id=response_id, item_id="x", content_index=0, pcm=b"aa"))
        await asyncio.sleep(0.1)
        assert len(talk.seen) == before

    talk = tell(story, ScriptedModel(replies=[ScriptedReply("one")]))
    assert talk.model.sent(rt.CancelResponse) == []
    assert talk.of(rt.ModelError) == []


def test_a_cancelled_response_that_never_ends_is_given_up():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        talk.model.emit(rt.ResponseStarted(response_id="resp", request_id="r1"))
        await asyncio.sleep(0.1)
        talk.send(rt.CancelResponse("resp"), rt.CreateResponse(request_id="r2"))
        await asyncio.sleep(10.0)

    talk = tell(story, ScriptedModel())
    assert [request.request_id for request in talk.model.sent(rt.CreateResponse)] == ["r1", "r2"]
    assert [event.status for event in talk.of(rt.ResponseEnded)] == [rt.ResponseStatus.CANCELLED]


CALL = FunctionCall(id="c1", call_id="call_1", name="look", arguments="{}")
OUTPUT = FunctionCallOutput(id="o1", call_id="call_1", output="found")


@pytest.mark.parametrize("away", [0.0, 2.0])
def test_a_tools_output_is_told_once_and_behind_its_call(away: float):
    async def story(talk: Talk) -> None:
        talk.history.append(CALL)
        talk.model.lose(away=away)
        await asyncio.sleep(0.5)
        talk.history.append(OUTPUT)
        talk.send(rt.CreateItem(item=OUTPUT), rt.CreateResponse(request_id="r2"))
        await asyncio.sleep(5.0)
        told = [(type(command), getattr(command, "item", None)) for command in talk.commands()]
        assert told == [(rt.CreateItem, CALL), (rt.CreateItem, OUTPUT), (rt.CreateResponse, None)]

    tell(story, ScriptedModel())


def test_what_is_written_while_it_is_away_is_told_once():
    async def story(talk: Talk) -> None:
        talk.model.lose(away=1.0)
        await asyncio.sleep(0.1)
        talk.send(rt.CreateItem(item=said("known")), rt.CreateItem(item=said("unknown")))
        talk.send(rt.CreateItem(item=said("deleted")), rt.DeleteItem("deleted"))
        talk.history.append(said("known"))
        await asyncio.sleep(5.0)
        assert [command.item.id for command in talk.model.sent(rt.CreateItem)] == ["known", "unknown"]

    tell(story, ScriptedModel())


def test_what_was_heard_of_a_lost_reply_is_told_when_it_is_known():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(0.1)
        (item,) = talk.of(rt.OutputItemStarted)
        talk.history += [said("", item_id=item.item_id, role=Role.ASSISTANT), said("Hm?")]
        talk.model.lose()
        await asyncio.sleep(3.0)
        heard = talk.history[0] = said("one two", item_id=item.item_id, role=Role.ASSISTANT)
        await asyncio.sleep(1.5)
        assert talk.commands()[-2:] == [
            rt.CreateItem(item=said("Hm?")),
            rt.CreateItem(item=heard, previous_item_id="root"),
        ]

    tell(story, ScriptedModel(replies=[ScriptedReply("one two three", ends=False)]))


def test_a_truncation_of_what_is_words_by_now_changes_the_words():
    async def story(talk: Talk) -> None:
        talk.model.lose()
        await asyncio.sleep(3.0)
        talk.send(rt.TruncateItem(item_id="a", content_index=0, audio_end_ms=300))
        cut = talk.history[0] = said("one", item_id="a", role=Role.ASSISTANT)
        await asyncio.sleep(0.1)
        assert talk.commands()[-2:] == [rt.DeleteItem("a"), rt.CreateItem(item=cut, previous_item_id="root")]

    talk = tell(story, ScriptedModel(), [said("one two", item_id="a", role=Role.ASSISTANT), said("b")])
    assert talk.of(rt.ItemTruncated) == [rt.ItemTruncated(item_id="a", audio_end_ms=300)]
    assert talk.of(rt.ItemDeleted) == []
    assert talk.of(rt.ModelError) == []


def test_a_connection_is_renewed_in_a_pause_and_nobody_notices():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        await asyncio.sleep(150.0)
        # Due since 50 s, but a reply is being made.
        assert len(talk.model.sent(rt.CreateItem)) == 1
        talk.model.finish()
        await asyncio.sleep(0.1)
        assert len(talk.model.sent(rt.CreateItem)) == 2
        talk.send(TURN, rt.CommitAudio(), rt.CreateResponse(request_id="r2"))
        await asyncio.sleep(0.1)

    model = ScriptedModel(replies=[ScriptedReply("one", ends=False), ScriptedReply("two")], heard=["Hm"])
    talk = tell(story, model, [said("Hello")], Endurance(max_age=100.0))
    assert [event.request_id for event in talk.of(rt.ResponseEnded)] == ["r1", "r2"]
    assert talk.of(rt.ConnectionLost) == talk.of(rt.ConnectionRestored) == talk.of(rt.ModelError) == []


def test_a_renewal_that_fails_is_tried_again_and_harms_nothing():
    async def story(talk: Talk) -> None:
        talk.model.refuse(RealtimeError("not now", code="invalid_api_key"))
        await asyncio.sleep(150.0)
        talk.model.refuse(None)
        await asyncio.sleep(50.0)
        assert len(talk.model.sent(rt.CreateItem)) == 2

    talk = tell(story, ScriptedModel(), [said("Hello")], Endurance(max_age=100.0))
    assert talk.seen == []


@pytest.mark.parametrize(
    ("limits", "renewed"),
    [
        ({"max_session_seconds": 3600.0}, 3300.0),
        ({"max_session_seconds": 600.0}, 540.0),
        ({"max_session_seconds": 900.0, "max_connection_seconds": 600.0}, 540.0),
        ({"max_session_seconds": 0.0}, None),
    ],
)
def test_a_session_is_left_before_its_provider_ends_it(limits: dict[str, float], renewed: float | None):
    async def story(talk: Talk) -> None:
        before = (renewed or 3300.0) - 1.0
        await asyncio.sleep(before)
        assert len(talk.model.sent(rt.CreateItem)) == 1
        await asyncio.sleep(2.0)
        assert len(talk.model.sent(rt.CreateItem)) == 2

    tell(story, ScriptedModel(capabilities=rt.Capabilities(**limits)), [said("Hello")])


def test_a_connection_that_is_to_end_is_left_in_the_next_pause():
    async def story(talk: Talk) -> None:
        talk.send(rt.CreateResponse(request_id="r1"))
        talk.model.emit(rt.ConnectionExpires(50.0), rt.ResponseStarted(response_id="resp", request_id="r1"))
        await asyncio.sleep(5.0)
        assert len(talk.model.sent(rt.CreateItem)) == 1, "not in the middle of a reply"
        talk.model.emit(rt.ResponseEnded(response_id="resp", request_id="r1", status=rt.ResponseStatus.COMPLETED))
        await asyncio.sleep(1.0)
        assert len(talk.model.sent(rt.CreateItem)) == 2

    talk = tell(story, ScriptedModel(), [said("Hello")])
    assert [type(event) for event in talk.seen] == [rt.ResponseStarted, rt.ResponseEnded]


def test_a_model_that_is_unwell_is_left_and_one_that_will_never_do_is_an_error():
    """M-3."""

    async def unwell(talk: Talk) -> None:
        talk.model.emit(rt.ModelError(code="server_error", message="oh", policy=rt.ErrorPolicy.RECONNECT))
        await asyncio.sleep(1.0)
        assert talk.kinds() == [rt.ModelError, rt.ConnectionLost, rt.ConnectionRestored]

    async def broke(talk: Talk) -> None:
        talk.model.emit(rt.ModelError(code="insufficient_quota", message="pay", policy=rt.ErrorPolicy.FATAL))
        await asyncio.sleep(1.0)

    tell(unwell, ScriptedModel())
    error = failing(broke, ScriptedModel())
    assert isinstance(error, RealtimeError)
    assert error.code == "insufficient_quota"


def test_who_waits_for_an_item_or_a_reply_beside_the_conversation_is_told_of_the_loss():
    """M-6."""

    async def story(talk: Talk) -> None:
        talk.model.lose(away=1.0)
        talk.send(rt.RetrieveItem("a"), rt.CreateResponse(request_id="beside", in_conversation=False))
        await asyncio.sleep(0.1)
        talk.send(rt.RetrieveItem("b"), rt.CreateResponse(request_id="later", in_conversation=False))
        await asyncio.sleep(5.0)

    talk = tell(story, ScriptedModel())
    failed = {(error.refused, error.item_id or error.request_id) for error in talk.of(rt.ModelError)}
    assert failed == {
        (rt.Refused.RETRIEVE, "a"),
        (rt.Refused.RETRIEVE, "b"),
        (rt.Refused.RESPONSE, "beside"),
        (rt.Refused.RESPONSE, "later"),
    }


def test_of_a_long_history_only_the_newest_part_is_told_and_stays_told():
    told = Endurance(told=Window(items=2))
    history: list[Item] = [said("one"), said("two"), said("three")]

    async def story(talk: Talk) -> None:
        assert told_texts(talk) == ["first 1 entries", "two", "three"]
        # What the first connection was not told cannot be taken out of it.
        talk.send(rt.DeleteItem("one"))
        assert not talk.model.sent(rt.DeleteItem)
        for text in ("four", "five"):
            talk.history.append(said(text))
            talk.send(rt.CreateItem(item=said(text)))
        before = len(talk.model.commands)
        talk.model.lose()
        await asyncio.sleep(1.0)
        assert told_texts(talk, before) == ["first 3 entries", "four", "five"]
        before = len(talk.model.commands)
        # The history grows, and what the model has been told stays as it is.
        talk.history.append(said("six"))
        talk.send(rt.CreateItem(item=said("six")), rt.CreateResponse(request_id="r"))
        await asyncio.sleep(1.0)
        assert told_texts(talk, before) == ["six"]
        assert not talk.model.sent(rt.DeleteItem)
        assert talk.of(rt.ItemDeleted) == [rt.ItemDeleted("one")]

    tell(story, ScriptedModel(), history, endurance=told)


def told_texts(talk: Talk, since: int = 0) -> list[str]:
    texts = [command.item.text for command in talk.commands(since) if isinstance(command, rt.CreateItem)]
    return [text.partition("its ")[2].partition(" are")[0] or text for text in texts]


FIXED_VOICE = rt.Capabilities(voice_per_response=False)
BASS = replace(SETTINGS, voice="bass", instructions="Be deep.")


class SlowModel(ScriptedModel):
    """Takes its time to connect, once it was connected."""

    def __init__(self, *, seconds: float, **script: object) -> None:
        super().__init__(**script)
        self.seconds = seconds
        self.connected: list[tuple[float, str | None]] = []

    @asynccontextmanager
    async def connect(self, settings, history=tuple) -> AsyncGenerator[rt.RealtimeConnection, None]:
        if self.connected:
            await asyncio.sleep(self.seconds)
        async with super().connect(settings, history) as connection:
            self.connected.append((asyncio.get_running_loop().time(), settings.voice))
            yield connection


async def hand_over(talk: Talk) -> None:
    """The first agent says something; then another takes over, and says something."""
    talk.send(rt.CreateResponse(request_id="first", voice=None))
    await asyncio.sleep(0.1)
    talk.history.append(said("I will put you through.", item_id="item_2", role=Role.ASSISTANT))
    talk.send(rt.UpdateSession(BASS), rt.CreateResponse(request_id="second", voice="bass"))


def settings_sent(talk: Talk) -> list[str | None]:
    return [command.settings.voice for command in talk.model.sent(rt.UpdateSession)]


@pytest.mark.parametrize("replies_end", [True, False], ids=["in a pause", "in mid-reply"])
def test_another_voice_is_heard_over_another_connection_where_it_cannot_be_changed(*, replies_end: bool):
    async def story(talk: Talk) -> None:
        old = talk.model._connection
        await hand_over(talk)
        await asyncio.sleep(3.0)
        if not replies_end:
            # Opened meanwhile, and not used before the first agent has finished.
            assert len(talk.model.connected) == 2
            assert not any(event.request_id == "second" for event in talk.of(rt.ResponseStarted))
            talk.model._connection = old
            talk.model.finish()
        await asyncio.sleep(1.0)
        assert [event.request_id for event in talk.of(rt.ResponseStarted)] == ["first", "second"]
        # The old connection went on in its own voice, and never was asked for another.
        assert settings_sent(talk) == [None]
        assert [request.voice for request in talk.model.sent(rt.CreateResponse)] == [None, None]
        assert [voice for _, voice in talk.model.connected] == [None, "bass"]
        assert talk.of(rt.ConnectionLost) == []
        assert [type(event) for event in talk.seen].count(rt.ResponseEnded) == 2

    replies = [ScriptedReply("I will put you through.", ends=replies_end), ScriptedReply("Well, well.")]
    tell(story, SlowModel(seconds=1.0, replies=replies, capabilities=FIXED_VOICE))


def test_a_new_connection_that_does_not_come_is_not_waited_for_long():
    async def story(talk: Talk) -> None:
        await hand_over(talk)
        await asyncio.sleep(4.5)
        assert len(talk.of(rt.ResponseStarted)) == 1
        await asyncio.sleep(1.0)
        assert [event.request_id for event in talk.of(rt.ResponseStarted)] == ["first", "second"]
        await asyncio.sleep(30.0)
        # It came late: from then on the voice is the new one.
        assert [voice for _, voice in talk.model.connected] == [None, "bass"]

    replies = [ScriptedReply("I will put you through."), ScriptedReply("Well, well.")]
    tell(story, SlowModel(seconds=20.0, replies=replies, capabilities=FIXED_VOICE))


def test_a_new_connection_that_is_refused_leaves_the_old_voice_and_is_tried_again():
    async def story(talk: Talk) -> None:
        talk.model.refuse(RealtimeLostError("no room"))
        await hand_over(talk)
        await asyncio.sleep(0.5)
        assert [event.request_id for event in talk.of(rt.ResponseStarted)] == ["first", "second"]
        talk.model.refuse(None)
        await asyncio.sleep(40.0)
        assert talk.model.settings == BASS

    tell(story, ScriptedModel(replies=[ScriptedReply("One"), ScriptedReply("Two")], capabilities=FIXED_VOICE))


def test_the_voice_of_one_that_was_not_heard_yet_is_simply_changed():
    async def story(talk: Talk) -> None:
        talk.send(rt.UpdateSession(BASS), rt.CreateResponse(request_id="first"))
        await asyncio.sleep(0.1)
        # The same one again is no change either.
        talk.send(rt.UpdateSession(replace(BASS, instructions="Be high.")))
        await asyncio.sleep(0.1)
        assert settings_sent(talk) == ["bass", "bass"]
        # There, and back before it could be followed.
        talk.send(rt.UpdateSession(replace(BASS, voice="alto")), rt.UpdateSession(BASS))
        talk.send(rt.CreateResponse(request_id="second"))
        await asyncio.sleep(0.1)
        assert [event.request_id for event in talk.of(rt.ResponseStarted)] == ["first", "second"]
        assert settings_sent(talk)[2:4] == ["bass", "bass"]

    tell(story, ScriptedModel(replies=[ScriptedReply("One"), ScriptedReply("Two")], capabilities=FIXED_VOICE))


def test_a_voice_that_can_be_changed_is_changed_at_once():
    async def story(talk: Talk) -> None:
        await hand_over(talk)
        await asyncio.sleep(0.1)
        assert settings_sent(talk) == ["bass"]
        assert [request.voice for request in talk.model.sent(rt.CreateResponse)] == [None, "bass"]
        assert len(talk.model.connected) == 1

    tell(story, SlowModel(seconds=0.0, replies=[ScriptedReply("One"), ScriptedReply("Two")]))


def test_a_loss_while_another_voice_is_on_its_way_brings_it_at_once():
    async def story(talk: Talk) -> None:
        await hand_over(talk)
        await asyncio.sleep(0.5)
        talk.model.lose()
        await asyncio.sleep(10.0)
        assert [event.request_id for event in talk.of(rt.ResponseStarted)] == ["first", "second"]
        assert [voice for _, voice in talk.model.connected][1] == "bass"

    replies = [ScriptedReply("One"), ScriptedReply("Two")]
    tell(story, SlowModel(seconds=1.0, replies=replies, capabilities=FIXED_VOICE))
