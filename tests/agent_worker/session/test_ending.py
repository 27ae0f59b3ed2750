"""How a session ends: drain and close (L-2), failures in a row (L-5); on_exit exactly once at every end."""

import asyncio
import math

import pytest

from agent_worker import Agent, AgentSession, SpeechError, function_tool
from agent_worker.errors import RealtimeError, RealtimeLostError
from agent_worker.realtime import base as rt
from agent_worker.session.events import ErrorOccurred, SessionClosed, SpeechFinished
from agent_worker.testing import EnergyVad, LoopbackRoom, ScriptedModel, ScriptedReply, run_in_virtual_time
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Quiet, Stage, loud, play, run_to_error, sent_kinds


class Leaving(Agent):
    instructions = "Be kind."

    def __init__(self) -> None:
        self.left = 0

    async def on_exit(self) -> None:
        self.left += 1

    @function_tool
    async def slow(self) -> str:
        """Take your time."""
        await asyncio.sleep(4.0)
        return "at last"


class Polite(Leaving):
    async def on_exit(self) -> None:
        self.left += 1
        await self.session.say("Goodbye")


def test_the_room_closes():
    async def script(stage: Stage) -> None:
        pass

    agent = Leaving()
    stage = play(script, agent=agent)
    assert agent.left == 1
    assert [event.reason for event in stage.seen_of(SessionClosed)] == ["script over"]
    with pytest.raises(SpeechError):
        stage.session.generate_reply()


def test_draining_lets_everything_finish():
    """L-2: a farewell, what is being said, its tools and what is said of them."""
    agent = Polite()
    model = ScriptedModel(
        replies=[ScriptedReply("Wait a moment", calls=(("slow", "{}"),)), ScriptedReply("It is done")]
    )

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(0.5)
        async with asyncio.TaskGroup() as group:
            drain = group.create_task(stage.session.drain())
            await asyncio.sleep(3.0)
            # Nothing new is said, not even in answer to a text.
            stage.human.type("One more thing")
            with pytest.raises(SpeechError, match="about to end"):
                stage.session.generate_reply()
            await drain
        assert handle.done()
        assert not handle.interrupted

    stage = play(script, model, agent, synthesiser=FakeSynthesiser(), ends="drained")
    said = [message.text for message in stage.session.history.messages()]
    assert said == ["Wait a moment", "Goodbye", "One more thing", "It is done"]
    assert agent.left == 1
    assert len(stage.model.sent(rt.CreateResponse)) == 2


def test_shutdown_callbacks_run_after_the_agent_has_left_and_before_the_end_is_told():
    """L-2: with the whole history, however the session ends."""
    agent = Leaving()
    seen: list[tuple[str, int, list[str]]] = []

    async def script(stage: Stage) -> None:
        async def store(reason: str) -> None:
            await asyncio.sleep(3.0)
            seen.append((reason, agent.left, [message.text for message in stage.session.history.messages()]))

        stage.session.add_shutdown_callback(store)
        handle = stage.session.say(WORDS)
        await asyncio.sleep(3.0)
        handle.interrupt()
        await handle

    stage = play(script, agent=agent, synthesiser=FakeSynthesiser())
    ((reason, left, said),) = seen
    assert (reason, left) == ("script over", 1)
    assert said == [message.text for message in stage.session.history.messages()] != []


@pytest.mark.parametrize("scripted", [True, False])
def test_what_was_heard_by_the_end_stands_in_the_history(scripted: bool):
    """R-3, also when the room closes in the middle of a word."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])

    async def script(stage: Stage) -> None:
        if scripted:
            stage.session.say(WORDS)
        else:
            stage.session.generate_reply()
        await asyncio.sleep(3.0)

    stage = play(script, model, synthesiser=FakeSynthesiser())
    (said,) = stage.session.history.messages()
    assert said.interrupted
    assert len(said.text.split()) == pytest.approx(10, abs=1)
    (finished,) = stage.seen_of(SpeechFinished)
    assert (finished.interrupted, finished.text) == (True, said.text)


def test_a_room_that_closes_ends_a_drain():
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])

    async def script(stage: Stage) -> None:
        stage.session.generate_reply()
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.session.drain())
            await asyncio.sleep(1.0)
            stage.room.close("script over")
        assert asyncio.get_running_loop().time() < 3.0

    play(script, model)


def test_draining_has_an_end():
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        started = asyncio.get_running_loop().time()
        await stage.session.drain(seconds=3.0)
        assert asyncio.get_running_loop().time() - started == pytest.approx(3.0, abs=0.1)
        assert handle.interrupted

    play(script, model, ends="drained")


def test_closing_cuts_keeps_the_users_last_words_and_lets_the_agent_leave():
    agent = Leaving()
    model = ScriptedModel(replies=[ScriptedReply(WORDS, ends=False)], heard=["I must go"])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        stage.human.say(loud(2.0))
        await asyncio.sleep(1.0)
        started = asyncio.get_running_loop().time()
        await stage.session.aclose("enough")
        assert asyncio.get_running_loop().time() - started < 1.0
        assert handle.interrupted
        # Twice is once.
        await stage.session.aclose()

    stage = play(script, model, agent, ends="enough")
    said, last = stage.session.history.messages()
    assert (said.interrupted, last.text) == (True, "I must go")
    kinds = sent_kinds(stage.model)
    assert sorted(kind.__name__ for kind in kinds) == [
        "CancelResponse",
        "CommitAudio",
        "CreateResponse",
        "TruncateItem",
    ]
    assert agent.left == 1
    assert stage.seen[-1] == SessionClosed(at=stage.seen[-1].at, reason="enough")


@pytest.mark.parametrize("after", [0.9, 1.48, 1.5, 1.52])
def test_what_the_user_says_while_it_closes_is_kept_and_answered_by_nobody(after: float):
    """L-2: the turn is over 1.5 s after its beginning, so the end comes before, with and after that."""
    model = ScriptedModel(replies=[ScriptedReply("Too late")] if after < 1.5 else [], heard=["I must go"])

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await asyncio.sleep(after)
        await stage.session.aclose("enough")

    stage = play(script, model, ends="enough")
    assert [message.text for message in stage.session.history.messages()] == ["I must go"]
    assert len(stage.model.sent(rt.CommitAudio)) == 1
    if after < 1.5:
        assert not stage.model.sent(rt.CreateResponse)


def test_closing_is_bounded_whatever_hangs():
    class Stuck(Agent):
        async def on_exit(self) -> None:
            await asyncio.sleep(3600)

        @function_tool
        async def hang(self) -> str:
            """Hang."""
            await asyncio.sleep(3600)
            return ""

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        stage.human.say(loud(9.0))
        await asyncio.sleep(1.0)
        started = asyncio.get_running_loop().time()
        await stage.session.aclose()
        assert asyncio.get_running_loop().time() - started <= 5.0
        assert handle.done()

    model = ScriptedModel(replies=[ScriptedReply(calls=(("hang", "{}"),))])
    play(script, model, Stuck(), ends="closed by the application")


def test_a_tool_may_close_the_session():
    class Hangs(Leaving):
        @function_tool
        async def hang_up(self) -> None:
            """End the call."""
            await self.session.aclose("the agent hung up")

    agent = Hangs()
    model = ScriptedModel(replies=[ScriptedReply(calls=(("hang_up", "{}"),))])

    async def script(stage: Stage) -> None:
        stage.session.generate_reply()
        await asyncio.sleep(6.0)

    play(script, model, agent, ends="the agent hung up")
    assert agent.left == 1


def test_closing_what_does_not_run_does_nothing():
    session = AgentSession(Quiet(), door=LoopbackRoom(), model=ScriptedModel(), vad=EnergyVad())
    run_in_virtual_time(session.aclose())


@pytest.mark.parametrize("end", ["lost", "cancelled"])
def test_on_exit_runs_once_at_ends_by_force(end: str):
    agent, room, model = Leaving(), LoopbackRoom(), ScriptedModel()
    session = AgentSession(agent, door=room, model=model, vad=EnergyVad())

    async def hold() -> str:
        try:
            await session.run()
        except RealtimeLostError:
            return "lost"
        except asyncio.CancelledError:
            return "cancelled"
        return "quietly"

    async def main() -> tuple[str, list[object]]:
        stream = session.events()
        async with asyncio.TaskGroup() as group:
            run = group.create_task(hold())
            room.enter()
            await asyncio.sleep(1.0)
            if end == "lost":
                model.lose(away=math.inf)
            else:
                run.cancel()
        return run.result(), [event async for event in stream]

    how, events = run_in_virtual_time(main())
    assert (how, agent.left) == (end, 1)
    assert isinstance(events[-1], SessionClosed)
    assert (end == "lost") is any(isinstance(event, ErrorOccurred) and event.fatal for event in events)


def test_a_model_that_only_fails_ends_the_session():
    """L-5."""

    async def script(stage: Stage) -> None:
        for number in range(1, 5):
            stage.session.generate_reply()
            request = await stage.model.wait_sent(rt.CreateResponse, count=number)
            stage.model.emit(rt.ModelError(code="server_error", message="on fire", request_id=request.request_id))
            await asyncio.sleep(0.1)

    agent = Leaving()
    error, room = run_to_error(script, ScriptedModel(), agent)
    assert isinstance(error, RealtimeError)
    assert "on fire" in room.attributes["agent.error"]
    assert agent.left == 1


def test_a_reply_in_between_forgives():
    """L-5: in a row."""

    async def script(stage: Stage) -> None:
        for number in range(1, 8):
            handle = stage.session.generate_reply()
            request = await stage.model.wait_sent(rt.CreateResponse, count=number)
            if number == 4:
                stage.model.speak("Hi", request_id=request.request_id)
            else:
                stage.model.emit(rt.ModelError(code="oops", message="oops", request_id=request.request_id))
            await handle
            assert (handle.exception() is None) is (number == 4)

    stage = play(script)
    assert not any(event.fatal for event in stage.seen_of(ErrorOccurred))
