"""What `say` promises (S-8, R-3, R-4), in virtual time; and once with a real engine."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from agent_worker import Priority, SpeechError
from agent_worker.audio import Samples
from agent_worker.cascade import engines
from agent_worker.history.items import Message, Role
from agent_worker.realtime import base as rt
from agent_worker.session.events import ConversationItemAdded, ErrorOccurred, SpeechCreated, SpeechFinished
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import (
    WORDS,
    FakeSynthesiser,
    Quiet,
    Stage,
    loud,
    play,
    run_to_error,
    sent_kinds,
    tone,
)
from tests.support.missing import missing


def heard_seconds(stage: Stage) -> float:
    return np.count_nonzero(np.abs(stage.human.heard_samples()) > 0) / 24_000


def test_a_text_is_said_shown_and_remembered_by_both():
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        handle = stage.session.say("Your taxi is here")
        await asyncio.sleep(0.55)
        assert stage.room.texts[0].text == "Your taxi"
        assert not handle.done()
        await handle
        assert (stage.room.texts[0].text, stage.room.texts[0].closed) == ("Your taxi is here", True)

    stage = play(script, synthesiser=synthesiser)
    assert heard_seconds(stage) == pytest.approx(1.2, abs=0.01)
    (message,) = stage.session.history.messages()
    assert (message.role, message.text, message.interrupted) == (Role.ASSISTANT, "Your taxi is here", False)
    assert stage.model.sent(rt.CreateItem) == [rt.CreateItem(item=message, previous_item_id="root")]
    assert sent_kinds(stage.model) == [rt.CreateItem]
    assert [event.source for event in stage.seen_of(SpeechCreated)] == ["say"]
    assert [event.text for event in stage.seen_of(SpeechFinished)] == ["Your taxi is here"]
    assert [event.item for event in stage.seen_of(ConversationItemAdded)] == [message]


def test_what_is_kept_off_the_record_is_shown_and_forgotten():
    async def script(stage: Stage) -> None:
        await stage.session.say("One moment please", add_to_history=False)
        assert stage.room.texts[0].text == "One moment please"

    stage = play(script, synthesiser=FakeSynthesiser())
    assert (len(stage.session.history), stage.model.commands) == (0, [])
    assert stage.seen_of(ConversationItemAdded) == []


def test_an_interrupted_announcement_ends_at_the_last_word_heard_and_stands_before_the_interruption():
    """R-3, R-5: the model is told only what was heard, in its place."""
    synthesiser = FakeSynthesiser()
    model = ScriptedModel(replies=[ScriptedReply("Okay")], heard=["Stop!"])

    async def script(stage: Stage) -> None:
        handle = stage.session.say(WORDS)
        await asyncio.sleep(3.0)
        stage.human.say(loud(0.6))
        await stage.model.wait_sent(rt.CreateResponse)
        await handle
        assert handle.interrupted
        await asyncio.sleep(1.0)

    stage = play(script, model, synthesiser=synthesiser)
    said, stop, okay = stage.session.history.messages()
    assert (said.interrupted, stop.text, okay.text) == (True, "Stop!", "Okay")
    assert len(said.text.split()) == pytest.approx(10.5, abs=1.0)
    assert stage.model.sent(rt.CreateItem) == [rt.CreateItem(item=said, previous_item_id="root")]
    assert sent_kinds(stage.model) == [rt.CommitAudio, rt.CreateItem, rt.CreateResponse]
    # The engine was stopped far from the end, which is 120 chunks away.
    assert synthesiser.chunks < 100
    assert synthesiser.closed == 1


def test_a_cough_loses_nothing_of_an_announcement():
    async def script(stage: Stage) -> None:
        handle = stage.session.say(WORDS)
        await asyncio.sleep(3.0)
        stage.human.say(loud(0.2))
        await handle
        assert not handle.interrupted
        assert stage.room.texts[0].text == WORDS

    assert heard_seconds(play(script, synthesiser=FakeSynthesiser())) == pytest.approx(12.0, rel=0.01)


def test_a_text_sounds_before_it_is_written_to_its_end():
    synthesiser = FakeSynthesiser()

    async def written() -> AsyncIterator[str]:
        for piece in ("Dear Mr. Smi", "th, welcome.", " Please si", "t down."):
            yield piece
            await asyncio.sleep(2.0)

    async def script(stage: Stage) -> None:
        handle = stage.session.say(written())
        await asyncio.sleep(5.5)
        assert stage.room.texts[0].text == "Dear Mr. Smith, welcome."
        assert synthesiser.asked == [("Dear Mr. Smith, welcome.", None)]
        await handle

    stage = play(script, synthesiser=synthesiser)
    assert [text for text, _ in synthesiser.asked] == ["Dear Mr. Smith, welcome.", "Please sit down."]
    assert [message.text for message in stage.session.history.messages()] == [
        "Dear Mr. Smith, welcome. Please sit down."
    ]


def test_audio_is_played_and_its_text_is_shown_at_its_pace():
    sound = tone(2.0)

    async def script(stage: Stage) -> None:
        handle = stage.session.say("a b c d", audio=sound)
        await asyncio.sleep(1.1)
        assert stage.room.texts[0].text in {"a b", "a b c"}
        await handle

    stage = play(script)
    heard = stage.human.heard_samples()
    first = np.flatnonzero(heard)[0] - np.flatnonzero(sound)[0]
    assert np.array_equal(heard[first : first + len(sound)], sound)
    assert [message.text for message in stage.session.history.messages()] == ["a b c d"]


def test_audio_may_come_in_pieces_without_end_in_sight():
    """The sound is made at most some seconds ahead of what is heard, so a long one needs no room for all of it."""
    taken = 0

    async def music() -> AsyncIterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield tone(0.5)

    async def script(stage: Stage) -> None:
        handle = stage.session.say("", audio=music(), add_to_history=False)
        await asyncio.sleep(20.0)
        assert 40 <= taken <= 52
        handle.interrupt()
        assert (await handle).interrupted

    stage = play(script)
    assert heard_seconds(stage) == pytest.approx(20.0, abs=0.2)


def test_without_the_means_to_speak_it_says_at_once_what_is_missing():
    """S-8."""

    async def script(stage: Stage) -> None:
        with pytest.raises(SpeechError, match=r"synthesiser=cascade\.engines"):
            stage.session.say("Hello")

    play(script)


def test_the_agents_voice_is_used_where_the_synthesiser_has_it():
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        await stage.session.say("One")
        stage.session.agent.voice = "posh"
        await stage.session.say("Two")
        stage.session.agent.voice = "marin"
        await stage.session.say("Three")

    play(script, synthesiser=synthesiser)
    assert synthesiser.asked == [("One", None), ("Two", "posh"), ("Three", None)]


def test_an_engine_that_fails_costs_one_speech():
    async def script(stage: Stage) -> None:
        handle = await stage.session.say("Hello")
        assert "no sound card" in str(handle.exception())
        assert await stage.session.say("", audio=tone(0.2))

    stage = play(script, synthesiser=FakeSynthesiser(SpeechError("no sound card")))
    assert [event.source for event in stage.seen_of(ErrorOccurred)] == ["speech"]


def test_an_engine_that_only_fails_ends_the_session_and_the_room_is_told():
    """L-5: more than three in a row."""

    async def script(stage: Stage) -> None:
        for _ in range(3):
            await stage.session.say("Hello")
        stage.session.say("Hello")
        await asyncio.sleep(1.0)

    error, room = run_to_error(script, ScriptedModel(), synthesiser=FakeSynthesiser(SpeechError("no sound card")))
    assert isinstance(error, SpeechError)
    assert "no sound card" in room.attributes["agent.error"]
    assert "4 times" in room.attributes["agent.error"]


def test_a_text_that_breaks_off_is_a_failure_of_the_speech():
    async def broken() -> AsyncIterator[str]:
        yield "This is said. "
        raise ValueError("the writer is gone")

    async def script(stage: Stage) -> None:
        handle = await stage.session.say(broken())
        assert "the writer is gone" in str(handle.exception())

    stage = play(script, synthesiser=FakeSynthesiser())
    assert [message.text for message in stage.session.history.messages()] == ["This is said."]


def test_a_protected_announcement_is_not_held_and_words_over_it_are_nothing():
    """I-12."""

    async def script(stage: Stage) -> None:
        handle = stage.session.say(WORDS, allow_interruptions=False)
        await asyncio.sleep(2.0)
        stage.human.say(loud(1.0))
        await handle
        assert not handle.interrupted

    stage = play(script, synthesiser=FakeSynthesiser())
    assert rt.CommitAudio not in sent_kinds(stage.model)
    assert heard_seconds(stage) == pytest.approx(12.0, rel=0.01)


@pytest.mark.parametrize("engine", ["flite", "espeak"])
def test_a_real_engine_is_heard_with_its_own_word_times(engine: str):
    synthesiser = engines.synthesiser(engine)
    if synthesiser is None or synthesiser.name != engine:
        missing(f"{engine} is not installed: `python -m agent_worker doctor` says how to get it")
    text = "Good morning. The train to Oxford leaves in ten minutes."

    async def script(stage: Stage) -> None:
        handle = stage.session.say(text)
        await asyncio.sleep(1.6)
        shown = stage.room.texts[0].text
        assert text.startswith(shown)
        assert 2 <= len(shown.split()) <= 8
        await handle
        assert handle.exception() is None

    stage = play(script, agent=Quiet(), synthesiser=synthesiser)
    (message,) = stage.session.history.messages()
    assert message == Message(id=message.id, role=Role.ASSISTANT, text=text)
    assert 2.0 < heard_seconds(stage) < 6.0


@pytest.mark.parametrize("what", ["text", "audio"])
def test_what_is_to_be_said_and_stops_coming_is_an_error_and_the_floor_goes_on(what: str):
    """S-7."""

    async def words() -> AsyncIterator[str]:
        yield "This is all. "
        if what == "text":
            await asyncio.sleep(3600)

    async def sound() -> AsyncIterator[Samples]:
        yield tone(1.0)
        await asyncio.sleep(3600)

    async def script(stage: Stage) -> None:
        stuck = stage.session.say(words(), audio=sound() if what == "audio" else None)
        after = stage.session.say("Next")
        await after
        assert "stopped coming" in str(stuck.exception())
        assert 15.0 < asyncio.get_running_loop().time() < 18.0

    play(script, synthesiser=FakeSynthesiser())


def test_what_is_said_goes_by_priority():
    """S-2."""

    async def script(stage: Stage) -> None:
        stage.session.say("first")
        stage.session.say("last", priority=Priority.LOW)
        stage.session.say("third")
        stage.session.generate_reply(priority=Priority.HIGH)
        await asyncio.sleep(4.0)

    stage = play(script, ScriptedModel(replies=[ScriptedReply("second")]), synthesiser=FakeSynthesiser())
    assert [message.text for message in stage.session.history.messages()] == ["first", "second", "third", "last"]


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_it_is_said_at_the_rate_of_the_models_voice(rate):
    async def script(stage: Stage) -> None:
        handle = stage.session.say("Your taxi is here")
        await asyncio.sleep(0.55)
        assert stage.room.texts[0].text == "Your taxi"
        await handle
        await stage.session.say("", audio=np.full(24_000, 3000, dtype=np.int16))

    model = ScriptedModel(capabilities=rt.Capabilities(output_rate=rate))
    stage = play(script, model, synthesiser=FakeSynthesiser())
    heard = stage.human.heard_samples()
    assert len(heard) % (rate // 50) == 0
    assert np.count_nonzero(np.abs(heard) > 0) / rate == pytest.approx(2.2, abs=0.05)
