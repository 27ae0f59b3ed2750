import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.turns.endpointing import Endpointing, Turn, TurnPhase
from agent_worker.turns.voice import VoiceContinued, VoiceStarted, VoiceStopped


def test_pauses_are_not_counted_as_voice():
    turn = Endpointing(delay=0.5)
    for event in (VoiceStarted(1.0), VoiceStopped(1.5), VoiceStarted(1.8), VoiceStopped(2.0)):
        turn.receive(event)
    assert turn.deadline == 2.5
    assert turn.advance(2.49) is None
    assert turn.advance(2.5) == Turn(started_at=1.0, ended_at=2.0, voiced=0.7)
    assert turn.advance(9.0) is None


def test_the_voice_grows_as_it_is_heard():
    turn = Endpointing(delay=0.5)
    turn.receive(VoiceStarted(1.0))
    turn.receive(VoiceContinued(1.25))
    assert (turn.voiced, turn.phase, turn.deadline) == (0.25, TurnPhase.VOICE, None)


@given(st.lists(st.sampled_from([VoiceStarted, VoiceContinued, VoiceStopped]), max_size=30))
def test_events_in_any_order_never_make_more_voice_than_time(kinds: list[type]):
    turn = Endpointing(delay=0.5)
    for number, kind in enumerate(kinds):
        turn.receive(kind(number * 0.1))
        assert 0.0 <= turn.voiced <= number * 0.1 + 1e-9
        assert (turn.deadline is not None) == (turn.phase is TurnPhase.PAUSE)


def test_a_judge_changes_the_delay_of_one_pause():
    """T-2."""
    turn = Endpointing(delay=0.5)
    turn.judged(3.0)
    for event in (VoiceStarted(1.0), VoiceStopped(1.5)):
        turn.receive(event)
        assert turn.deadline in {None, 2.0}
    turn.judged(3.0)
    assert turn.deadline == 4.5
    turn.judged(0.5)
    assert turn.deadline == 2.0
    turn.judged(3.0)
    for event in (VoiceStarted(1.8), VoiceStopped(2.0)):
        turn.receive(event)
    assert turn.deadline == 2.5
    assert turn.earlier == 0.7


def test_the_delay_counts_from_the_last_sound_and_the_voice_to_where_it_was_last_heard():
    turn = Endpointing(delay=0.5)
    turn.receive(VoiceStarted(1.0))
    turn.receive(VoiceContinued(1.6))
    turn.receive(VoiceStopped(1.6, faded_at=1.5))
    assert turn.deadline == 2.0
    assert turn.advance(2.0) == Turn(started_at=1.0, ended_at=1.6, voiced=pytest.approx(0.6))
