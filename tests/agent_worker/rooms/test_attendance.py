"""Who is in a signaled room: tables of what is said and done as humans come, offer, rebuild, type and go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.rooms.attendance import (
    MAX_EARLY_CANDIDATES,
    MAX_TYPED,
    MAX_TYPING,
    AddCandidate,
    Announce,
    Attendance,
    Close,
    LinkAnswered,
    LinkConnected,
    LinkLost,
    LinkRefused,
    Open,
    Say,
)
from agent_worker.rooms.base import (
    DataReceived,
    HumanConnected,
    HumanDisconnected,
    HumanJoined,
    HumanLeft,
    HumanMuted,
    TextReceived,
)
from signaling.messages import (
    Answer,
    Joined,
    Moderate,
    Participant,
    ParticipantChanged,
    PcRebuild,
    Reject,
    RelayedCandidate,
    RelayedData,
    RelayedOffer,
    RelayedPcRebuild,
    RelayedStream,
    RoomInfo,
    Track,
)


async def silence():
    for nothing in ():
        yield nothing


MICROPHONE = silence()


def person(identity="anna", sid="", kind="human"):
    return Participant(identity=identity, sid=sid or f"S-{identity}", name=identity.title(), kind=kind)


def joined(*people):
    return Joined(
        sid="S-us", room=RoomInfo(name="lobby", sid="R"), you=person("us", kind="agent"), participants=people
    )


def comes(who):
    return ParticipantChanged(op="joined", participant=who)


def goes(who, reason="left"):
    return ParticipantChanged(op="left", participant=who, reason=reason)


def offer(gen=0, who="anna", pc="main"):
    return RelayedOffer(sender=who, pc=pc, gen=gen, sdp=f"offer {gen}")


def candidate(gen=0, line="candidate:1", who="anna", pc="main"):
    return RelayedCandidate(sender=who, pc=pc, gen=gen, candidate=line)


def rebuild(gen=0):
    return RelayedPcRebuild(sender="anna", gen=gen, reason="ice")


def stream(op, sid="t", topic="", text=None, who="anna"):
    return RelayedStream(sender=who, op=op, sid=sid, topic=topic, text=text)


def opened(link, gen=0, who="anna", candidates=()):
    return Open(link=link, identity=who, sdp=f"offer {gen}", candidates=tuple(candidates))


def attendance(*events):
    made = Attendance()
    for event in (joined(person()), *events):
        made.receive(event)
    return made


def told(who, topic, payload):
    return [Announce(DataReceived(identity=who, topic=topic, payload=payload))]


CONNECTED = Announce(HumanConnected(identity="anna", microphone=MICROPHONE))
REBUILT = Announce(HumanDisconnected(identity="anna", reason="rebuilt"))
ANNA_JOINED = Announce(HumanJoined(identity="anna", name="Anna"))
ANNA_LEFT = Announce(HumanLeft(identity="anna", reason="left"))


def test_those_who_are_there_already_and_those_who_come_are_announced_agents_are_not():
    made = Attendance()
    assert made.receive(joined(person(), person("bot", kind="agent"))) == [ANNA_JOINED]
    assert made.receive(comes(person("ben"))) == [Announce(HumanJoined(identity="ben", name="Ben"))]
    assert made.receive(comes(person("bot", kind="agent"))) == []
    assert made.receive(offer(who="bot")) == []
    assert made.receive(offer(who="nobody")) == []


def test_a_conversation_from_offer_to_leaving():
    made = attendance()
    assert made.receive(offer(3)) == [opened(1, gen=3)]
    assert made.receive(candidate(3)) == [AddCandidate(1, candidate(3))]
    assert made.receive(LinkAnswered(1, "v=0")) == [Say(Answer(to="anna", gen=3, sdp="v=0"))]
    assert made.receive(LinkConnected(1, MICROPHONE)) == [CONNECTED]
    assert made.receive(goes(person())) == [
        Close(1),
        Announce(HumanDisconnected(identity="anna", reason="left")),
        ANNA_LEFT,
    ]
    assert made.receive(LinkLost(1, "closed")) == []


@pytest.mark.parametrize(
    ("before", "event", "actions"),
    [
        ([offer(2)], offer(1), []),
        ([offer(2)], offer(3), [Close(1), opened(2, gen=3)]),
        ([offer(2), LinkConnected(1, MICROPHONE)], offer(3), [Close(1), REBUILT, opened(2, gen=3)]),
        ([offer(2)], offer(0, pc="other"), [Close(1), opened(2, gen=0)]),
        ([offer(2)], candidate(1), []),
        ([offer(2)], candidate(3), []),
        ([], candidate(0), []),
        ([offer(2)], rebuild(1), []),
        ([offer(2)], rebuild(2), [Close(1)]),
        ([offer(2), LinkConnected(1, MICROPHONE)], rebuild(2), [Close(1), REBUILT]),
        ([offer(2), rebuild(2)], candidate(2), []),
        ([offer(2), rebuild(2)], offer(3), [opened(2, gen=3)]),
        ([offer(2), offer(3)], LinkAnswered(1, "v=0"), []),
        ([offer(2), offer(3)], LinkConnected(1, MICROPHONE), []),
        ([offer(2), offer(3)], LinkLost(1, "closed"), []),
        ([offer(2), offer(3)], LinkRefused(1, "bad_request", "no"), []),
    ],
)
def test_only_the_newest_connection_counts(before, event, actions):
    assert attendance(*before).receive(event) == actions


def test_the_same_offer_twice_is_refused_with_what_to_do():
    (said,) = attendance(offer(2)).receive(offer(2))
    assert isinstance(said.message, Reject)
    assert (said.message.to, said.message.gen) == ("anna", 2)
    assert "higher gen" in said.message.message


def test_candidates_that_overtake_their_offer_are_kept_and_no_more_than_an_offer_may_have():
    early = [candidate(1, f"candidate:{number}") for number in range(MAX_EARLY_CANDIDATES + 5)]
    made = attendance(offer(0), candidate(2, "of another"), *early)
    assert made.receive(offer(1)) == [Close(1), opened(2, gen=1, candidates=early[: MAX_EARLY_CANDIDATES - 1])]


def test_an_offer_that_cannot_be_taken_is_refused():
    made = attendance(offer(2))
    assert made.receive(LinkRefused(1, "too_large", "too many candidates")) == [
        Say(Reject(to="anna", gen=2, code="too_large", message="too many candidates"))
    ]
    assert made.receive(candidate(2)) == []
    assert made.receive(offer(3)) == [opened(2, gen=3)]


@pytest.mark.parametrize("connected", [True, False])
def test_a_lost_connection_is_said_on_both_sides(connected):
    made = attendance(offer(2), *([LinkConnected(1, MICROPHONE)] if connected else []))
    disconnected = [Announce(HumanDisconnected(identity="anna", reason="no packets"))] if connected else []
    assert made.receive(LinkLost(1, "no packets")) == [
        *disconnected,
        Say(PcRebuild(to="anna", gen=2, reason="no packets")),
    ]


@pytest.mark.parametrize("event", [LinkLost(1, "closed"), LinkRefused(1, "bad_request", "closed")])
def test_who_came_by_one_http_request_is_shown_out_when_the_connection_is_gone(event):
    for who in (person("caller-7"), person("encoder", kind="whip"), person("speaker", kind="whep")):
        made = attendance(comes(who), offer(who=who.identity))
        assert made.receive(event)[-1] == Say(Moderate(op="remove", identity=who.identity, reason="closed"))


def test_who_only_listens_is_answered_and_the_session_hears_nothing_of_them():
    made = Attendance()
    assert made.receive(comes(person("speaker", kind="whep"))) == []
    (opened,) = made.receive(offer(who="speaker"))
    assert isinstance(opened, Open)
    assert made.receive(LinkAnswered(1, "sdp")) == [Say(Answer(to="speaker", pc="main", gen=0, sdp="sdp"))]
    assert made.receive(LinkConnected(1, MICROPHONE)) == []
    assert made.receive(goes(person("speaker", kind="whep"))) == [Close(1)]


def test_a_reason_too_long_for_the_wire_is_cut():
    made = attendance(offer(2))
    (said,) = made.receive(LinkLost(1, "x" * 2000))
    assert said.message.reason == "x" * 500


# The server came back after a loss. ------------------------------------------------------------------------------


def test_nothing_changes_for_those_who_are_still_there():
    made = attendance(offer(2), LinkConnected(1, MICROPHONE))
    assert made.receive(joined(person())) == []
    assert made.receive(offer(1)) == []


def test_who_went_meanwhile_has_left_and_who_came_has_joined():
    assert attendance().receive(joined(person("ben"))) == [
        ANNA_LEFT,
        Announce(HumanJoined(identity="ben", name="Ben")),
    ]


def test_who_is_only_slow_in_coming_back_is_still_heard():
    made = attendance(offer(2), LinkConnected(1, MICROPHONE))
    assert made.receive(joined()) == []
    assert made.receive(comes(person(sid="S-new"))) == []
    # in the new session connections are counted anew
    assert made.receive(offer(0)) == [Close(1), REBUILT, opened(2, gen=0)]


def test_who_does_not_come_back_is_gone_with_the_connection():
    made = attendance(offer(2), LinkConnected(1, MICROPHONE), joined())
    assert made.receive(LinkLost(1, "no packets")) == [
        Announce(HumanDisconnected(identity="anna", reason="no packets")),
        Announce(HumanLeft(identity="anna", reason="no packets")),
    ]


def test_the_end_of_an_old_session_does_not_end_the_new_one():
    made = attendance(comes(person(sid="S-new")))
    assert made.receive(goes(person())) == []
    assert made.receive(goes(person(sid="S-new"))) == [ANNA_LEFT]


# What is typed. --------------------------------------------------------------------------------------------------


def typed(text):
    return [Announce(TextReceived(identity="anna", text=text))]


def test_a_typed_text_is_heard_when_it_is_complete():
    made = attendance()
    assert made.receive(stream("open", topic="chat", text="Hel")) == []
    assert made.receive(stream("chunk", text="lo, ")) == []
    assert made.receive(stream("chunk", text="you")) == []
    assert made.receive(stream("close")) == typed("Hello, you")
    assert made.receive(stream("close")) == []


@pytest.mark.parametrize(
    ("event", "actions"),
    [
        (RelayedData(sender="anna", topic="chat", payload="hi "), typed("hi")),
        (RelayedData(sender="anna", topic="chat", payload={"text": "hi"}), typed("hi")),
        (RelayedData(sender="anna", topic="chat", payload={"text": 7}), []),
        (RelayedData(sender="anna", topic="chat", payload=" "), []),
        (RelayedData(sender="anna", topic="weather", payload="hi"), told("anna", "weather", "hi")),
        (RelayedData(sender="@server", topic="weather", payload=[1]), told("@server", "weather", [1])),
        (RelayedData(sender="nobody", topic="weather", payload="hi"), []),
        (RelayedData(sender="nobody", topic="chat", payload="hi"), []),
        (stream("chunk", text="no beginning"), []),
        (stream("close", text="no beginning"), []),
    ],
)
def test_data_can_be_typed_text_too(event, actions):
    assert attendance().receive(event) == actions


def test_texts_on_other_topics_are_not_for_us():
    made = attendance(stream("open", topic="transcription"), stream("chunk", text="hello"))
    assert made.receive(stream("close")) == []


def test_typing_is_bounded():
    made = attendance(*(stream("open", sid=f"t{number}", topic="chat", text="x") for number in range(MAX_TYPING + 1)))
    assert made.receive(stream("close", sid="t0")) == []
    assert made.receive(stream("close", sid="t1")) == typed("x")
    for _ in range(3):
        made.receive(stream("chunk", sid="t2", text="y" * 9000))
    (announced,) = made.receive(stream("close", sid="t2"))
    assert len(announced.event.text) == MAX_TYPED


ANYTHING = st.one_of(
    st.builds(offer, st.integers(0, 3)),
    st.builds(candidate, st.integers(0, 3)),
    st.builds(rebuild, st.integers(0, 3)),
    st.sampled_from([joined(), joined(person()), comes(person()), goes(person()), comes(person(sid="S-new"))]),
    st.builds(LinkAnswered, st.integers(1, 6), st.just("v=0")),
    st.builds(LinkConnected, st.integers(1, 6), st.just(MICROPHONE)),
    st.builds(LinkLost, st.integers(1, 6), st.just("closed")),
    st.builds(LinkRefused, st.integers(1, 6), st.just("bad_request"), st.just("no")),
)


@given(events=st.lists(ANYTHING, max_size=60))
def test_what_the_session_is_told_makes_sense_whatever_comes(events):
    made = Attendance()
    present = connected = False
    open_links = set()
    for event in events:
        if isinstance(event, LinkAnswered | LinkConnected | LinkLost | LinkRefused):
            if event.link not in open_links:
                continue
            if isinstance(event, LinkConnected) and connected:
                continue
            if isinstance(event, LinkLost | LinkRefused):
                open_links.discard(event.link)
        for action in made.receive(event):
            match action:
                case Open(link=link):
                    assert not open_links
                    open_links.add(link)
                case Close(link):
                    open_links.remove(link)
                case AddCandidate(link, _):
                    assert link in open_links
                case Announce(HumanJoined()):
                    assert not present
                    present = True
                case Announce(HumanLeft()):
                    assert present
                    assert not connected
                    present = False
                case Announce(HumanConnected()):
                    assert present
                    assert not connected
                    connected = True
                case Announce(HumanDisconnected()):
                    assert connected
                    connected = False


def with_tracks(*muted, source="mic"):
    tracks = tuple(Track(id=f"t{number}", source=source, muted=value) for number, value in enumerate(muted))
    return person().model_copy(update={"tracks": tracks})


def test_a_muted_microphone_is_told_of_once_and_again_when_it_is_on():
    attendance = Attendance()
    updated = [
        attendance.receive(ParticipantChanged(op="updated", participant=who))
        for who in (with_tracks(False), with_tracks(True), with_tracks(True), with_tracks(True, False))
    ]
    muted, unmuted = (Announce(HumanMuted(identity="anna", muted=value)) for value in (True, False))
    assert updated == [[Announce(HumanJoined(identity="anna", name="Anna"))], [muted], [], [unmuted]]


def test_who_comes_muted_is_muted_and_a_screen_is_no_microphone():
    assert Attendance().receive(comes(with_tracks(True)))[1:] == [Announce(HumanMuted(identity="anna", muted=True))]
    assert len(Attendance().receive(comes(with_tracks(True, source="screen")))) == 1
