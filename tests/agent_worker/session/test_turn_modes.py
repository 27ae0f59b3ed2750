"""The modes "manual" (T-4) and "server" (T-1, I-11), and the hints of "vad", end to end in virtual time."""

import asyncio

import numpy as np
import pytest

from agent_worker import SpeechError, SpeechOptions
from agent_worker.realtime import base as rt
from agent_worker.session.events import SpeechCreated, UserTurnCommitted
from agent_worker.speech.options import TurnMode
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, Stage, loud, play, sent_kinds, tone

MANUAL = SpeechOptions(turn_detection=TurnMode.MANUAL)
SERVER = SpeechOptions(turn_detection=TurnMode.SERVER)
LISTENING_SERVER = SpeechOptions(turn_detection=TurnMode.SERVER, server_interrupts=False)


def sent_seconds(stage: Stage) -> float:
    return sum(len(command.pcm) for command in stage.model.sent(rt.AppendAudio)) / 48_000


def test_by_hand_a_voice_decides_nothing():
    async def script(stage: Stage) -> None:
        stage.human.say(loud(2.0))
        await asyncio.sleep(5.0)

    assert play(script, options=MANUAL).model.commands == []


def test_a_faint_click_is_a_hint_that_is_taken_back():
    """T-1: what was sent ahead is gone before anything else can be committed with it."""

    async def script(stage: Stage) -> None:
        stage.human.say((loud(0.06) // 20).astype(np.int16))
        await asyncio.sleep(5.0)

    stage = play(script)
    assert sent_kinds(stage.model) == [rt.ClearAudio]
    assert 0.3 < sent_seconds(stage) < 0.7


def test_by_hand_a_turn_lasts_from_the_press_to_the_release():
    model = ScriptedModel(replies=[ScriptedReply("Noon")], heard=["What time is it?"])

    async def script(stage: Stage) -> None:
        stage.session.start_turn()
        stage.human.say(loud(1.0))
        await asyncio.sleep(2.5)
        stage.session.commit_turn()
        await stage.model.wait_sent(rt.CreateResponse)
        await asyncio.sleep(1.0)

    stage = play(script, model, options=MANUAL)
    assert sent_kinds(stage.model) == [rt.CommitAudio, rt.CreateResponse]
    assert sent_seconds(stage) == pytest.approx(2.5 + 0.3, abs=0.05)
    assert [message.text for message in stage.session.history.messages()] == ["What time is it?", "Noon"]
    (turn,) = stage.seen_of(UserTurnCommitted)
    assert (turn.started_at, turn.at) == pytest.approx((0.5, 3.0))


def test_by_hand_a_turn_can_be_forgotten():
    async def script(stage: Stage) -> None:
        handle = stage.session.say("", audio=tone(6.0))
        await asyncio.sleep(1.0)
        stage.session.start_turn()
        await asyncio.sleep(1.0)
        assert stage.room.attributes["agent.held"] == "true"
        stage.session.clear_turn()
        await handle
        assert not handle.interrupted

    assert sent_kinds(play(script, options=MANUAL).model) == [rt.ClearAudio]


@pytest.mark.parametrize("mode", [TurnMode.VAD, TurnMode.SERVER])
def test_turns_by_hand_are_refused_where_somebody_else_finds_them(mode: TurnMode):
    async def script(stage: Stage) -> None:
        for call in (stage.session.start_turn, stage.session.commit_turn, stage.session.clear_turn):
            with pytest.raises(SpeechError, match="manual"):
                call()

    play(script, options=SpeechOptions(turn_detection=mode))


def test_the_servers_detector_hears_everything_in_step_and_answers_by_itself():
    """T-1, I-11."""
    model = ScriptedModel()

    async def script(stage: Stage) -> None:
        assert stage.model.settings.turn_detection is rt.TurnDetection.SERVER
        stage.human.say(loud(1.0))
        await asyncio.sleep(0.3)
        stage.model.emit(rt.InputVoiceStarted(item_id="item_u"))
        await asyncio.sleep(1.0)
        stage.model.emit(rt.InputVoiceStopped(item_id="item_u"), rt.InputCommitted("item_u"))
        stage.model.speak("It is noon")
        await asyncio.sleep(0.1)
        stage.model.emit(rt.InputTranscribed("item_u", "What time is it?"))
        # A muted microphone sends nothing: the server gets silence all the same.
        stage.human.mute()
        await asyncio.sleep(5.0)

    stage = play(script, model, options=SERVER)
    assert sent_kinds(stage.model) == []
    # 0.5 s before the script, 6.4 s of it; what is missing of a mute is made up for after half a second.
    assert sent_seconds(stage) == pytest.approx(6.9, abs=0.6)
    assert [message.text for message in stage.session.history.messages()] == ["What time is it?", "It is noon"]
    assert [event.source for event in stage.seen_of(SpeechCreated)] == ["turn"]
    assert [text.text for text in stage.room.texts] == ["What time is it?", "It is noon"]


def test_the_servers_voice_cuts_at_once():
    """I-11: the model has stopped its reply already, so nothing can be held."""

    async def script(stage: Stage) -> None:
        stage.model.emit(rt.InputVoiceStarted(item_id="u1"))
        await asyncio.sleep(1.0)
        stage.model.emit(rt.InputVoiceStopped(item_id="u1"), rt.InputCommitted("u1"), rt.InputTranscribed("u1", "Go"))
        stage.model.speak(WORDS)
        await asyncio.sleep(3.0)
        stage.model.emit(rt.InputVoiceStarted(item_id="u2"))
        await asyncio.sleep(0.5)

    stage = play(script, options=SERVER)
    (truncated,) = stage.model.sent(rt.TruncateItem)
    assert truncated.audio_end_ms == pytest.approx(3000, abs=60)
    *_, said = stage.session.history.messages()
    assert said.interrupted
    assert len(said.text.split()) == pytest.approx(10, abs=1)


def test_a_server_that_only_listens_drives_the_hold():
    """I-11: told not to answer and not to interrupt, its detector takes the place of ours."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])

    async def script(stage: Stage) -> None:
        assert stage.model.settings.turn_detection is rt.TurnDetection.SERVER_HEARS
        handle = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        stage.model.emit(rt.InputVoiceStarted(item_id="u1"))
        await asyncio.sleep(0.4)
        assert stage.room.attributes["agent.held"] == "true"
        stage.model.emit(
            rt.InputVoiceStopped(item_id="u1"), rt.InputCommitted("u1"), rt.InputTranscribed("u1", "mm-hm")
        )
        assert not (await handle).interrupted

    stage = play(script, model, options=LISTENING_SERVER)
    assert stage.model.sent(rt.DeleteItem) == [rt.DeleteItem("u1")]
    assert [message.text for message in stage.session.history.messages()] == [WORDS]


def test_over_a_protected_speech_the_server_hears_silence():
    """I-12, discard_audio_if_uninterruptible."""

    async def script(stage: Stage) -> None:
        handle = stage.session.say("", audio=tone(2.0), allow_interruptions=False)
        await asyncio.sleep(0.5)
        stage.human.say(loud(1.0))
        await handle
        assert not any(np.frombuffer(command.pcm, "<i2").any() for command in stage.model.sent(rt.AppendAudio))
        stage.human.say(loud(1.0))
        await asyncio.sleep(1.0)

    stage = play(script, options=SERVER)
    assert np.frombuffer(stage.model.sent(rt.AppendAudio)[-5].pcm, "<i2").any()


def test_the_mode_can_be_changed_at_any_time():
    model = ScriptedModel(replies=[ScriptedReply("Noon")], heard=["What time is it?"])

    async def script(stage: Stage) -> None:
        session = stage.session
        session.update_options(turn_detection="manual")
        stage.human.say(loud(1.0))
        await asyncio.sleep(3.0)
        assert sent_kinds(stage.model) == []
        session.update_options(turn_detection="server")
        await asyncio.sleep(1.0)
        assert stage.model.settings.turn_detection is rt.TurnDetection.SERVER
        assert sent_seconds(stage) == pytest.approx(1.0, abs=0.05)
        session.update_options(turn_detection="vad")
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse)
        with pytest.raises(ValueError, match="telepathy"):
            session.update_options(turn_detection="telepathy")
        with pytest.raises(TypeError):
            session.update_options(patience=3)

    stage = play(script, model)
    assert stage.model.settings.turn_detection is rt.TurnDetection.NONE
