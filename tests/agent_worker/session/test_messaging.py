"""What people's pages ask of an agent and tell it, and what it tells them, besides talking."""

import asyncio

import pytest

from agent_worker import CallError, ConfigError, RpcCall, SpeechError
from agent_worker.agent import Agent
from agent_worker.session import events as seen
from agent_worker.session.procedures import MAX_NAME, Procedures
from agent_worker.session.statistics import METHOD
from agent_worker.testing import LoopbackRoom
from tests.agent_worker.session.play import Quiet, Stage, play


async def refusal(stage: Stage, method: str, payload: object = None, seconds: float = 10.0) -> str:
    with pytest.raises(CallError) as refused:
        await stage.human.call(method, payload, seconds=seconds)
    return refused.value.code


def test_a_function_answers_at_once_or_later_and_knows_who_calls() -> None:
    async def who(call: RpcCall) -> dict[str, str]:
        await asyncio.sleep(1.0)
        return {"you": call.identity}

    async def script(stage: Stage) -> None:
        stage.session.rpc("double", lambda call: 2 * call.payload)
        stage.session.rpc("who", who)
        assert await stage.human.call("double", 21) == 42
        assert await stage.human.call("who") == {"you": "human"}
        stage.session.rpc("double", lambda call: "another")
        assert await stage.human.call("double", 21) == "another"

    play(script)


def test_what_cannot_be_answered_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    def picky(call: RpcCall) -> None:
        raise CallError("a number, please", code="bad_order")

    def breaks(call: RpcCall) -> None:
        raise ValueError("a secret of the application")

    async def slow(call: RpcCall) -> None:
        await asyncio.sleep(60.0)

    async def script(stage: Stage) -> None:
        for name, function in (("picky", picky), ("breaks", breaks), ("slow", slow)):
            stage.session.rpc(name, function)
        codes = [await refusal(stage, name, seconds=2.0) for name in ("picky", "breaks", "slow", "unknown")]
        assert codes == ["bad_order", "application_error", "timeout", "unsupported_method"]

    play(script)
    assert "the method breaks failed" in caplog.text


def test_methods_that_an_agent_adds_as_it_enters_are_there_for_everybody() -> None:
    class Waiter(Agent):
        instructions = "Take orders."

        async def on_enter(self) -> None:
            self.session.rpc("table", lambda call: {"table": 7})

    async def script(stage: Stage) -> None:
        bob = stage.room.enter("bob")
        assert await bob.call("table") == {"table": 7}

    play(script, agent=Waiter())


@pytest.mark.parametrize("name", ["", METHOD, "x" * (MAX_NAME + 1)])
def test_names_that_no_method_can_have(name: str) -> None:
    with pytest.raises(ConfigError, match="no method can be called"):
        Procedures().add(name, lambda call: None)


async def test_what_is_known_before_the_room_can_be_called_in_it() -> None:
    procedures, room = Procedures(), LoopbackRoom()
    procedures.add("early", lambda call: call.payload)
    procedures.enter(room)
    procedures.add("late", lambda call: [call.payload])
    assert await room.methods.answer(RpcCall(identity="ann", method="early", payload=1)) == 1
    assert await room.methods.answer(RpcCall(identity="ann", method="late", payload=1)) == [1]


def test_data_reaches_the_application_and_nothing_is_said_to_it() -> None:
    async def script(stage: Stage) -> None:
        stage.human.send_data("cursor", {"x": 1})
        await asyncio.sleep(0.5)

    stage = play(script)
    (data,) = stage.seen_of(seen.DataReceived)
    assert (data.identity, data.topic, data.payload) == ("human", "cursor", {"x": 1})
    assert not stage.seen_of(seen.SpeechCreated)


def test_data_goes_to_everybody_or_to_those_who_are_named() -> None:
    async def script(stage: Stage) -> None:
        stage.session.send_data("menu", ["tea"])
        stage.session.send_data("menu", None, to=["ann", "bob"])
        stage.session.send_data("menu", "for one", to="ann")

    stage = play(script)
    sent = [(data.payload, data.to) for data in stage.room.data if data.topic == "menu"]
    assert sent == [(["tea"], ()), (None, ("ann", "bob")), ("for one", ("ann",))]
    with pytest.raises(SpeechError, match="not running"):
        stage.session.send_data("menu", [])


@pytest.mark.parametrize(
    ("topic", "payload", "to", "word"),
    [
        ("menu", object(), (), "payload"),
        ("menu", "x" * 15_001, (), "15000"),
        ("x" * 129, 1, (), "topic"),
        ("menu", 1, [f"guest-{number}" for number in range(65)], "to"),
    ],
)
def test_what_does_not_fit_is_the_callers_error(topic: str, payload: object, to: list[str], word: str) -> None:
    async def script(stage: Stage) -> None:
        with pytest.raises(ValueError, match=word):
            stage.session.send_data(topic, payload, to=to)

    stage = play(script, agent=Quiet())
    assert not [data for data in stage.room.data if data.topic == topic]
