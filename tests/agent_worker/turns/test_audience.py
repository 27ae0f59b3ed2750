"""Whose voice is heard now, and whose is heard next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.turns.audience import KEPT_EVENTS, Audience
from agent_worker.turns.listen import Listen
from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped


def of(listen: Listen, *there: str, participant: str | None = None) -> Audience:
    audience = Audience(listen, participant=participant)
    for who in there:
        audience.joined(who)
        audience.connected(who)
    return audience


def test_linked_hears_the_first_and_when_they_leave_the_next_at_once():
    audience = of(Listen.LINKED, "ann", "bob", "eve")
    assert [audience.hears(who) for who in ("ann", "bob", "eve")] == [True, False, False]
    assert audience.receive("bob", VoiceStarted(1.0)) == []
    audience.disconnected("ann")
    assert audience.linked == "ann", "they may come back"
    audience.left("ann")
    assert (audience.linked, audience.speaker) == ("bob", "bob")
    assert audience.receive("bob", VoiceStarted(2.0)) == [VoiceStarted(2.0)]


def test_who_leaves_is_not_followed_by_one_without_media():
    audience = of(Listen.LINKED, "ann", "bob", "eve")
    audience.disconnected("bob")
    audience.left("ann")
    assert audience.linked == "eve"


def test_the_sessions_participant_goes_before_who_came_first():
    audience = of(Listen.LINKED, "ann", "bob", participant="bob")
    assert audience.linked == "bob"
    assert not audience.hears("ann")
    audience.left("bob")
    assert audience.linked == "ann"
    audience.connected("bob")
    assert audience.linked == "bob"


def test_active_gives_the_turn_to_the_voice_that_began_first_and_drops_the_others():
    audience = of(Listen.ACTIVE, "ann", "bob")
    assert audience.receive("bob", VoiceStarted(1.0)) == [VoiceStarted(1.0)]
    assert audience.receive("ann", VoiceStarted(1.1)) == []
    assert audience.speaker == "bob"
    assert audience.release() == []
    # Who still speaks when the turn is over is heard from then on.
    assert audience.receive("ann", VoiceContinued(3.0)) == [VoiceContinued(3.0)]
    assert audience.holder == "ann"


def test_all_hears_one_turn_behind_the_other_in_the_order_of_their_beginnings():
    audience = of(Listen.ALL, "ann", "bob", "eve")
    assert audience.receive("ann", VoiceStarted(1.0))
    for who, event in (
        ("eve", VoiceStarted(1.5)),
        ("bob", VoiceStarted(1.2)),
        ("eve", VoiceContinued(1.6)),
        ("eve", VoiceContinued(1.7)),
        ("eve", VoiceStopped(1.7)),
    ):
        assert audience.receive(who, event) == []
    assert audience.waiting == {"bob": 1.2, "eve": 1.5}
    assert audience.release() == [VoiceStarted(1.2)]
    assert audience.holder == "bob"
    # What goes on is heard as it comes.
    assert audience.receive("bob", VoiceStopped(2.0)) == [VoiceStopped(2.0)]
    assert audience.release() == [VoiceStarted(1.5), VoiceContinued(1.7), VoiceStopped(1.7)]
    assert audience.release() == []
    assert audience.holder is None


def test_the_rest_of_a_voice_waits_as_a_voice():
    audience = of(Listen.ALL, "ann", "bob")
    audience.receive("ann", VoiceStarted(1.0))
    audience.receive("bob", VoiceContinued(1.1))
    audience.receive("bob", VoiceStopped(1.4))
    assert audience.release() == [VoiceStarted(1.1), VoiceStopped(1.4)]


def test_an_end_without_a_beginning_is_nothing():
    audience = of(Listen.ALL, "ann", "bob")
    assert audience.receive("ann", VoiceStopped(1.0)) == []
    assert audience.holder is None
    audience.receive("ann", VoiceStarted(2.0))
    audience.receive("bob", VoiceStopped(2.1))
    assert audience.waiting == {}


def test_another_policy_lets_the_turn_be_and_forgets_who_would_no_longer_be_heard():
    audience = of(Listen.ALL, "ann", "bob")
    audience.receive("bob", VoiceStarted(1.0))
    audience.receive("ann", VoiceStarted(1.1))
    audience.configure(Listen.LINKED)
    assert audience.receive("bob", VoiceStopped(1.5)) == [VoiceStopped(1.5)], "the turn is heard to its end"
    assert audience.waiting == {"ann": 1.1}
    audience.configure(Listen.ACTIVE)
    assert audience.release() == []


def test_who_leaves_in_their_turn_is_heard_to_its_end_and_who_waits_is_not():
    audience = of(Listen.ALL, "ann", "bob")
    audience.receive("ann", VoiceStarted(1.0))
    audience.receive("bob", VoiceStarted(1.1))
    audience.left("ann")
    audience.left("bob")
    assert audience.receive("ann", VoiceStopped(1.5)) == [VoiceStopped(1.5)]
    assert audience.release() == []
    assert audience.receive("bob", VoiceStarted(2.0)) == []
    assert audience.count == 0


def test_who_is_muted_is_not_listened_to():
    audience = of(Listen.ALL, "ann")
    audience.muted("ann", muted=True)
    assert not audience.hears("ann")
    audience.muted("ann", muted=False)
    assert audience.hears("ann")


@pytest.mark.parametrize(
    ("listen", "gone", "reachable"),
    [(Listen.LINKED, "ann", False), (Listen.LINKED, "bob", True), (Listen.ALL, "ann", True)],
)
def test_reachable_is_a_room_in_which_somebody_can_be_heard(listen: Listen, gone: str, reachable: bool):
    audience = of(listen, "ann", "bob")
    audience.disconnected(gone)
    assert audience.is_reachable is reachable
    audience.connected(gone)
    assert audience.is_reachable


def test_what_waits_is_bounded():
    audience = of(Listen.ALL, "ann", "bob")
    audience.receive("ann", VoiceStarted(0.0))
    for at in range(KEPT_EVENTS):
        audience.receive("bob", VoiceStarted(at))
        audience.receive("bob", VoiceStopped(at + 0.5))
    assert len(audience.release()) == KEPT_EVENTS


_voices = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([VoiceStarted, VoiceContinued, VoiceStopped, None])),
    max_size=60,
)


@given(_voices, st.sampled_from([Listen.ACTIVE, Listen.ALL]))
def test_no_turn_is_made_of_two_voices(voices: list[tuple[str, type | None]], listen: Listen):
    """Whatever comes in whatever order: what is told of a turn is one human's, and nothing is told twice."""
    audience = of(listen, "a", "b", "c")
    told: set[tuple[str | None, VoiceEvent]] = set()
    for at, (who, kind) in enumerate(voices):
        if kind is None:
            events = audience.release()
            assert bool(events) is (audience.holder is not None)
        else:
            events = audience.receive(who, kind(float(at)))
            assert not events or audience.holder == who
        for event in events:
            assert (audience.holder, event) not in told
            told.add((audience.holder, event))
