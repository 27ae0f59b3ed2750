"""Rooms in virtual time: who is told what, in which order, and when a room ends."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from signaling.claims import Claims, Grants
from signaling.envelope import AgentWish, Error, Event, Message, Ok, Track
from signaling.errors import CLOSE_CODES, ErrorCode
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Announced,
    Arrived,
    Close,
    Departure,
    Disconnected,
    FirstHumanArrived,
    LastHumanLeft,
    Received,
    RenewIce,
    RenewToken,
    RoomClosed,
    Send,
)
from signaling.member_messages import (
    Answer,
    Candidate,
    Data,
    Offer,
    PcRebuild,
    Reject,
    RelayedAnswer,
    RelayedCandidate,
    RelayedData,
    RelayedOffer,
    RelayedStream,
    Renegotiate,
    Stream,
)
from signaling.members import RoomSettings
from signaling.registry import Registry
from signaling.room_messages import (
    ChangeTrack,
    DispatchChanged,
    Joined,
    Leave,
    Left,
    Moderate,
    ParticipantChanged,
    RoomChanged,
    Update,
)
from signaling.sdp import CandidatePolicy
from tests.signaling.samples import ANSWER, CANDIDATES, offer


def claims_of(identity: str, room: str = "r", **fields) -> Claims:
    grants = fields.pop("grants", Grants(join=True))
    return Claims(iss="k", sub=identity, exp=1, room=room, grants=grants, **fields)


def agent_claims(identity: str = "agent", room: str = "r", job: str = "AJ_1", epoch: int = 1) -> Claims:
    return claims_of(identity, room, kind="agent", job=job, epoch=epoch, grants=Grants(join=True, admin=True))


class Rooms:
    """A registry, a clock, and everything that it ever told anybody."""

    def __init__(self, **settings) -> None:
        numbers = count(1)
        self.registry = Registry(
            RoomSettings(**({"candidates": CandidatePolicy.LOCAL, "reconnect_timeout": 0.0} | settings)),
            lambda prefix: f"{prefix}_{next(numbers)}",
        )
        self.now = 0.0
        self.inbox: dict[str, list[Message]] = {}
        self.closed: dict[str, int] = {}
        self.facts: list[object] = []
        self.renewals: list[RenewToken | RenewIce] = []

    def do(self, event) -> list[object]:
        return self.take(self.registry.receive(event, self.now))

    def take(self, actions) -> list[object]:
        for action in actions:
            match action:
                case Send(sid=sid, message=message):
                    assert sid not in self.closed, "nothing is said after good-bye"
                    self.inbox.setdefault(sid, []).append(message)
                case Close(sid=sid, code=code):
                    assert self.closed.setdefault(sid, code) == code
                case RenewToken() | RenewIce():
                    self.renewals.append(action)
                case _:
                    self.facts.append(action)
        return actions

    def join(self, sid: str, claims: Claims | None = None, **fields) -> None:
        self.do(Arrived(sid=sid, claims=claims or claims_of(sid), token_life=600.0, **fields))

    def say(self, sid: str, message: Message) -> list[Message]:
        """What the speaker is told in answer; everybody's inbox starts empty."""
        self.forget()
        self.do(Received(sid, message))
        return self.inbox.get(sid, [])

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.registry.deadline) is not None and due <= end:
            self.now = due
            self.take(self.registry.advance(self.now))
        self.now = end

    def forget(self) -> None:
        self.inbox.clear()
        self.facts.clear()

    def here(self, room: str = "r") -> list[str]:
        return [one.identity for one in self.registry.participants(room) or ()]


@pytest.fixture
def rooms() -> Rooms:
    """Ann and an agent are in room r."""
    rooms = Rooms()
    rooms.join("ann", agents=(AgentWish(),))
    rooms.join("agent", agent_claims())
    rooms.forget()
    return rooms


# Coming and going. ---------------------------------------------------------------------------------------------


def test_the_first_to_join_finds_an_empty_room():
    rooms = Rooms()
    rooms.join(
        "s1",
        claims_of("ann", name="Ann", metadata="m", attributes={"a": "b"}),
        request=1,
        agents=(AgentWish(name="helper"),),
    )
    joined, ok = rooms.inbox["s1"]
    assert isinstance(joined, Joined)
    assert (joined.seq, joined.sid, joined.room.name, joined.participants) == (1, "s1", "r", ())
    assert joined.you.model_dump(exclude={"tracks", "state"}) == {
        "identity": "ann",
        "sid": "s1",
        "name": "Ann",
        "kind": "human",
        "metadata": "m",
        "attributes": {"a": "b"},
    }
    assert ok == Ok(re=1)
    (fact,) = rooms.facts
    assert fact == FirstHumanArrived(room=joined.room, participant=joined.you, agents=(AgentWish(name="helper"),))


def test_the_second_is_seen_by_the_first_and_sees_them():
    rooms = Rooms()
    rooms.join("ann")
    rooms.join("bob")
    told = rooms.inbox["ann"][-1]
    assert isinstance(told, ParticipantChanged)
    assert (told.op, told.participant.identity, told.seq) == ("joined", "bob", 2)
    joined = rooms.inbox["bob"][0]
    assert isinstance(joined, Joined)
    assert [one.identity for one in joined.participants] == ["ann"]
    assert [type(fact) for fact in rooms.facts] == [FirstHumanArrived]


def test_rooms_do_not_hear_each_other():
    rooms = Rooms()
    rooms.join("ann")
    rooms.join("eve", claims_of("eve", "other"))
    assert len(rooms.inbox["ann"]) == 1
    assert rooms.say("ann", Data(topic="x", payload=1, id=1)) == [Ok(re=1)]
    assert "eve" not in rooms.inbox
    (error,) = rooms.say("ann", Offer(to="eve", sdp=offer(), id=2))
    assert (error.code, error.re) == ("not_found", 2)


def test_an_agent_is_announced_to_dispatch_and_does_not_count_as_a_human():
    rooms = Rooms()
    rooms.join("agent", agent_claims())
    assert rooms.facts == [AgentArrived(room="r", job="AJ_1", epoch=1)]
    rooms.join("ann", agents=(AgentWish(),))
    assert isinstance(rooms.facts[-1], FirstHumanArrived)


@pytest.mark.parametrize(
    ("end", "reason", "close", "how"),
    [
        (Disconnected("agent", "disconnected"), "disconnected", None, Departure.LOST),
        (Received("agent", Leave(reason="done")), "done", 1000, Departure.LEFT),
        (Received("agent", Leave()), "left", 1000, Departure.LEFT),
        (Received("agent", Moderate(op="remove", identity="agent")), "removed", 4411, Departure.REMOVED),
    ],
)
def test_who_goes_is_missed_by_the_others_and_by_dispatch(rooms: Rooms, end, reason, close, how):
    rooms.do(end)
    (told,) = rooms.inbox["ann"]
    assert isinstance(told, ParticipantChanged)
    assert (told.op, told.participant.identity, told.reason) == ("left", "agent", reason)
    assert rooms.closed.get("agent") == close
    assert rooms.facts == [AgentDeparted(room="r", job="AJ_1", epoch=1, how=how)]
    assert rooms.here() == ["ann"]


def test_of_two_with_one_identity_the_newer_stays(rooms: Rooms):
    rooms.join("bob")
    rooms.forget()
    rooms.join("ann2", claims_of("ann"))
    goodbye = rooms.inbox["ann"][0]
    assert isinstance(goodbye, Left)
    assert (goodbye.reason, goodbye.action) == ("duplicate_identity", "none")
    assert rooms.closed == {"ann": 4409}
    ops = [(m.op, m.participant.sid) for m in rooms.inbox["bob"] if isinstance(m, ParticipantChanged)]
    assert ops == [("left", "ann"), ("joined", "ann2")]
    # The old socket closing afterwards is no news, and what it still says is not heard.
    rooms.forget()
    assert rooms.do(Disconnected("ann", "disconnected")) == []
    assert rooms.do(Received("ann", Data(topic="x"))) == []


def test_a_reload_of_the_only_human_does_not_close_the_room(rooms: Rooms):
    rooms.join("ann2", claims_of("ann"), agents=(AgentWish(),))
    assert [type(fact) for fact in rooms.facts] == [LastHumanLeft, FirstHumanArrived]
    rooms.wait(1000)
    assert rooms.here() == ["agent", "ann"]


@pytest.mark.parametrize(("sid", "claims"), [("x", claims_of("agent")), ("x", agent_claims("ann"))])
def test_nobody_replaces_a_participant_of_another_kind(rooms: Rooms, sid: str, claims: Claims):
    rooms.join(sid, claims, request=9)
    (error,) = rooms.inbox[sid]
    assert isinstance(error, Error)
    assert (error.code, error.re) == ("duplicate_identity", 9)
    assert rooms.closed == {sid: 4409}
    assert rooms.here() == ["ann", "agent"]
    assert rooms.facts == []


def test_a_full_room_and_a_full_server():
    rooms = Rooms(max_participants=2, max_rooms=1)
    rooms.join("ann")
    rooms.join("bob")
    rooms.join("cy")
    rooms.join("dee", claims_of("dee", "other"))
    rooms.join("ann2", claims_of("ann"))
    assert [(e.code, e.retry_after_ms) for e in rooms.inbox["cy"]] == [("room_full", 5000)]
    assert [e.code for e in rooms.inbox["dee"]] == ["no_capacity"]
    assert rooms.closed == {"cy": 4503, "dee": 4503, "ann": 4409}
    assert rooms.here() == ["bob", "ann"]


# When rooms close. ---------------------------------------------------------------------------------------------


def test_a_room_closes_twenty_seconds_after_its_last_human(rooms: Rooms):
    rooms.do(Disconnected("ann", "disconnected"))
    assert rooms.facts == [LastHumanLeft("r")]
    rooms.wait(19.9)
    assert rooms.here() == ["agent"]
    rooms.forget()
    rooms.wait(0.2)
    closing, left = rooms.inbox["agent"]
    assert isinstance(closing, RoomChanged)
    assert isinstance(left, Left)
    assert (closing.op, left.reason, left.action) == ("closing", "room_closed", "none")
    assert rooms.closed == {"agent": 4410}
    assert rooms.facts == [RoomClosed("r")]
    assert rooms.registry.rooms() == ()


def test_a_human_who_comes_back_in_time_finds_the_same_room(rooms: Rooms):
    (before,) = rooms.registry.rooms()
    rooms.do(Disconnected("ann", "disconnected"))
    rooms.wait(19.9)
    rooms.forget()
    rooms.join("ann2", claims_of("ann"), agents=(AgentWish(),))
    rooms.wait(1000)
    assert rooms.registry.rooms() == (before,)
    assert rooms.here() == ["agent", "ann"]
    assert [type(fact) for fact in rooms.facts] == [FirstHumanArrived]


def test_a_room_that_no_human_ever_joined_closes_after_five_minutes():
    rooms = Rooms()
    rooms.join("agent", agent_claims())
    rooms.do(Disconnected("agent", "disconnected"))
    rooms.join("agent2", agent_claims())
    rooms.wait(299.9)
    assert rooms.here() == ["agent"]
    rooms.wait(0.2)
    assert rooms.registry.rooms() == ()


def test_humans_keep_a_room_open_and_a_refused_one_does_not():
    rooms = Rooms(departure_timeout=1.0, empty_timeout=2.0)
    rooms.join("ann")
    rooms.wait(10_000)
    assert rooms.here() == ["ann"]
    rooms.do(Received("ann", Leave()))
    rooms.wait(1.0)
    assert rooms.facts[-1] == RoomClosed("r")


# What is relayed. ----------------------------------------------------------------------------------------------


def test_an_offer_reaches_the_agent_and_the_answer_comes_back(rooms: Rooms):
    assert rooms.say("ann", Offer(to="agent", pc="main", gen=2, sdp=offer("loopback"), id=1)) == [Ok(re=1)]
    assert rooms.inbox["agent"] == [RelayedOffer(sender="ann", pc="main", gen=2, sdp=offer("loopback"), seq=2)]
    assert rooms.say("agent", Answer(to="ann", pc="main", gen=2, sdp=ANSWER)) == []
    assert rooms.inbox["ann"] == [RelayedAnswer(sender="agent", pc="main", gen=2, sdp=ANSWER, seq=3)]


@pytest.mark.parametrize(
    "message",
    [
        Candidate(to="ann", candidate=CANDIDATES["host"], sdp_mid="0", sdp_mline_index=0),
        Candidate(to="ann", candidate=None),
        Candidate(to="ann", candidate=""),
        PcRebuild(to="ann", pc="x", gen=1, reason="failed"),
        Renegotiate(to="ann", pc="x"),
        Reject(to="ann", pc="x", gen=4, code="bad_request", message="no audio"),
    ],
    ids=lambda message: message.t,
)
def test_what_is_relayed_arrives_whole(rooms: Rooms, message):
    assert rooms.say("agent", message) == []
    (told,) = rooms.inbox["ann"]
    assert told.model_dump(exclude={"seq", "sender"}) == message.model_dump(exclude={"to"})
    assert (told.sender, told.seq) == ("agent", 3)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Offer(to="agent", sdp="garbage", id=5), "bad_request"),
        (Offer(to="agent", sdp="v=0\r\n" * 8000, id=5), "too_large"),
        (Answer(to="agent", sdp="", id=5), "bad_request"),
        (Candidate(to="agent", candidate="garbage", id=5), "bad_request"),
        (Offer(to="nobody", sdp=offer(), id=5), "not_found"),
        (Moderate(op="remove", identity="agent", id=5), "forbidden"),
        (Data(topic="x", to=("nobody",), id=5), "not_found"),
        (ChangeTrack(op="update", track=Track(id="1"), id=5), "not_found"),
        (ChangeTrack(op="unpublish", track=Track(id="1"), id=5), "not_found"),
    ],
)
def test_what_is_refused_reaches_nobody_else(rooms: Rooms, message, code: str):
    (error,) = rooms.say("ann", message)
    assert isinstance(error, Error)
    assert (error.code, error.re) == (code, 5)
    assert list(rooms.inbox) == ["ann"]
    assert rooms.facts == []


def test_humans_candidates_are_filtered_on_their_way_to_agents_alone():
    rooms = Rooms(candidates=CandidatePolicy.PUBLIC)
    rooms.join("ann")
    rooms.join("bob")
    rooms.join("agent", agent_claims())
    mixed = offer("host", "mdns", "public")
    rooms.say("ann", Offer(to="agent", sdp=mixed))
    assert rooms.inbox["agent"][0].sdp == offer("public")
    rooms.say("ann", Offer(to="bob", sdp=mixed))
    assert rooms.inbox["bob"][0].sdp == mixed
    rooms.say("agent", Answer(to="ann", sdp=offer("host")))
    assert rooms.inbox["ann"][0].sdp == offer("host")
    # A candidate that the agent may not have is dropped, and the sender need not know.
    assert rooms.say("ann", Candidate(to="agent", candidate=CANDIDATES["host"], id=1)) == [Ok(re=1)]
    assert "agent" not in rooms.inbox
    rooms.say("ann", Candidate(to="agent", candidate=CANDIDATES["public"]))
    assert rooms.inbox["agent"][0] == RelayedCandidate(sender="ann", candidate=CANDIDATES["public"], seq=3)


def test_forty_candidates_follow_one_description(rooms: Rooms):
    trickled = Candidate(to="agent", candidate=CANDIDATES["host"])
    for _ in range(40):
        assert rooms.say("ann", trickled) == []
    (error,) = rooms.say("ann", trickled)
    assert error.code == "too_large"
    rooms.say("ann", Offer(to="agent", sdp=offer()))
    for _ in range(40):
        assert rooms.say("ann", trickled) == []
    # Another agent under that name is owed nothing.
    rooms.join("agent2", agent_claims())
    assert rooms.say("ann", trickled) == []


def test_data_and_streams_go_to_everybody_else_or_to_whom_they_name(rooms: Rooms):
    rooms.join("bob")
    rooms.say("ann", Data(topic="chat", payload={"text": "hello"}))
    assert set(rooms.inbox) == {"agent", "bob"}
    assert rooms.inbox["bob"][0] == RelayedData(sender="ann", topic="chat", payload={"text": "hello"}, seq=2)
    rooms.say("ann", Data(topic="chat", to=("bob", "bob", "gone"), payload=None))
    assert {who: len(told) for who, told in rooms.inbox.items()} == {"bob": 1}
    rooms.say("agent", Stream(op="chunk", sid="s", topic="transcript", text="hel", n=0, to=("ann",)))
    assert rooms.inbox["ann"][0].model_dump(exclude_none=True) == {
        "t": "stream",
        "sender": "agent",
        "op": "chunk",
        "sid": "s",
        "topic": "transcript",
        "text": "hel",
        "n": 0,
        "seq": 4,
    }
    assert isinstance(rooms.inbox["ann"][0], RelayedStream)


def test_attributes_merge_and_none_takes_one_away(rooms: Rooms):
    rooms.say("agent", Update(attributes={"agent.state": "listening", "x": "1"}))
    rooms.say("agent", Update(name="Helper", attributes={"agent.state": "speaking", "x": None}))
    (told,) = rooms.inbox["ann"]
    assert isinstance(told, ParticipantChanged)
    assert told.op == "updated"
    assert (told.participant.name, told.participant.attributes) == ("Helper", {"agent.state": "speaking"})
    # What changes nothing is no news.
    assert rooms.say("agent", Update(attributes={"agent.state": "speaking", "y": None}, id=1)) == [Ok(re=1)]
    assert "ann" not in rooms.inbox


def test_attributes_have_a_limit_together(rooms: Rooms):
    rooms.say("ann", Update(attributes={f"a{n}": "x" for n in range(32)}))
    (error,) = rooms.say("ann", Update(attributes={"one more": "x"}, id=1))
    assert error.code == "too_large"
    assert rooms.say("ann", Update(attributes={"one more": "x", "a0": None}, id=2)) == [Ok(re=2)]


def test_tracks_are_published_changed_and_taken_back(rooms: Rooms):
    for op, muted, expected in [("publish", False, [False]), ("update", True, [True]), ("unpublish", True, [])]:
        rooms.say("ann", ChangeTrack(op=op, track=Track(id="1", muted=muted)))
        assert [track.muted for track in rooms.inbox["agent"][0].participant.tracks] == expected
    for number in range(8):
        rooms.say("ann", ChangeTrack(op="publish", track=Track(id=str(number))))
    (error,) = rooms.say("ann", ChangeTrack(op="publish", track=Track(id="8"), id=1))
    assert error.code == "too_large"


@pytest.mark.parametrize(
    ("grants", "message"),
    [
        (Grants(join=True, publish=False, subscribe=False), Offer(to="agent", sdp=offer(), id=1)),
        (Grants(join=True, publish=False), ChangeTrack(op="publish", track=Track(id="1"), id=1)),
        (Grants(join=True, data=False), Data(topic="x", id=1)),
        (Grants(join=True, data=False), Stream(op="open", sid="s", id=1)),
        (Grants(join=True, update_own=False), Update(name="x", id=1)),
        (Grants(join=True), Moderate(op="remove", identity="agent", id=1)),
    ],
    ids=lambda value: getattr(value, "t", None),
)
def test_what_the_token_does_not_grant_is_forbidden(rooms: Rooms, grants: Grants, message):
    rooms.join("bob", claims_of("bob", grants=grants))
    (error,) = rooms.say("bob", message)
    assert (error.code, error.re) == ("forbidden", 1)


def test_an_agent_removes_somebody(rooms: Rooms):
    ok, told = rooms.say("agent", Moderate(op="remove", identity="ann", reason="dead", id=1))
    assert ok == Ok(re=1)
    assert (told.op, told.participant.identity, told.reason) == ("left", "ann", "dead")
    (goodbye,) = rooms.inbox["ann"]
    assert isinstance(goodbye, Left)
    assert goodbye.reason == "removed"
    assert rooms.closed == {"ann": 4411}
    assert rooms.facts == [LastHumanLeft("r")]


def test_a_revoked_agent_is_put_out_and_only_that_one(rooms: Rooms):
    rooms.do(AgentRevoked(room="r", job="AJ_1", epoch=2))
    rooms.do(AgentRevoked(room="other", job="AJ_1", epoch=1))
    assert rooms.here() == ["ann", "agent"]
    rooms.do(AgentRevoked(room="r", job="AJ_1", epoch=1))
    assert rooms.here() == ["ann"]
    assert rooms.closed == {"agent": 4411}
    assert rooms.inbox["ann"][0].reason == "superseded"


def test_announcements_are_for_humans_and_for_one_alone_where_named(rooms: Rooms):
    rooms.join("bob")
    rooms.forget()
    rooms.do(Announced("r", DispatchChanged(op="pending")))
    rooms.do(Announced("r", DispatchChanged(op="assigned"), only="bob"))
    rooms.do(Announced("nowhere", DispatchChanged(op="failed")))
    assert {who: [m.op for m in told] for who, told in rooms.inbox.items()} == {
        "ann": ["pending"],
        "bob": ["pending", "assigned"],
    }


# What always holds. --------------------------------------------------------------------------------------------

WHO = st.sampled_from(["ann", "bob", "agent", "eve", "gone"])
MESSAGES = st.one_of(
    st.builds(Offer, to=WHO, sdp=st.sampled_from([offer(), "garbage"]), gen=st.integers(0, 3)),
    st.builds(Answer, to=WHO, sdp=st.just(ANSWER)),
    st.builds(Candidate, to=WHO, candidate=st.sampled_from([None, "", "garbage", *CANDIDATES.values()])),
    st.builds(PcRebuild, to=WHO),
    st.builds(Renegotiate, to=WHO),
    st.builds(Reject, to=WHO),
    st.builds(Data, topic=st.just("x"), to=st.none() | st.tuples(WHO)),
    st.builds(Stream, op=st.just("open"), sid=st.just("s"), to=st.none() | st.tuples(WHO)),
    st.builds(Update, attributes=st.dictionaries(st.sampled_from("abc"), st.none() | st.text(max_size=3))),
    st.builds(ChangeTrack, op=st.sampled_from(["publish", "unpublish"]), track=st.builds(Track, id=WHO)),
    st.builds(Moderate, op=st.sampled_from(["remove", "mute", "update"]), identity=WHO),
    st.builds(Leave),
)


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens, requests are answered once, sequences have no gap, and nobody hears another room."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms = Rooms()
        self.numbers = count(1)
        self.room_of: dict[str, str] = {}
        self.last_seq: dict[str, int] = {}

    @rule(identity=WHO, room=st.sampled_from(["r", "q"]))
    def join(self, identity: str, room: str) -> None:
        sid = f"s{next(self.numbers)}"
        claims = agent_claims(room=room) if identity == "agent" else claims_of(identity, room)
        self.room_of[sid] = room
        self.step(Arrived(sid=sid, claims=claims, token_life=600.0, request=1), {room})
        answers = [m for m in self.rooms.inbox[sid] if isinstance(m, Ok | Error)]
        assert [answer.re for answer in answers] == [1]

    @precondition(lambda self: self.room_of)
    @rule(message=MESSAGES, request=st.none() | st.integers(0, 9), data=st.data())
    def speak(self, message: Message, request: int | None, data: st.DataObject) -> None:
        sid = data.draw(st.sampled_from(sorted(self.room_of)))
        was_there = sid in {one.sid for room in "rq" for one in self.rooms.registry.participants(room) or ()}
        self.step(Received(sid, message.model_copy(update={"id": request})), {self.room_of[sid]})
        answers = [m.re for m in self.rooms.inbox.get(sid, []) if isinstance(m, Ok)]
        answers += [m.re for m in self.rooms.inbox.get(sid, []) if isinstance(m, Error) and m.re is not None]
        assert answers == ([request] if was_there and request is not None else [])

    @precondition(lambda self: self.room_of)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        sid = data.draw(st.sampled_from(sorted(self.room_of)))
        self.step(Disconnected(sid, "disconnected"), {self.room_of[sid]})

    @rule(seconds=st.sampled_from([1.0, 19.0, 20.0, 400.0]))
    def pass_time(self, seconds: float) -> None:
        self.rooms.forget()
        registry = self.rooms.registry
        inhabited = [
            room.name
            for room in registry.rooms()
            if any(one.kind == "human" and one.state == "active" for one in registry.participants(room.name) or ())
        ]
        self.rooms.wait(seconds)
        self.check({"r", "q"})
        assert set(inhabited) <= {room.name for room in registry.rooms()}

    def step(self, event: object, rooms: set[str]) -> None:
        self.rooms.forget()
        self.rooms.do(event)
        self.check(rooms)

    def check(self, rooms: set[str]) -> None:
        for sid, told in self.rooms.inbox.items():
            assert self.room_of[sid] in rooms
            for event in told:
                if isinstance(event, Event):
                    assert event.seq == self.last_seq.get(sid, 0) + 1
                    self.last_seq[sid] = event.seq

    @invariant()
    def a_room_without_humans_is_about_to_close(self) -> None:
        registry = self.rooms.registry
        for room in registry.rooms():
            if not any(one.kind == "human" for one in registry.participants(room.name) or ()):
                assert registry.deadline is not None
                assert registry.deadline <= self.rooms.now + 300.0


TestAnyHistory = AnyHistory.TestCase


@given(st.sampled_from(sorted(ErrorCode)))
def test_close_codes_are_those_of_applications(code: ErrorCode):
    assert 4000 <= CLOSE_CODES[code] <= 4999
