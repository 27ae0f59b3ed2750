"""What is reported of interruptions and turns, with its numbers (I-13, T-6)."""

import pytest

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.actions import Outcome
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import at, request, voice
from tests.agent_worker.speech.world import Reply, World


def play(*given: list, **world: object) -> World:
    played = World(**world)  # pyright: ignore[reportArgumentType]
    for facts in given:
        played.post(facts)
    played.until(30.0)
    return played


def near(time: float) -> object:
    return pytest.approx(time, abs=0.02)


def interruptions(world: World) -> list[tuple[Outcome, str, float, float | None, float]]:
    return [
        (a.outcome, a.speech_id, a.voice_at, a.held_at, a.decided_at)
        for _, a in world.log
        if isinstance(a, act.ReportInterruption)
    ]


def test_a_hold_that_went_on():
    world = play(request(0.0), voice(3.0, 3.22))
    assert interruptions(world) == [(Outcome.RESUMED, "s", 3.0, near(3.16), near(4.22))]
    assert [a for _, a in world.log if isinstance(a, act.ReportHold)] == [act.ReportHold(3.0, near(3.16))]  # pyright: ignore[reportArgumentType]


def test_a_hold_that_was_cut():
    world = play(request(0.0), voice(3.0, 3.6), words=["Stop it."], replies=[Reply(), Reply(seconds=1.0)])
    assert interruptions(world) == [(Outcome.CUT, "s", 3.0, near(3.16), near(4.3))]


def test_a_hold_whose_speech_ended():
    tool = Reply(seconds=2.5, tools=1, tools_take=2.8, spoken=False)
    world = play(request(0.0), voice(3.0, 3.2), replies=[tool])
    assert interruptions(world) == [(Outcome.ENDED, "s", 3.0, near(3.16), near(3.4))]


def test_a_cut_without_a_hold_has_the_voice_that_it_was_for():
    final = OptionChanges(resume_false_interruption=False)
    world = play(request(0.0), voice(3.0, 3.6), changes=final, replies=[Reply(), Reply(seconds=1.0)])
    assert interruptions(world) == [(Outcome.CUT, "s", 3.0, None, near(3.5))]


def test_interrupt_is_for_no_voice():
    world = play(request(0.0), at(2.0, ev.InterruptRequested()))
    assert interruptions(world) == [(Outcome.CUT, "s", 2.0, None, 2.0)]


def test_a_speech_that_never_began_is_no_interruption():
    world = play(request(0.0), request(0.1, "next"), at(0.5, ev.SpeechInterruptRequested("next")))
    assert interruptions(world) == []


def test_each_turn_that_counts_is_reported_with_its_times():
    world = play(voice(1.0, 2.0), voice(2.2, 3.0), voice(8.0, 8.1), replies=[Reply(seconds=1.0)])
    (turn,) = [a for _, a in world.log if isinstance(a, act.ReportTurn)]
    assert (turn.started_at, turn.ended_at) == (1.0, pytest.approx(3.0))


def test_a_turn_that_is_too_long_says_how_long():
    world = play(voice(1.0, 4.0), changes=OptionChanges(user_turn_limit=2.0), replies=[Reply(seconds=1.0)])
    exceeded = [a for _, a in world.log if isinstance(a, act.ReportTurnExceeded)]
    assert exceeded == [act.ReportTurnExceeded(at=3.0, seconds=2.0)]
