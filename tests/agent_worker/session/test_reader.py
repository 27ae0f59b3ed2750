"""Replies in text alone: spoken as they are written, and cut, held and remembered like audio (R-6)."""

import asyncio

import numpy as np
import pytest

from agent_worker.history.items import Message
from agent_worker.realtime import base as rt
from agent_worker.session.events import AgentFalseInterruption, AgentStateChanged, SpeechFinished
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Stage, loud, play

TEXT = rt.SessionSettings(modality=rt.Modality.TEXT)


def states(stage: Stage) -> list[str]:
    return [event.new for event in stage.seen_of(AgentStateChanged)]


def test_what_the_model_writes_is_spoken_sentence_by_sentence():
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()

    model = ScriptedModel(replies=[ScriptedReply("It is noon. The sun shines.")])
    stage = play(script, model, synthesiser=synthesiser, model_settings=TEXT)
    assert [text for text, _ in synthesiser.asked] == ["It is noon.", "The sun shines."]
    assert states(stage) == ["listening", "thinking", "speaking", "listening"]
    assert [message.text for message in stage.session.history.messages()] == ["It is noon. The sun shines."]
    # Six words of 0.3 s.
    assert np.count_nonzero(stage.human.heard_samples()) / 24_000 == pytest.approx(1.8, abs=0.1)
    assert not stage.model.sent(rt.CreateItem)


def test_a_sentence_sounds_while_the_next_is_written():
    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await stage.model.wait_sent(rt.CreateResponse)
        (sent,) = stage.model.sent(rt.CreateResponse)
        one = {"response_id": "r", "item_id": "i", "content_index": 0}
        stage.model.emit(
            rt.ResponseStarted(response_id="r", request_id=sent.request_id),
            rt.OutputItemStarted(response_id="r", item_id="i"),
            rt.OutputText(**one, delta="It is noon. And"),
        )
        await asyncio.sleep(1.0)
        assert stage.session.agent_state == "speaking"
        stage.model.emit(
            rt.OutputText(**one, delta=" the sun shines."),
            rt.OutputTextDone(**one, text="It is noon. And the sun shines."),
            rt.ResponseEnded(response_id="r", request_id=sent.request_id, status=rt.ResponseStatus.COMPLETED),
        )
        await handle
        assert handle.exception() is None

    stage = play(script, synthesiser=FakeSynthesiser(), model_settings=TEXT)
    assert [message.text for message in stage.session.history.messages()] == ["It is noon. And the sun shines."]


def test_a_cough_holds_it_and_it_goes_on():
    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        stage.human.say(loud(0.2))
        await handle
        assert not handle.interrupted

    stage = play(
        script, ScriptedModel(replies=[ScriptedReply(WORDS)]), synthesiser=FakeSynthesiser(), model_settings=TEXT
    )
    (false,) = stage.seen_of(AgentFalseInterruption)
    assert false.resumed
    assert [message.text for message in stage.session.history.messages()] == [WORDS]


@pytest.mark.parametrize("ends", [True, False], ids=["written in full", "being written"])
def test_a_cut_leaves_what_was_heard_in_both_histories(ends: bool):
    """R-2, R-4: a text has no length in time, so the model's copy is replaced."""
    model = ScriptedModel(replies=[ScriptedReply(f"Well now. {WORDS}", ends=ends), ScriptedReply("Fine.")])

    async def script(stage: Stage) -> None:
        first = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        await stage.session.interrupt()
        assert first.interrupted
        await asyncio.sleep(1.0)
        await stage.session.generate_reply()

    stage = play(script, model, synthesiser=FakeSynthesiser(), model_settings=TEXT)
    cut, fine = stage.session.history.messages()
    assert cut.interrupted
    assert cut.text.startswith("Well now.")
    assert fine.text == "Fine."
    if not ends:
        assert 3 < len(cut.text.split()) < 9
        assert len(stage.model.sent(rt.CancelResponse)) == 1
    (deleted,) = stage.model.sent(rt.DeleteItem)
    (created,) = stage.model.sent(rt.CreateItem)
    assert deleted.item_id == cut.id
    assert created == rt.CreateItem(item=cut, previous_item_id="root")
    assert not stage.model.sent(rt.TruncateItem)


def test_without_a_synthesiser_the_words_are_shown_and_the_states_are_the_same():
    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()

    stage = play(script, ScriptedModel(replies=[ScriptedReply("It is noon.")]), model_settings=TEXT)
    assert states(stage) == ["listening", "thinking", "speaking", "listening"]
    (said,) = stage.session.history.messages()
    assert said == Message(id=said.id, role=said.role, text="It is noon.")
    assert not stage.human.heard_samples().any()
    assert "It is noon." in [text.text for text in stage.room.texts]


def test_an_engine_that_fails_is_told_and_the_floor_goes_on():
    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await handle
        assert "no voice today" in str(handle.exception())

    model = ScriptedModel(replies=[ScriptedReply("It is noon.")])
    stage = play(script, model, synthesiser=FakeSynthesiser(ValueError("no voice today")), model_settings=TEXT)
    (finished,) = stage.seen_of(SpeechFinished)
    assert finished.failure == "no voice today"
