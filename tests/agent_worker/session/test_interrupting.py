"""Handles and `interrupt`: S-5, S-6, S-9, S-10."""

import asyncio
import logging

import pytest

from agent_worker import Agent, RunContext, SpeechError, SpeechHandle, function_tool
from agent_worker.realtime import base as rt
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Stage, loud, play, tone


def test_everything_is_cut_in_order_and_waited_for():
    """S-5."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS, ends=False), ScriptedReply("never")])

    async def script(stage: Stage) -> None:
        handles = [stage.session.generate_reply(), stage.session.generate_reply(), stage.session.generate_reply()]
        await asyncio.sleep(1.0)
        await stage.session.interrupt()
        assert [handle.interrupted for handle in handles] == [True] * 3
        # At once if there is nothing.
        await stage.session.interrupt()

    assert len(play(script, model).model.sent(rt.CreateResponse)) == 1


def test_interrupt_stops_at_the_first_protected_speech():
    """S-5: there is no hole in what is said."""

    async def script(stage: Stage) -> None:
        say = stage.session.say
        first = say("", audio=tone(3.0))
        kept = say("", audio=tone(1.0), allow_interruptions=False)
        behind = say("", audio=tone(1.0))
        await asyncio.sleep(1.0)
        await stage.session.interrupt()
        assert (first.interrupted, kept.done(), behind.done()) == (True, False, False)
        await behind
        assert (kept.interrupted, behind.interrupted) == (False, False)

    play(script)


def test_what_is_protected_and_being_said_raises_unless_forced():
    """S-5, S-6."""

    async def script(stage: Stage) -> None:
        handle = stage.session.say("", audio=tone(5.0), allow_interruptions=False)
        await asyncio.sleep(1.0)
        with pytest.raises(SpeechError, match="force=True"):
            stage.session.interrupt()
        with pytest.raises(SpeechError, match="force=True"):
            handle.interrupt()
        await asyncio.sleep(0.5)
        assert not handle.done()
        await stage.session.interrupt(force=True)
        assert handle.interrupted

    play(script)


def test_one_speech_is_cut_and_the_others_stay():
    async def script(stage: Stage) -> None:
        first, second, third = [stage.session.say("", audio=tone(1.0)) for _ in range(3)]
        await asyncio.sleep(0.3)
        second.interrupt()
        assert (await second).interrupted
        assert not first.done()
        await third
        assert (first.interrupted, third.interrupted) == (False, False)
        # It is over: nothing happens.
        first.interrupt(force=True)

    play(script)


def test_protection_may_come_late_but_not_too_late():
    """S-6."""

    async def script(stage: Stage) -> None:
        handle = stage.session.say("", audio=tone(4.0))
        assert handle.allow_interruptions
        await asyncio.sleep(0.5)
        handle.allow_interruptions = False
        stage.human.say(loud(1.0))
        with pytest.raises(SpeechError):
            handle.interrupt()
        await asyncio.sleep(2.0)
        assert not handle.done()
        handle.allow_interruptions = True
        handle.interrupt()
        with pytest.raises(SpeechError, match="was interrupted already"):
            handle.allow_interruptions = False
        await handle

    assert rt.CommitAudio not in [type(sent.command) for sent in play(script).model.commands]


def test_handles_are_protected_as_agent_and_options_say():
    class Firm(Agent):
        allow_interruptions = False

    async def script(stage: Stage) -> None:
        session = stage.session
        assert not session.say("", audio=tone(0.1)).allow_interruptions
        assert session.say("", audio=tone(0.1), allow_interruptions=True).allow_interruptions

    async def script_by_options(stage: Stage) -> None:
        handle = stage.session.say("", audio=tone(0.1))
        assert handle.allow_interruptions
        stage.session.update_options(allow_interruptions=False)
        assert not handle.allow_interruptions

    play(script, agent=Firm())
    play(script_by_options)


def test_callbacks_run_once_also_when_added_late(caplog: pytest.LogCaptureFixture):
    """S-10."""
    seen: list[SpeechHandle] = []

    def broken(handle: SpeechHandle) -> None:
        raise ValueError("oh")

    async def script(stage: Stage) -> None:
        handle = stage.session.say("", audio=tone(0.5))
        handle.add_done_callback(broken)
        handle.add_done_callback(seen.append)
        await handle
        assert seen == [handle]
        handle.add_done_callback(seen.append)
        assert seen == [handle, handle]

    with caplog.at_level(logging.ERROR):
        play(script)
    assert "a callback of speech1 failed" in caplog.text


def test_a_tool_does_not_wait_for_its_own_speech():
    """S-9."""
    outcomes: list[str] = []

    class Waiting(Agent):
        @function_tool
        async def wait(self, context: RunContext) -> str:
            """Wait."""
            try:
                await context.speech.wait_for_playout()
            except SpeechError as error:
                outcomes.append(str(error))
            try:
                await context.speech
            except SpeechError as error:
                outcomes.append(str(error))
            # Another speech may be waited for.
            await context.session.say("One moment")
            outcomes.append("said")
            return "done"

    model = ScriptedModel(replies=[ScriptedReply("Let me see", calls=(("wait", "{}"),)), ScriptedReply("Well")])

    async def script(stage: Stage) -> None:
        handle = await stage.session.generate_reply()
        assert handle.exception() is None
        await handle.wait_for_playout()

    stage = play(script, model, Waiting(), synthesiser=FakeSynthesiser())
    assert "waits for this tool" in outcomes[0]
    assert outcomes[0] == outcomes[1]
    assert outcomes[2] == "said"
    assert [message.text for message in stage.session.history.messages()] == ["Let me see", "One moment", "Well"]


def test_speeches_that_wait_are_written_down_one_by_one():
    """The next speech begins in the very step in which the last one ends; nothing of the last is lost by that."""
    model = ScriptedModel(replies=[ScriptedReply("one two"), ScriptedReply("three four")])

    async def script(stage: Stage) -> None:
        first, second = stage.session.generate_reply(), stage.session.generate_reply()
        await first
        await second

    stage = play(script, model)
    assert [message.text for message in stage.session.history.messages()] == ["one two", "three four"]
    assert all(text.closed for text in stage.room.texts)
