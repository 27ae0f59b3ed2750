"""A session can be asked how its sound is doing: by the application, by anybody in the room, and in the log."""

import asyncio
import json
import logging

import pytest

from agent_worker.audio import WIRE_RATE, samples_in
from agent_worker.errors import SpeechError
from agent_worker.session.statistics import METHOD, SessionStatistics
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import Stage, loud, play


def test_what_was_said_and_heard_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    found: list[SessionStatistics] = []

    async def script(stage: Stage) -> None:
        found.append(await stage.session.statistics())
        stage.human.say(loud(1.0))
        await asyncio.sleep(4.0)
        found.append(await stage.session.statistics())

    with caplog.at_level(logging.INFO, logger="agent_worker.session"):
        stage = play(script, ScriptedModel(replies=[ScriptedReply("one two three four")]))
    before, after = found
    assert before.hearing["human"].voices == 0
    hearing = after.hearing["human"]
    assert hearing.voices == 1
    assert hearing.voiced * 512 / 16_000 == pytest.approx(1.0, abs=0.3)
    assert hearing.windows * 512 / 16_000 == pytest.approx(4.5, abs=0.2)
    assert after.playout.played_samples > before.playout.played_samples == 0
    slots = after.room.voice.slots - before.room.voice.slots
    assert slots == pytest.approx(4.0 / 0.02, abs=2)
    said = [record.getMessage() for record in caplog.records if "the call is over" in record.getMessage()]
    assert len(said) == 1
    assert "1 voices" in said[0]
    with pytest.raises(SpeechError, match="not running"):
        asyncio.run(stage.session.statistics())


def test_anybody_in_the_room_may_ask() -> None:
    answers: list[dict] = []

    async def script(stage: Stage) -> None:
        stage.human.say(loud(0.5)[: samples_in(0.5, WIRE_RATE)])
        await asyncio.sleep(1.0)
        answers.append(await stage.human.call(METHOD))

    play(script)
    (answer,) = answers
    assert json.loads(json.dumps(answer)) == answer
    assert answer["hearing"]["human"]["voices"] == 1
    assert answer["playout"]["frames"] == answer["room"]["voice"]["slots"] > 50
    assert answer["room"]["humans"] == {}
    assert answer["model"]["connections"] == 1
    assert answer["model"]["losses"] == 0
    assert answer["model"]["sent"] > 0
    assert answer["history"]["unacknowledged"] == 0
    assert answer["speeches"] == {"waiting": 0, "begun": 0}
