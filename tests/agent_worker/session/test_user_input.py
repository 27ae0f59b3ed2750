"""What is not taken for a while (M-8), what is added in writing, and a conversation that begins anew."""

import asyncio

import pytest

from agent_worker import SpeechError, SpeechOptions, TurnMode
from agent_worker.audio import from_bytes
from agent_worker.history.items import Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.base import Capabilities
from agent_worker.session.events import UserStateChanged
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, Stage, loud, play


def test_nothing_is_heard_while_the_microphone_is_off():
    async def script(stage: Stage) -> None:
        stage.session.set_audio_input(enabled=False)
        stage.human.say(loud(1.0))
        await asyncio.sleep(3.0)
        assert stage.model.commands == []
        stage.session.set_audio_input(enabled=True)
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse)

    stage = play(script)
    assert [event.new for event in stage.seen_of(UserStateChanged)] == ["speaking", "listening", "away"]
    assert len(stage.model.sent(rt.CommitAudio)) == 1


def test_a_voice_ends_where_the_microphone_is_switched_off():
    """T-5."""

    async def script(stage: Stage) -> None:
        stage.human.say(loud(3.0))
        await asyncio.sleep(1.0)
        stage.session.set_audio_input(enabled=False)
        await stage.model.wait_sent(rt.CommitAudio)

    stage = play(script)
    speaking, silent, *_ = stage.seen_of(UserStateChanged)
    assert silent.at - speaking.at == pytest.approx(1.0, abs=0.1)


def test_a_model_that_finds_the_turns_gets_silence_meanwhile():
    """M-8, I-11: of the same length, so that a turn that it hears can end."""

    async def script(stage: Stage) -> None:
        stage.human.say(loud(6.0))
        await asyncio.sleep(1.0)
        stage.session.set_audio_input(enabled=False)
        await asyncio.sleep(3.0)

    stage = play(script, options=SpeechOptions(turn_detection=TurnMode.SERVER))
    sound = [from_bytes(audio.pcm) for audio in stage.model.sent(rt.AppendAudio)]
    assert sum(len(piece) for piece in sound) / 24_000 == pytest.approx(4.5, abs=0.8)
    assert not any(piece.any() for piece in sound[-4:])


def test_a_session_can_begin_without_listening():
    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await asyncio.sleep(3.0)
        assert stage.model.commands == []
        stage.session.set_audio_input(enabled=True)
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CommitAudio)

    play(script, before=lambda session: session.set_audio_input(enabled=False))


def test_a_message_can_be_added_and_nobody_answers_it():
    async def script(stage: Stage) -> None:
        assert stage.session.add_message("Who calls is Ann.", role=Role.USER) in [i.id for i in stage.session.history]
        stage.session.add_message("The table is free again.")
        await asyncio.sleep(2.0)

    stage = play(script)
    items = [command.item for command in stage.model.sent(rt.CreateItem)]
    assert items == list(stage.session.history)
    assert [(item.role, item.text) for item in items] == [
        (Role.USER, "Who calls is Ann."),
        (Role.SYSTEM, "The table is free again."),
    ]
    assert stage.model.sent(rt.CreateResponse) == []


def test_reset_begins_anew():
    model = ScriptedModel(replies=[ScriptedReply(WORDS), ScriptedReply("Hello again")], heard=["Tell me"])

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse)
        await asyncio.sleep(3.0)
        stage.session.generate_reply()
        await asyncio.sleep(0.4)
        await stage.session.reset()
        assert len(stage.session.history) == 0
        await asyncio.sleep(4.0)
        await stage.session.generate_reply()

    stage = play(script, model)
    assert [message.text for message in stage.session.history.messages()] == ["Hello again"]
    assert len(set(stage.model.sent(rt.DeleteItem))) == 2


def test_a_model_that_keeps_its_history_cannot_begin_anew():
    async def script(stage: Stage) -> None:
        with pytest.raises(SpeechError, match="keeps its history"):
            await stage.session.reset()

    play(script, ScriptedModel(capabilities=Capabilities(delete_items=False)))
