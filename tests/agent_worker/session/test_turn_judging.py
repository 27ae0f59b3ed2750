"""A judge at the pauses of a turn (T-2), in virtual time."""

import asyncio
import threading

import pytest

from agent_worker import SpeechOptions, TurnMode
from agent_worker.realtime import base as rt
from agent_worker.session.turn_judging import TurnJudging
from agent_worker.speech import events as ev
from agent_worker.testing import ScriptedModel
from agent_worker.turns.judge import TurnSoFar
from tests.agent_worker.session.play import Stage, loud, play, tone


class Judge:
    """Answers in order; then cannot tell."""

    def __init__(self, *answers: float | Exception | threading.Event) -> None:
        self.asked: list[TurnSoFar] = []
        self._answers = iter(answers)

    def probability(self, turn: TurnSoFar) -> float | None:
        self.asked.append(turn)
        answer = next(self._answers, None)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, threading.Event):
            assert answer.wait(20.0)
            return 0.0
        return answer


def committed_after(
    judge: Judge, *, options: SpeechOptions | None = None, seconds: float = 1.0
) -> tuple[float, Stage]:
    """Seconds from the end of a voice to the commit of its turn."""
    ends: list[float] = []

    async def script(stage: Stage) -> None:
        stage.human.say(loud(seconds))
        ends.append(asyncio.get_running_loop().time() + seconds)
        await asyncio.sleep(seconds + 4.0)

    stage = play(script, ScriptedModel(), turn_judge=judge, options=options)
    (at,) = [sent.at for sent in stage.model.commands if isinstance(sent.command, rt.CommitAudio)]
    return at - ends[0], stage


@pytest.mark.parametrize(
    ("judge", "delay"),
    [(Judge(0.1), 3.0), (Judge(0.9), 0.5), (Judge(), 0.5), (Judge(ValueError("no model")), 0.5)],
    ids=["unfinished", "finished", "cannot tell", "fails"],
)
def test_the_judge_decides_how_long_the_pause_may_be(judge: Judge, delay: float):
    after, _ = committed_after(judge)
    assert after == pytest.approx(delay, abs=0.1)
    (turn,) = judge.asked
    assert turn.rate == 24_000
    # From a little before the voice to the moment at which its pause is certain.
    assert len(turn.samples) / turn.rate == pytest.approx(1.3, abs=0.3)


def test_of_a_long_turn_the_judge_gets_the_end():
    judge = Judge()
    committed_after(judge, seconds=12.0)
    assert len(judge.asked[0].samples) / judge.asked[0].rate == pytest.approx(8.0, abs=0.1)


async def test_a_judge_that_is_late_decides_nothing_and_is_asked_again(caplog: pytest.LogCaptureFixture):
    """In real time: the judge hangs until it is released."""
    release = threading.Event()
    judge, posted = Judge(release, 0.9), asyncio.Queue[ev.Event]()
    judging = TurnJudging(
        judge=judge,
        so_far=lambda: TurnSoFar(samples=tone(1.0), rate=24_000),
        options=SpeechOptions,
        post=posted.put_nowait,
    )
    async with asyncio.timeout(30.0), asyncio.TaskGroup() as group:
        run = group.create_task(judging.run())
        judging.heard(ev.VoiceStopped(1.0))
        while "silence decides" not in caplog.text:
            await asyncio.sleep(0.05)
        release.set()
        judging.heard(ev.VoiceStarted(2.0))
        judging.heard(ev.VoiceStopped(3.0))
        assert await posted.get() == ev.TurnJudged(0.9)
        run.cancel()
    assert posted.empty()


def test_each_pause_is_judged_and_the_next_voice_takes_it_back():
    judge = Judge(0.1, 0.9)

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await asyncio.sleep(2.5)
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CommitAudio)
        await asyncio.sleep(1.0)

    stage = play(script, ScriptedModel(), turn_judge=judge)
    assert len(stage.model.sent(rt.CommitAudio)) == 1
    assert len(judge.asked) == 2


def test_where_the_application_ends_the_turns_nobody_is_asked():
    judge = Judge(0.1)

    async def script(stage: Stage) -> None:
        stage.session.start_turn()
        stage.human.say(loud(1.0))
        await asyncio.sleep(2.0)
        stage.session.commit_turn()
        await asyncio.sleep(1.0)

    play(script, turn_judge=judge, options=SpeechOptions(turn_detection=TurnMode.MANUAL))
    assert judge.asked == []


def test_words_that_come_before_the_end_of_the_turn_are_handed_on():
    judge = Judge()

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await asyncio.sleep(0.5)
        stage.model.emit(
            rt.InputTranscriptDelta("item_early", "My name"), rt.InputTranscriptDelta("item_early", " is")
        )
        await asyncio.sleep(3.0)

    play(script, ScriptedModel(), turn_judge=judge)
    assert judge.asked[0].text == "My name is"
