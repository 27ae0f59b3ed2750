"""What no sequence of events can bring about, with the real player, in virtual time."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_worker.media.ledger import NeverPlayed, Truncated
from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from tests.agent_worker.speech.chance import worlds
from tests.agent_worker.speech.story import request, voice
from tests.agent_worker.speech.world import RATE, Fact, Reply, World

often = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@given(worlds())
@often
def test_in_the_end_nothing_is_held_and_everything_is_done(world: World):
    """I-10, S-7: once the world is silent and the model answers."""
    world.until(300.0)
    holds = [a for _, a in world.log if isinstance(a, act.HoldOutput | act.ResumeOutput)]
    assert not holds or isinstance(holds[-1], act.ResumeOutput)
    assert not world.playout.held
    finished = [a.speech_id for _, a in world.log if isinstance(a, act.FinishSpeech)]
    assert len(finished) == len(set(finished))
    begun = {a.speech_id for _, a in world.log if isinstance(a, act.RequestReply | act.SpeakScript | act.AdoptReply)}
    assert begun <= set(finished)
    assert world.requested <= set(finished)


@given(worlds())
@often
def test_nothing_of_a_cut_reply_is_heard_after_the_cut(world: World):
    world.until(60.0)
    dropped: set[str] = set()
    for _, action in world.log:
        match action:
            case act.DropOutput(request_id=request_id):
                dropped.add(request_id)
            case act.PlayAudio(request_id=request_id):
                assert request_id not in dropped
            case _:
                pass


@given(worlds())
@often
def test_one_reply_of_the_model_at_a_time(world: World):
    """M-2: the next is asked for when the last has ended, or is given up."""
    world.until(60.0)
    open_requests: set[str] = set()
    for entry in world.told_and_done:
        match entry:
            case act.RequestReply(request_id=request_id):
                assert not open_requests
                open_requests = {f"r:{request_id}"}
            case ev.ReplyEnded(response_id=response_id):
                open_requests.discard(response_id)
            case act.ReportProblem():
                open_requests.clear()
            case _:
                pass


@given(worlds())
@often
def test_holds_and_resumes_alternate_and_every_hold_is_accounted_for(world: World):
    """I-13."""
    world.until(60.0)
    held = False
    for _, action in world.log:
        match action:
            case act.HoldOutput():
                assert not held
                held = True
            case act.ReportInterruption(outcome=outcome, held_at=held_at):
                assert (held_at is not None) == held
                assert held or outcome is act.Outcome.CUT
            case act.ResumeOutput():
                assert held
                held = False
            case _:
                pass
    assert not held


@given(worlds())
@often
def test_what_was_heard_and_what_the_model_is_told_are_the_same(world: World):
    """R-2: samples are numbered, so that what was heard of each item can be counted."""
    world.until(60.0)
    for _, truncation in world.told:
        heard = world.heard_of(truncation.item_id)
        match truncation:
            case Truncated(audio_end_ms=audio_end_ms):
                assert audio_end_ms == heard * 1000 // RATE > 0
            case NeverPlayed():
                assert heard == 0


coughs = st.lists(st.tuples(st.floats(0.6, 2.5), st.sampled_from([0.05, 0.16, 0.2, 0.24])), max_size=8)


@given(coughs, st.sampled_from([0.05, 3.0, 9.0]), st.integers(1, 4))
@often
def test_what_was_held_and_went_on_is_heard_once_and_in_order(
    gaps: list[tuple[float, float]], made_in: float, items: int
):
    """I-7: coughs lose nothing and repeat nothing."""
    world = World(replies=[Reply(seconds=8.0, made_in=made_in, items=items)])
    facts: list[Fact] = []
    time = 0.0
    for gap, length in gaps:
        time = round(time + gap, 3)
        facts += voice(time, time + length)
        time += length
    world.post([*request(0.0), *facts])
    world.until(90.0)
    assert [sample for _, sample in world.pulled] == list(range(1, 8 * RATE + 1))
    assert not any(isinstance(action, act.DropOutput | act.CommitTurn) for _, action in world.log)
