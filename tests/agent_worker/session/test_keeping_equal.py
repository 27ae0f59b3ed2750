"""Each change of the model's copy of the history is acknowledged, or told (R-4); items can be read back (M-6)."""

import asyncio

import pytest

from agent_worker.errors import RealtimeError
from agent_worker.history.items import Message, Role
from agent_worker.history.record import History
from agent_worker.realtime import base as rt
from agent_worker.session.events import ErrorOccurred, SessionEvent
from agent_worker.session.histories import Histories
from agent_worker.testing import ScriptedModel, ScriptedReply, run_in_virtual_time
from tests.agent_worker.session.play import Stage, play

HELLO = Message(id="m1", role=Role.USER, text="Hello")


class Deaf:
    """A model that answers nothing by itself."""

    def __init__(self) -> None:
        self.history = History()
        self.sent: list[tuple[float, rt.RealtimeCommand]] = []
        self.seen: list[SessionEvent] = []
        self.histories = Histories(history=self.history, send=self._take, emit=self.seen.append)

    def _take(self, command: rt.RealtimeCommand) -> None:
        self.sent.append((asyncio.get_running_loop().time(), command))

    def errors(self) -> list[str]:
        return [event.message for event in self.seen if isinstance(event, ErrorOccurred)]

    async def play(self, *steps: tuple[float, rt.RealtimeCommand | rt.RealtimeEvent], until: float) -> None:
        async with asyncio.TaskGroup() as group:
            run = group.create_task(self.histories.run())
            for time, step in steps:
                await asyncio.sleep(time - asyncio.get_running_loop().time())
                if isinstance(step, rt.CreateItem | rt.DeleteItem):
                    self.histories.send(step)
                else:
                    self.histories.receive(step)
            await asyncio.sleep(until - asyncio.get_running_loop().time())
            run.cancel()


CREATE, DELETE = rt.CreateItem(item=HELLO), rt.DeleteItem("m1")
ADDED, DELETED = rt.ItemAdded(item_id="m1", previous_item_id=None), rt.ItemDeleted("m1")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (CREATE, ADDED),
        (DELETE, DELETED),
        (CREATE, rt.ModelError(code="x", message="exists", refused=rt.Refused.CREATE, item_id="m1")),
        (DELETE, rt.ModelError(code="x", message="gone", refused=rt.Refused.DELETE, item_id="m1")),
        (CREATE, rt.ConnectionLost("close code 1006")),
    ],
)
def test_what_is_answered_is_sent_once(command: rt.RealtimeCommand, answer: rt.RealtimeEvent):
    deaf = Deaf()
    run_in_virtual_time(deaf.play((1.0, command), (2.0, answer), until=60.0))
    assert deaf.sent == [(pytest.approx(1.0), command)]
    assert deaf.errors() == []


@pytest.mark.parametrize(("command", "answer"), [(CREATE, DELETED), (DELETE, ADDED), (CREATE, rt.ItemDeleted("m2"))])
def test_what_is_not_answered_is_sent_again_once_and_then_told(command: rt.RealtimeCommand, answer: rt.RealtimeEvent):
    deaf = Deaf()
    run_in_virtual_time(deaf.play((1.0, command), (2.0, answer), until=60.0))
    assert [at for at, _ in deaf.sent] == [pytest.approx(1.0), pytest.approx(6.0)]
    assert {sent for _, sent in deaf.sent} == {command}
    (error,) = deaf.errors()
    assert "m1" in error


def test_an_answer_to_the_second_try_is_as_good():
    deaf = Deaf()
    run_in_virtual_time(deaf.play((1.0, CREATE), (7.0, ADDED), until=60.0))
    assert len(deaf.sent) == 2
    assert deaf.errors() == []


def test_what_is_taken_out_again_need_not_have_come():
    deaf = Deaf()
    run_in_virtual_time(deaf.play((1.0, CREATE), (2.0, DELETE), (3.0, DELETED), until=60.0))
    assert len(deaf.sent) == 2
    assert deaf.errors() == []


def test_while_the_model_is_away_nobody_waits_and_afterwards_they_do():
    deaf = Deaf()
    steps = [(1.0, rt.ConnectionLost("gone")), (2.0, CREATE), (3.0, rt.ConnectionRestored(2.0)), (4.0, DELETE)]
    run_in_virtual_time(deaf.play(*steps, until=60.0))
    assert [type(command) for _, command in deaf.sent] == [rt.CreateItem, rt.DeleteItem, rt.DeleteItem]
    assert len(deaf.errors()) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (rt.ModelError(code="x", message="no such item", refused=rt.Refused.RETRIEVE, item_id="m1"), "no such item"),
        (rt.ConnectionLost("gone"), "lost"),
        (rt.ItemRetrieved(item_id="m2", item=None), "within 5 s"),
    ],
)
def test_a_retrieval_that_comes_to_nothing_ends_with_an_error(answer: rt.RealtimeEvent, why: str):
    deaf = Deaf()

    async def ask() -> None:
        with pytest.raises(RealtimeError, match=why):
            await deaf.histories.retrieve("m1")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
            await asyncio.sleep(0.1)
            deaf.histories.receive(answer)

    run_in_virtual_time(main())
    assert [command for _, command in deaf.sent] == [rt.RetrieveItem("m1")]


def test_an_item_is_read_back_from_a_running_session():
    async def script(stage: Stage) -> None:
        await stage.session.generate_reply(user_input="Hello")
        (said, _) = stage.session.history.messages()
        found = await stage.session.retrieve_item(said.id)
        assert found.item == said
        with pytest.raises(RealtimeError, match="does not exist"):
            await stage.session.retrieve_item("nothing")

    play(script, ScriptedModel(replies=[ScriptedReply("Hi")]))


def test_settings_of_the_model_change_while_the_session_runs():
    """M-5."""

    async def script(stage: Stage) -> None:
        stage.session.update_model(speed=1.2, language="en")
        assert stage.model.settings.speed == 1.2
        assert stage.model.settings.instructions == "Be kind."
        stage.session.update_model(speed=1.2)
        with pytest.raises(TypeError, match="loudness"):
            stage.session.update_model(loudness=3)

    stage = play(script, model_settings=rt.SessionSettings(voice="posh"))
    (changed,) = stage.model.sent(rt.UpdateSession)
    assert (changed.settings.language, changed.settings.voice) == ("en", "posh")
