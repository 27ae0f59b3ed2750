"""Who lost the way to the server and comes back: what they are told, what others see, what is kept."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.claims import Grants
from signaling.envelope import Error, Ice, IceServer, Ok, Track
from signaling.errors import CLOSE_CODES
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    Departure,
    Disconnected,
    LastHumanLeft,
    Received,
    Renewed,
    RenewIce,
    RenewToken,
    Returned,
    TokenShown,
)
from signaling.limits import SocketSettings
from signaling.member_messages import Answer, Data, Offer, RelayedData, RelayedRpc, RelayedRpcResult, Rpc, RpcResult
from signaling.members import RoomSettings
from signaling.room_messages import ChangeTrack, Joined, Moderate, ParticipantChanged, Resume, TokenPushed, Update
from tests.signaling.samples import ANSWER, offer
from tests.signaling.serving import DEV, join_token, serving
from tests.signaling.test_registry import Rooms, agent_claims, claims_of

PATIENT = replace(DEV, rooms=RoomSettings())


@pytest.fixture
def rooms() -> Rooms:
    """Ann and an agent are in room r, and the lost are waited for."""
    rooms = Rooms(reconnect_timeout=20.0)
    rooms.join("ann")
    rooms.join("agent", agent_claims())
    rooms.forget()
    return rooms


def welcomed(rooms: Rooms, sid: str) -> Joined:
    (joined,) = [told for told in rooms.inbox[sid] if isinstance(told, Joined)]
    return joined


def come_back(rooms: Rooms, sid: str, last_seq: int, **fields: Any) -> Joined:
    rooms.forget()
    claims = agent_claims() if sid == "agent" else claims_of(sid)
    rooms.do(Returned(sid=sid, claims=claims, token_life=600.0, last_seq=last_seq, **fields))
    return welcomed(rooms, sid)


# A session that goes on. ---------------------------------------------------------------------------------------


def test_who_comes_back_is_told_what_was_missed_and_nothing_twice(rooms: Rooms):
    rooms.do(Disconnected("ann", "disconnected"))
    (away,) = rooms.inbox["agent"]
    assert (away.op, away.participant.state) == ("updated", "reconnecting")
    rooms.wait(10.0)
    for number in range(3):
        rooms.do(Received("agent", Data(topic="x", payload=number)))
    assert "ann" not in rooms.inbox
    # Of four events the first, that the agent came, had arrived.
    joined = come_back(rooms, "ann", 2, request=5)
    assert (joined.resumed, joined.seq, joined.you.state) == (True, 2, "active")
    _, *missed, ok = rooms.inbox["ann"]
    assert [(event.seq, event.payload) for event in missed] == [(3, 0), (4, 1), (5, 2)]
    assert ok == Ok(re=5)
    assert [told.participant.state for told in rooms.inbox["agent"]] == ["active"]
    rooms.wait(1000.0)
    assert rooms.here() == ["ann", "agent"]
    assert rooms.facts == []


@pytest.mark.parametrize("last_seq", [0, 1, 10_000])
def test_who_missed_too_much_or_claims_the_impossible_is_told_all_there_is(rooms: Rooms, last_seq: int):
    for number in range(257):
        rooms.do(Received("agent", Data(topic="x", payload=number)))
    joined = come_back(rooms, "ann", last_seq)
    assert (joined.resumed, [one.identity for one in joined.participants]) == (False, ["agent"])
    assert joined.seq == 260
    assert len(rooms.inbox["ann"]) == 1


def test_who_stays_away_for_twenty_seconds_has_left(rooms: Rooms):
    rooms.do(Disconnected("ann", "disconnected"))
    rooms.wait(19.9)
    assert rooms.here() == ["ann", "agent"]
    assert rooms.facts == []
    rooms.forget()
    rooms.wait(0.2)
    (left,) = rooms.inbox["agent"]
    assert (left.op, left.reason) == ("left", "disconnected")
    assert rooms.facts == [LastHumanLeft("r")]


def test_dispatch_hears_of_an_agent_that_is_out_of_sight_and_back(rooms: Rooms):
    rooms.do(Disconnected("agent", "disconnected"))
    assert rooms.facts == [AgentDeparted(room="r", job="AJ_1", epoch=1, how=Departure.LOST)]
    rooms.facts.clear()
    come_back(rooms, "agent", 1)
    assert rooms.facts == [AgentArrived(room="r", job="AJ_1", epoch=1)]
    rooms.do(Disconnected("agent", "disconnected"))
    rooms.facts.clear()
    rooms.wait(21.0)
    assert rooms.facts == []  # it has been told
    assert rooms.here() == ["ann"]


@pytest.mark.parametrize(
    ("claims", "key", "fits"),
    [
        (claims_of("ann"), None, True),
        (claims_of("ann"), "SK_wrong", False),
        (claims_of("ann"), "", False),
        (claims_of("ann"), "ключ", False),
        (claims_of("bob"), None, False),
        (claims_of("ann", "q"), None, False),
        (claims_of("ann", kind="whip"), None, False),
    ],
)
def test_a_session_is_taken_over_by_its_key_and_its_owner_alone(claims, key: str | None, fits: bool):
    rooms = Rooms()
    rooms.join("s1", claims_of("ann"))
    right = welcomed(rooms, "s1").key
    resume = Resume(sid="s1", key=right if key is None else key)
    assert rooms.registry.can_resume(claims, resume) is fits
    assert not rooms.registry.can_resume(claims, Resume(sid="s2", key=right))


@given(st.lists(st.sampled_from(["say", "lose", "back"]), max_size=60), st.integers(0, 3))
def test_whatever_is_lost_the_client_sees_every_event_once_and_in_order(steps: list[str], unread: int):
    """Of what was sent before a loss, the last few may never have arrived."""
    rooms = Rooms(reconnect_timeout=20.0)
    rooms.join("ann")
    rooms.join("bob")
    seen = [told.seq for told in rooms.inbox["ann"]]
    is_away = False
    for step in steps:
        rooms.forget()
        if step == "say":
            rooms.do(Received("bob", Data(topic="x")))
            seen += [told.seq for told in rooms.inbox.get("ann", [])]
        elif step == "lose":
            rooms.do(Disconnected("ann", "disconnected"))
            is_away = True
            seen = seen[: max(1, len(seen) - unread)]
        elif is_away:
            joined = come_back(rooms, "ann", seen[-1])
            assert joined.resumed
            seen += [told.seq for told in rooms.inbox["ann"] if not isinstance(told, Joined)]
            is_away = False
    assert seen == list(range(1, len(seen) + 1))


# Connections that stand. ---------------------------------------------------------------------------------------


def test_after_a_restart_a_connection_is_kept_when_both_ends_name_the_same(rooms: Rooms):
    rooms = Rooms()
    rooms.join("agent", agent_claims(), known_peers={"ann": 4, "bob": 1, "cid": 2})
    rooms.join("ann", known_peers={"agent": 4})
    rooms.join("bob", known_peers={"agent": 2, "ann": 0})
    rooms.join("cid")
    assert [welcomed(rooms, sid).kept for sid in ("agent", "ann", "bob", "cid")] == [(), ("agent",), (), ()]
    told = [event.kept for event in rooms.inbox["agent"] if isinstance(event, ParticipantChanged)]
    assert told == [True, None, None]


def test_a_new_session_keeps_the_connection_that_the_server_saw_being_made(rooms: Rooms):
    rooms.say("ann", Offer(to="agent", gen=3, sdp=offer()))
    rooms.say("agent", Answer(to="ann", gen=3, sdp=ANSWER))
    rooms.join("ann2", claims_of("ann"), known_peers={"agent": 3})
    assert welcomed(rooms, "ann2").kept == ("agent",)
    rooms.join("ann3", claims_of("ann"))  # a reload: she has no connection any more
    assert welcomed(rooms, "ann3").kept == ()
    rooms.join("ann4", claims_of("ann"), known_peers={"agent": 2})
    assert welcomed(rooms, "ann4").kept == ()


def test_new_generations_come_two_at_once_and_then_one_in_two_seconds(rooms: Rooms):
    for gen in (0, 1, 1):
        assert rooms.say("ann", Offer(to="agent", gen=gen, sdp=offer())) == []
    (error,) = rooms.say("ann", Offer(to="agent", gen=2, sdp=offer()))
    assert (error.code, error.retry_after_ms) == ("rate_limited", 2000)
    rooms.wait(2.0)
    assert rooms.say("ann", Offer(to="agent", gen=2, sdp=offer())) == []
    (error,) = rooms.say("agent", Offer(to="ann", sdp=offer()))
    assert error.code == "forbidden"


# What is made anew in time. ------------------------------------------------------------------------------------


def test_tokens_and_credentials_are_renewed_at_four_fifths_of_their_life():
    rooms = Rooms()
    servers = (IceServer(urls=("turn:h",), username="u", credential="c"),)
    rooms.join("ann", ice=Ice(servers=servers, ttl_s=100))
    rooms.wait(79.9)
    assert rooms.renewals == []
    rooms.wait(0.2)
    assert rooms.renewals == [RenewIce("ann", "ann")]
    rooms.wait(400.0)
    assert rooms.renewals[1:] == [RenewToken("ann", claims_of("ann"))]
    rooms.forget()
    rooms.do(Renewed("ann", TokenPushed(token="t", exp=9), 50.0))
    (pushed,) = rooms.inbox["ann"]
    assert (pushed.token, pushed.exp, pushed.seq) == ("t", 9, 2)
    rooms.wait(40.1)
    assert len(rooms.renewals) == 3


def test_with_strict_expiry_people_stay_for_as_long_as_their_tokens_and_a_minute():
    rooms = Rooms(strict_expiry=True)
    rooms.join("ann")
    rooms.join("bob")
    rooms.join("agent", agent_claims())
    rooms.wait(500.0)
    rooms.do(TokenShown(sid="bob", claims=claims_of("bob"), token_life=200.0, request=1))
    rooms.wait(159.9)
    assert rooms.closed == {}
    assert rooms.renewals == [RenewToken("agent", agent_claims())], "people get none from the server"
    rooms.wait(0.2)
    assert rooms.closed == {"ann": 4401}
    assert rooms.inbox["ann"][-1].reason == "token_expired"
    rooms.wait(99.8)
    assert rooms.here() == ["bob", "agent"]
    rooms.wait(0.2)
    assert rooms.here() == ["agent"]


def test_without_strict_expiry_nobody_is_sent_away_for_an_old_token(rooms: Rooms):
    rooms.wait(5000.0)
    assert rooms.here() == ["ann", "agent"]


def test_a_newer_token_counts_and_one_of_somebody_else_does_not(rooms: Rooms):
    mute = claims_of("ann", grants=Grants(join=True, data=False))
    rooms.do(TokenShown(sid="ann", claims=mute, token_life=600.0, request=1))
    rooms.do(TokenShown(sid="ann", claims=claims_of("bob"), token_life=600.0, request=2))
    ok, refused = rooms.inbox["ann"]
    assert ok == Ok(re=1)
    assert (refused.code, refused.re) == ("forbidden", 2)
    assert rooms.say("ann", Data(topic="x"))[0].code == "forbidden"


@pytest.mark.parametrize(("age", "admitted"), [(None, False), (50.0, False), (1.0, True)])
def test_who_was_removed_needs_a_newer_token(rooms: Rooms, age: float | None, admitted: bool):
    rooms.say("agent", Moderate(op="remove", identity="ann"))
    rooms.wait(10.0)
    rooms.join("ann2", claims_of("ann"), token_age=age)
    assert (rooms.here() == ["agent", "ann"]) is admitted
    assert (rooms.closed.get("ann2") == CLOSE_CODES["forbidden"]) is not admitted
    rooms.wait(600.0)
    rooms.join("ann3", claims_of("ann"))
    assert "ann" in rooms.here()


# Calls, moderation, the hidden. --------------------------------------------------------------------------------


def test_a_call_is_answered_once(rooms: Rooms):
    assert rooms.say("ann", Rpc(id=3, to="agent", method="ask", payload=1)) == []
    (asked,) = rooms.inbox["agent"]
    assert isinstance(asked, RelayedRpc)
    assert (asked.sender, asked.method, asked.payload) == ("ann", "ask", 1)
    (stranger,) = rooms.say("ann", RpcResult(re=asked.call, payload=0))
    assert stranger.code == "not_found"
    assert rooms.say("agent", RpcResult(id=1, re=asked.call, payload=2)) == [Ok(re=1)]
    assert rooms.inbox["ann"] == [RelayedRpcResult(sender="agent", re=3, payload=2, seq=3)]
    (late,) = rooms.say("agent", RpcResult(re=asked.call, payload=3))
    assert late.code == "not_found"
    rooms.wait(30.0)
    assert "ann" not in rooms.inbox


@pytest.mark.parametrize(("fate", "code"), [("silence", "timeout"), ("leave", "gone")])
def test_a_caller_learns_that_no_answer_will_come(rooms: Rooms, fate: str, code: str):
    rooms.say("ann", Rpc(id="a", to="agent", method="ask", timeout_ms=2000))
    rooms.forget()
    if fate == "leave":
        rooms.say("ann", Moderate(op="mute", identity="agent"))
        rooms.join("agent2", agent_claims(epoch=2))
    rooms.wait(2.1)
    results = [told for told in rooms.inbox["ann"] if isinstance(told, RelayedRpcResult)]
    assert [(one.re, one.error and one.error.code) for one in results] == [("a", code)]


def test_a_call_needs_an_id_a_callee_and_patience(rooms: Rooms):
    assert rooms.say("ann", Rpc(to="agent", method="m"))[0].code == "bad_request"
    assert rooms.say("ann", Rpc(id=1, to="bob", method="m"))[0].code == "not_found"
    for number in range(32):
        assert rooms.say("ann", Rpc(id=number, to="agent", method="m")) == []
    (error,) = rooms.say("ann", Rpc(id=33, to="agent", method="m"))
    assert isinstance(error, Error)
    assert (error.code, error.re) == ("rate_limited", 33)


def test_an_admin_mutes_and_describes_others(rooms: Rooms):
    rooms.say("ann", ChangeTrack(op="publish", track=Track(id="1")))
    assert rooms.say("ann", Moderate(op="mute", identity="agent"))[0].code == "forbidden"
    rooms.say("agent", Moderate(op="mute", identity="ann"))
    assert rooms.inbox["ann"][0].participant.tracks == (Track(id="1", muted=True),)
    (error,) = rooms.say("agent", Moderate(op="mute", identity="ann", track="2"))
    assert error.code == "not_found"
    rooms.say("agent", Moderate(op="update", identity="ann", name="Anna", attributes={"seat": "1"}))
    changed = rooms.inbox["ann"][0].participant
    assert (changed.name, changed.attributes) == ("Anna", {"seat": "1"})


def test_a_hidden_participant_hears_and_is_not_seen(rooms: Rooms):
    rooms.join("eve", claims_of("eve", grants=Grants(join=True, hidden=True)))
    assert "agent" not in rooms.inbox
    assert [one.identity for one in welcomed(rooms, "eve").participants] == ["ann", "agent"]
    rooms.say("ann", Data(topic="x", payload=1))
    assert isinstance(rooms.inbox["eve"][0], RelayedData)
    rooms.say("eve", Update(name="Eve"))
    assert set(rooms.inbox) == set()
    rooms.join("bob")
    assert [one.identity for one in welcomed(rooms, "bob").participants] == ["ann", "agent"]
    for one in ("ann", "bob"):
        rooms.do(Disconnected(one, "disconnected"))
    rooms.wait(41.0)
    assert rooms.registry.rooms() == ()


# Over sockets. -------------------------------------------------------------------------------------------------


async def test_a_page_that_lost_its_socket_goes_on_where_it_was():
    async with serving(PATIENT) as site, site.joined("ann") as ann:
        async with site.socket("/v1/rtc") as bob:
            await bob.send("join", token=join_token("bob", "r"))
            before = await bob.expect("joined")
            bob.websocket.transport.abort()
        away = await ann.expect("participant", op="updated")
        assert away["participant"]["state"] == "reconnecting"
        await ann.send("data", topic="x", payload="missed")
        resume = {"sid": before["sid"], "key": before["key"], "last_seq": before["seq"]}
        async with site.socket("/v1/rtc") as again:
            await again.send("join", token=join_token("bob", "r"), resume=resume, id=1)
            joined = await again.take()
            assert (joined["resumed"], joined["sid"], joined["seq"]) == (True, before["sid"], before["seq"])
            missed = await again.expect("data")
            assert missed["payload"] == "missed"
            assert await again.take() == {"t": "ok", "re": 1}
            back = await ann.expect("participant", op="updated")
            assert back["participant"]["state"] == "active"
            # A tab that does not know yet that its socket is dead may come twice.
            async with site.socket("/v1/rtc") as third:
                resume["last_seq"] = missed["seq"]
                await third.send("join", token=join_token("bob", "r"), resume=resume)
                assert (await third.take())["resumed"]
                assert await again.closed() == 4408
                await ann.send("data", topic="x", payload="once")
                assert (await third.expect("data"))["payload"] == "once"


async def test_who_is_slow_hears_the_newest_alone_and_who_is_too_slow_comes_back_to_the_whole_state():
    limits = SocketSettings(queue_messages=40, message_rate=1e6, message_burst=100_000, send_timeout=30.0)
    async with (
        serving(replace(PATIENT, sockets=limits)) as site,
        site.joined("ann") as ann,
        # Nothing of what comes is read: the library stops reading its socket after two messages.
        site.socket("/v1/rtc", max_queue=(2, 1)) as slow,
    ):
        await slow.send("join", token=join_token("bob", "r"))
        joined = await slow.take()
        outbox = site.app.state.node._switchboard.participants[joined["sid"]]._outbox
        async with asyncio.timeout(60):
            while len(outbox._waiting) < 3:
                await ann.send("data", topic="bulk", payload="x" * 14_000)
                await asyncio.sleep(0)
            await ann.ask("ping")
            # Ten times as much as may wait, of which the last is all there is to say.
            for number in range(400):
                assert (await ann.ask("update", name=f"Ann {number}"))["t"] == "ok"
                await ann.send("stream", op="chunk", sid="s", text=f"{number} ")
        assert len(outbox._waiting) < 40
        names, words = [], ""
        async with asyncio.timeout(60):
            while names[-1:] != ["Ann 399"] or not words.endswith("399 "):
                message = await slow.take()
                names += [message["participant"]["name"]] if message["t"] == "participant" else []
                words += message["text"] if message["t"] == "stream" else ""
        assert len(names) < 400
        assert words == "".join(f"{number} " for number in range(400)), "of a text every word"
        async with asyncio.timeout(60):
            while outbox._waiting or not outbox._is_ending:
                await ann.send("data", topic="bulk", payload="x" * 14_000)
                await asyncio.sleep(0)
        for number in range(300):
            assert (await ann.ask("update", name=f"Annie {number}"))["t"] == "ok"
        async with site.socket("/v1/rtc") as again:
            resume = {"sid": joined["sid"], "key": joined["key"], "last_seq": message["seq"]}
            await again.send("join", token=join_token("bob", "r"), resume=resume)
            state = await again.take()
            assert (state["t"], state["resumed"], state["sid"]) == ("joined", False, joined["sid"])
            assert [one["name"] for one in state["participants"]] == ["Annie 299"]
        assert await slow.closed() == 4508


async def test_a_key_of_another_server_or_of_nobody_is_a_fresh_join():
    async with serving(PATIENT) as site, site.socket("/v1/rtc") as ann:
        resume = {"sid": "PA_0", "key": "SK_0", "last_seq": 12}
        await ann.send("join", token=join_token("ann", "r"), resume=resume)
        joined = await ann.take()
        assert (joined["resumed"], joined["seq"]) == (False, 1)


async def test_a_member_is_sent_a_newer_token_that_lets_it_in_again():
    async with serving() as site, site.socket("/v1/rtc") as ann:
        await ann.send("join", token=join_token("ann", "r", lifetime=0.5, attributes={"a": "b"}))
        await ann.expect("joined")
        pushed = await ann.expect("token")
        assert await ann.ask("token", token=pushed["token"]) == {"t": "ok", "re": 77}
        assert (await ann.ask("token", token="x.y.z"))["code"] == "unauthorized"
        async with site.socket("/v1/rtc") as again:
            await again.send("join", token=pushed["token"])
            assert (await again.expect("joined"))["you"]["attributes"] == {"a": "b"}


async def test_with_strict_expiry_a_session_ends_with_its_token_unless_a_newer_one_is_shown():
    strict = RoomSettings(strict_expiry=True, expiry_grace=0.3)
    async with (
        serving(replace(DEV, rooms=strict)) as site,
        site.joined("bob") as bob,
        site.joined("ann", lifetime=1) as ann,
    ):
        assert (await ann.expect("leave"))["reason"] == "token_expired"
        assert await ann.closed() == 4401
        assert (await bob.expect("participant", op="left"))["reason"] == "token_expired"
        assert (await bob.ask("ping"))["t"] == "ok"
        async with site.joined("ann", lifetime=1) as again:
            assert (await again.ask("token", token=join_token("ann", "r")))["t"] == "ok"
            await asyncio.sleep(1.5)
            assert (await again.ask("ping"))["t"] == "ok"


async def test_who_is_silent_for_long_is_closed_and_may_come_back():
    limits = SocketSettings(heartbeat_timeout=0.2)
    async with serving(replace(PATIENT, sockets=limits)) as site, site.joined("ann") as ann:
        assert (await ann.expect("error"))["code"] == "heartbeat_timeout"
        assert await ann.closed() == 4408


async def test_a_defect_of_ours_costs_one_connection_alone(monkeypatch: pytest.MonkeyPatch, caplog):
    async with serving(PATIENT) as site, site.joined("ann") as ann, site.joined("bob") as bob:
        node = site.app.state.node
        hear = node.hear

        def fail(sid: str, message: object) -> None:
            if isinstance(message, Update):
                raise ZeroDivisionError
            hear(sid, message)

        monkeypatch.setattr(node, "hear", fail)
        await ann.send("update", name="x", id=1)
        error = await ann.expect("error")
        assert error["code"] == "internal"
        assert await ann.closed() == 4500
        await bob.send("data", topic="x")
        await bob.send("ping")
        await bob.expect("pong")
    assert "cannot be carried out" in caplog.text
