"""The server over real sockets: who gets in, what is said, and how it ends for those who misbehave."""

import asyncio
import contextlib
import json
import logging
import time
from dataclasses import replace

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from signaling.jobs import DispatchSettings
from signaling.limits import SocketSettings
from signaling.members import RoomSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET, worker_claims
from signaling.settings import Settings
from tests.signaling.samples import ANSWER, CANDIDATES, offer
from tests.signaling.serving import DEV, Socket, join_token, serving, sign

SECRET = "a-secret-that-is-long-enough-to-be-taken-0123"
CLAIMS = jwt.decode(join_token("ann", "r"), options={"verify_signature": False})
OWN_KEY = Settings(keys={"own": SECRET})


# Getting in. ---------------------------------------------------------------------------------------------------


async def test_two_people_meet_and_one_leaves():
    async with serving() as site, site.joined("ann") as ann:
        async with site.socket("/v1/rtc", subprotocols=["voice.v1", "other"]) as bob:
            assert bob.websocket.subprotocol == "voice.v1"
            await bob.send("join", token=join_token("bob", "r", name="Bob"), id=1)
            joined = await bob.take()
            assert (joined["t"], joined["resumed"], joined["you"]["name"]) == ("joined", False, "Bob")
            assert [one["identity"] for one in joined["participants"]] == ["ann"]
            assert joined["ping"] == {"interval_ms": 5000, "timeout_ms": 15000}
            assert abs(joined["server"]["time"] - time.time()) < 5
            assert await bob.take() == {"t": "ok", "re": 1}
            told = await ann.expect("participant", op="joined")
            assert told["participant"]["identity"] == "bob"
            assert await bob.ask("leave", reason="tired") == {"t": "ok", "re": 77}
            assert await bob.closed() == 1000
        told = await ann.expect("participant", op="left")
        assert told["reason"] == "tired"


async def test_a_bearer_token_and_no_subprotocol_will_do():
    headers = {"Authorization": f"Bearer {join_token('ann', 'r')}"}
    async with serving() as site, site.socket("/v1/rtc", additional_headers=headers) as ann:
        assert ann.websocket.subprotocol is None
        await ann.send("join")
        assert (await ann.take())["t"] == "joined"


@pytest.mark.parametrize(
    ("token", "code", "close"),
    [
        ("", "unauthorized", 4401),
        ("garbage", "unauthorized", 4401),
        ("a.b.c", "unauthorized", 4401),
        ("x" * 5000, "unauthorized", 4401),
        (join_token("ann", "r", lifetime=-60), "token_expired", 4401),
        (join_token("ann", "r", lifetime=2 * 86_400), "unauthorized", 4401),
        (join_token("ann", "r", secret=SECRET), "unauthorized", 4401),
        (join_token("ann", "r", iss="other"), "unauthorized", 4401),
        (join_token("ann", "r", aud="video"), "unauthorized", 4401),
        (join_token("no spaces", "r"), "unauthorized", 4401),
        (join_token("ann", "r", kind="admin"), "unauthorized", 4401),
        (join_token("ann", "r", grants={"join": False}), "forbidden", 4403),
        (join_token("ann", "r", kind="agent"), "forbidden", 4403),
        (sign(worker_claims(DEV_API_KEY, "w", expires_at=int(time.time()) + 3600)), "forbidden", 4403),
        (sign({"iss": DEV_API_KEY, "sub": "ann", "aud": "voice", "room": "r"}), "unauthorized", 4401),
        (sign({"iss": DEV_API_KEY, "aud": "voice", "exp": 9**9, "room": "r"}), "unauthorized", 4401),
        (
            jwt.encode(jwt.decode(join_token("ann", "r"), options={"verify_signature": False}), None, "none"),
            "unauthorized",
            4401,
        ),
        (jwt.encode(CLAIMS, DEV_API_SECRET * 2, "HS512"), "unauthorized", 4401),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else None,
)
async def test_a_bad_token_is_told_so_and_closed(token: str, code: str, close: int, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with serving() as site, site.socket("/v1/rtc") as stranger:
        await stranger.send("join", token=token, id=3)
        error = await stranger.take()
        assert (error["t"], error["code"], error["re"]) == ("error", code, 3)
        assert await stranger.closed() == close
    assert len(token) < 20 or token not in caplog.text.replace(" ", "")


@pytest.mark.parametrize(
    ("first", "code", "close"),
    [
        ("garbage", "bad_request", 4400),
        ('{"t": "ping"}', "bad_request", 4400),
        (b'{"t": "join"}', "bad_request", 4400),
        ('{"t": "join", "token": "' + "x" * 8192 + '"}', "too_large", 4413),
        (json.dumps({"t": "join", "token": join_token("ann", "r"), "v": 2}), "unsupported_version", 4400),
    ],
    ids=["no JSON", "no join", "binary", "too large", "version 2"],
)
async def test_the_first_message_must_be_a_small_join(first: str | bytes, code: str, close: int):
    async with serving() as site, site.socket("/v1/rtc") as stranger:
        await stranger.websocket.send(first)
        assert (await stranger.take())["code"] == code
        assert await stranger.closed() == close


async def test_who_says_nothing_is_closed():
    async with serving(sockets=SocketSettings(join_timeout=0.1)) as site, site.socket("/v1/rtc") as stranger:
        assert (await stranger.take())["code"] == "join_timeout"
        assert await stranger.closed() == 4408


async def test_strangers_from_one_address_are_few():
    async with serving(sockets=SocketSettings(unauthenticated_per_address=2)) as site:
        async with site.socket("/v1/rtc") as one, site.socket("/v1/worker"):
            with pytest.raises(InvalidStatus) as refused:
                async with site.socket("/v1/rtc"):
                    pass
            assert refused.value.response.status_code == 429
            assert json.loads(refused.value.response.body)["code"] == "rate_limited"
            # Who shows a token makes room for the next.
            await one.send("join", token=join_token("ann", "r"))
            await one.expect("joined")
            async with site.socket("/v1/rtc"):
                pass
        async with site.socket("/v1/rtc"), site.socket("/v1/rtc"):
            pass


async def test_sockets_from_one_address_are_many_but_not_all():
    async with serving(sockets=SocketSettings(sockets_per_address=1)) as site, site.joined("ann"):
        with pytest.raises(InvalidStatus) as refused:
            async with site.socket("/v1/rtc"):
                pass
        assert refused.value.response.status_code == 429


async def test_the_newer_of_two_tabs_stays():
    async with serving() as site, site.joined("ann") as old, site.joined("ann"):
        goodbye = await old.expect("leave")
        assert (goodbye["reason"], goodbye["action"]) == ("duplicate_identity", "none")
        assert await old.closed() == 4409


# Being in. -----------------------------------------------------------------------------------------------------


async def test_offer_answer_candidates_and_data_pass_between_two():
    async with serving() as site, site.joined("ann") as ann, site.joined("bob") as bob:
        assert await ann.ask("offer", to="bob", pc="main", gen=1, sdp=offer("host")) == {"t": "ok", "re": 77}
        told = await bob.expect("offer")
        assert (told["from"], told["pc"], told["gen"], told["sdp"]) == ("ann", "main", 1, offer("host"))
        await bob.send("answer", to="ann", pc="main", gen=1, sdp=ANSWER)
        assert (await ann.expect("answer"))["sdp"] == ANSWER
        await ann.send("candidate", to="bob", gen=1, candidate=CANDIDATES["mdns"], sdpMid="0", sdpMLineIndex=0)
        told = await bob.expect("candidate")
        assert (told["candidate"], told["sdpMid"], told["sdpMLineIndex"]) == (CANDIDATES["mdns"], "0", 0)
        await ann.send("candidate", to="bob", gen=1, candidate=None)
        assert (await bob.expect("candidate"))["candidate"] is None
        await bob.send("data", topic="chat", payload={"text": "hällo"})
        assert (await ann.expect("data"))["payload"] == {"text": "hällo"}


async def test_what_a_member_does_wrong_is_answered_and_the_socket_stays():
    async with serving() as site, site.joined("ann") as ann:
        for text, code in [
            ("{", "bad_request"),
            ('{"t": "dance", "id": 1}', "bad_request"),
            ('{"t": "offer", "to": "bob", "sdp": "v=0", "id": 1}', "bad_request"),
            ('{"t": "join", "token": "x", "id": 1}', "bad_request"),
            (json.dumps({"t": "offer", "to": "bob", "sdp": offer(), "id": 1}), "not_found"),
            (json.dumps({"t": "offer", "to": "ann", "sdp": offer() + "a=" + "x" * 33_000, "id": 1}), "too_large"),
            (b"binary", "bad_request"),
        ]:
            await ann.websocket.send(text)
            error = await ann.expect("error")
            assert error["code"] == code
            assert ("re" in error) == (b'"id"' in (text if isinstance(text, bytes) else text.encode()))
        await ann.send("ping", ts=5.0, id=9)
        assert await ann.take() == {"t": "ok", "re": 9}
        pong = await ann.take()
        assert pong["ts"] == 5.0
        assert abs(pong["server_time"] - time.time()) < 5


async def test_a_frame_above_64_kib_ends_the_connection():
    async with serving() as site, site.joined("ann") as ann:
        await ann.websocket.send('{"t": "data", "topic": "x", "payload": "' + "x" * 65_536 + '"}')
        assert await ann.closed() == 1009


async def test_who_floods_is_told_and_then_cut_off():
    limits = SocketSettings(message_rate=1.0, message_burst=5)
    async with serving(sockets=limits) as site, site.joined("ann") as ann, site.joined("bob") as bob:
        for number in range(11):
            await ann.send("data", topic="x", payload=number, id=number)
        answers = [await ann.expect("ok") for _ in range(5)]
        assert [answer["re"] for answer in answers] == [0, 1, 2, 3, 4]
        errors = [await ann.expect("error") for _ in range(6)]
        assert [error["re"] for error in errors] == [5, 6, 7, 8, 9, 10]
        assert {error["code"] for error in errors} == {"rate_limited"}
        assert 0 < errors[0]["retry_after_ms"] <= 1000
        assert await ann.closed() == 4429
        assert [(await bob.expect("data"))["payload"] for _ in range(5)] == [0, 1, 2, 3, 4]
        assert (await bob.expect("participant", op="left"))["participant"]["identity"] == "ann"


async def test_agents_and_workers_may_send_more():
    limits = SocketSettings(message_rate=0.001, message_burst=2, trusted_factor=5)
    async with (
        serving(sockets=limits) as site,
        site.worker() as worker,
        site.joined("ann"),
        site.agent(worker) as agent,
    ):
        for _ in range(10):
            assert (await agent.ask("update"))["t"] == "ok"
        assert (await agent.ask("update"))["code"] == "rate_limited"


async def test_a_slow_consumer_is_cut_off_and_the_room_goes_on():
    limits = SocketSettings(queue_messages=20, message_rate=1e6, message_burst=100_000, send_timeout=1.0)
    async with serving(sockets=limits) as site, site.joined("ann") as ann, site.joined("bob") as bob:
        # Nothing of what comes is read: the library stops reading its socket after two messages.
        async with site.socket("/v1/rtc", max_queue=(2, 1)) as slow:
            await slow.send("join", token=join_token("slow", "r"))
            await ann.expect(
                "participant",
                op="joined",
            )
            await ann.expect("participant", op="joined")
            async with asyncio.TaskGroup() as group:
                told = group.create_task(ann.expect("participant", op="left"))
                while not told.done():
                    await bob.send("data", topic="bulk", payload="x" * 14_000, to="slow")
                    await asyncio.sleep(0)
            left = told.result()
            assert (left["participant"]["identity"], left["reason"]) == ("slow", "slow_consumer")
            # As soon as it reads again it learns why.
            assert await slow.closed() == 4508
        assert (await ann.ask("update", name="Ann"))["t"] == "ok"


async def test_a_lost_socket_is_a_participant_who_left():
    async with serving() as site, site.joined("ann") as ann:
        async with site.joined("bob") as bob:
            await ann.expect("participant", op="joined")
            bob.websocket.transport.abort()
            told = await ann.expect("participant", op="left")
        assert (told["participant"]["identity"], told["reason"]) == ("bob", "disconnected")


async def test_an_empty_room_closes_and_its_agent_with_it():
    rooms = RoomSettings(departure_timeout=0.1, reconnect_timeout=0.0)
    async with serving(rooms=rooms) as site, site.worker() as worker, contextlib.AsyncExitStack() as until_closed:
        async with site.joined("ann"):
            agent = await until_closed.enter_async_context(site.agent(worker))
        assert (await agent.expect("room", op="closing"))["reason"] == "room_closed"
        assert (await agent.expect("leave"))["action"] == "none"
        assert await agent.closed() == 4410
        terminate = await worker.expect("terminate")
        assert (terminate["reason"], terminate["epoch"]) == ("room_closed", 1)
        assert (await site.http.get("/v1/rooms")).json() == {"rooms": []}


# Workers. ------------------------------------------------------------------------------------------------------


async def test_a_worker_is_offered_assigned_and_seen_by_the_page():
    async with serving() as site, site.worker("w-1", agent="") as worker, site.joined("ann") as ann:
        pending = await ann.expect("dispatch")
        assert (pending["op"], "reason" in pending) == ("pending", False)
        offered = await worker.expect("offer")
        assert (offered["room"]["name"], offered["participant"]["identity"]) == ("r", "ann")
        assert (offered["attempt"], offered["deadline_ms"]) == (1, 5000)
        await worker.send("accept", job=offered["job"], name="Helper", attributes={"a": "b"}, id=5)
        assert await worker.take() == {"t": "ok", "re": 5}
        assign = await worker.take()
        assert (assign["t"], assign["job"], assign["epoch"]) == ("assign", offered["job"], 1)
        assert assign["url"] == site.at("/v1/rtc")
        assert (await ann.expect("dispatch"))["op"] == "assigned"
        async with site.socket("/v1/rtc") as agent:
            await agent.send("join", token=assign["token"])
            joined = await agent.expect("joined")
            assert joined["you"]["kind"] == "agent"
            assert joined["you"]["identity"] == f"agent-{offered['job']}"
            assert (joined["you"]["name"], joined["you"]["attributes"]) == ("Helper", {"a": "b"})
            assert [one["identity"] for one in joined["participants"]] == ["ann"]
            assert (await ann.expect("participant"))["participant"]["kind"] == "agent"
            assert (await ann.expect("dispatch"))["op"] == "started"
            await agent.send("leave", reason="done")
            assert (await ann.expect("participant"))["op"] == "left"
            await worker.send("update", job=offered["job"], epoch=1, state="ended", result="success", reason="bye")
            assert (await ann.expect("dispatch", op="ended"))["reason"] == "bye"
        # The job is over: its token opens nothing any more.
        async with site.socket("/v1/rtc") as late:
            await late.send("join", token=assign["token"])
            assert (await late.take())["code"] == "forbidden"
            assert await late.closed() == 4403


async def test_without_a_worker_the_page_is_told_at_once_and_later_gets_the_agent():
    async with serving() as site, site.joined("ann") as ann:
        assert "no worker is connected" in (await ann.expect("dispatch", op="pending"))["reason"]
        async with site.joined("bob") as bob:
            assert "no worker is connected" in (await bob.expect("dispatch", op="pending"))["reason"]
            async with site.worker() as worker, site.agent(worker):
                for person in (ann, bob):
                    await person.expect("dispatch", op="assigned")
                    await person.expect("dispatch", op="started")


async def test_without_a_worker_dispatch_fails_in_the_end():
    hasty = replace(DEV.dispatch, dispatch_timeout=0.1)
    async with serving(dispatch=hasty) as site, site.joined("ann") as ann:
        assert "no worker is connected" in (await ann.expect("dispatch", op="failed"))["reason"]


async def test_a_named_agent_is_asked_for_by_the_token():
    async with (
        serving() as site,
        site.worker("plain"),
        site.worker("w", agent="waiter") as waiter,
        site.joined("ann", agent="waiter"),
    ):
        assert (await waiter.expect("offer"))["agent"] == "waiter"


async def test_a_job_goes_to_the_next_worker_when_the_first_dies():
    async with serving() as site, site.worker("second") as second:
        await second.send("status", state="full")
        async with site.worker("first") as first, site.joined("ann") as ann:
            offered = await first.expect("offer")
            await second.send("status", state="available", load=0.1)
            await second.ask("status")
            first.websocket.transport.abort()
            again = await second.expect("offer")
            assert (again["job"], again["attempt"]) == (offered["job"], 2)
            async with site.agent(Queued(second, again)):
                await ann.expect("dispatch", op="started")


class Queued(Socket):
    """A socket whose next message was taken already."""

    def __init__(self, socket: Socket, message: dict) -> None:
        super().__init__(socket.websocket)
        self.message: dict | None = message

    async def take(self) -> dict:
        message, self.message = self.message, None
        return message or await super().take()


async def test_an_agent_that_crashes_is_replaced_and_the_page_is_told():
    async with serving() as site, site.worker() as worker, site.joined("ann") as ann:
        async with site.agent(worker) as agent:
            job = (await ann.expect("dispatch", op="started"))["job"]
            agent.websocket.transport.abort()
            await ann.expect("participant", op="left")
            await worker.send("update", job=job, epoch=1, state="ended", result="failed", reason="killed")
            assert (await ann.expect("dispatch", op="pending"))["reason"] == "killed"
        async with site.agent(worker):
            assert (await ann.expect("dispatch", op="started"))["job"] == job


async def test_an_agent_removes_a_dead_participant():
    async with serving() as site, site.worker() as worker, site.joined("ann") as ann, site.agent(worker) as agent:
        assert (await agent.ask("moderate", op="remove", identity="ann", reason="no media"))["t"] == "ok"
        assert (await ann.expect("leave"))["reason"] == "removed"
        assert await ann.closed() == 4411
        assert (await agent.expect("participant", op="left"))["reason"] == "no media"


async def test_the_same_worker_twice_is_the_newer_one():
    async with serving() as site, site.worker("w") as old, site.worker("w"):
        assert await old.closed() == 4409
        ready = (await site.http.get("/readyz")).json()
        assert ready["workers"] == 1


@pytest.mark.parametrize(
    ("fields", "code", "close"),
    [
        ({"t": "register", "worker": "w"}, "unauthorized", 4401),
        ({"t": "register", "worker": "w", "token": join_token("ann", "r")}, "forbidden", 4403),
        (
            {"t": "register", "worker": "w", "token": sign(worker_claims(DEV_API_KEY, "w", expires_at=1))},
            "token_expired",
            4401,
        ),
        (
            {
                "t": "register",
                "worker": "w",
                "token": sign(worker_claims(DEV_API_KEY, "w", expires_at=int(time.time()) + 3600), SECRET),
            },
            "unauthorized",
            4401,
        ),
        ({"t": "register", "worker": "no spaces", "token": "x"}, "bad_request", 4400),
        ({"t": "status"}, "bad_request", 4400),
    ],
)
async def test_who_may_not_register_is_told_why(fields: dict, code: str, close: int):
    async with serving() as site, site.socket("/v1/worker") as stranger:
        await stranger.websocket.send(json.dumps(fields | {"id": 1}))
        error = await stranger.take()
        assert (error["code"], error["re"]) == (code, 1)
        assert await stranger.closed() == close


async def test_a_worker_may_show_its_token_as_a_header():
    token = sign(worker_claims(DEV_API_KEY, "w", expires_at=int(time.time()) + 3600))
    headers = {"Authorization": f"Bearer {token}"}
    async with serving() as site, site.socket("/v1/worker", additional_headers=headers) as worker:
        answer = await worker.ask("register", worker="w")
        assert answer["t"] == "ok"
        error = await worker.ask("register", worker="w")
        assert error["code"] == "bad_request"
        assert (await worker.ask("dance"))["code"] == "bad_request"
        assert (await worker.ask("status", load=7))["code"] == "bad_request"


async def test_outside_development_a_room_gets_an_agent_only_when_its_token_says_so():
    async with serving(OWN_KEY) as site:
        token = jwt.encode(worker_claims("own", "w", expires_at=int(time.time()) + 3600), SECRET, "HS256")
        async with site.socket("/v1/worker") as worker:
            await worker.send("register", token=token, worker="w")
            await worker.expect("registered")
            async with site.joined("ann", room="plain", iss="own", secret=SECRET) as ann:
                assert (await ann.ask("update"))["t"] == "ok"
                async with site.joined("bob", room="staffed", iss="own", secret=SECRET, agent=""):
                    assert (await worker.take())["room"]["name"] == "staffed"


# The guard. ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443"])
async def test_pages_of_this_machine_may_connect(origin: str | None):
    async with serving() as site, site.socket("/v1/rtc", origin=origin):
        pass


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "null"},
        {"Origin": "file://localhost"},
        {"Origin": "http://[::1"},
    ],
    ids=lambda headers: headers["Origin"],
)
async def test_pages_from_elsewhere_may_not(headers: dict[str, str]):
    async with serving() as site:
        with pytest.raises(InvalidStatus) as refused:
            async with site.socket("/v1/rtc", additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body)["code"] == "forbidden"
        assert (await site.http.post("/v1/token", json={"room": "r"}, headers=headers)).status_code == 403


async def test_a_name_that_suddenly_means_this_machine_is_not_answered():
    async with serving() as site:
        answer = await site.http.get("/healthz", headers={"Host": "evil.example:8080"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert (await site.http.get("/healthz", headers={"Host": "localhost:1"})).status_code == 200


async def test_an_allowed_origin_may_connect_and_read_answers():
    async with serving(allowed_origins=("https://www.example.org",)) as site:
        headers = {"Origin": "https://www.example.org"}
        answer = await site.http.post("/v1/token", json={"room": "r"}, headers=headers)
        assert answer.headers["access-control-allow-origin"] == "https://www.example.org"
        assert "Origin" in answer.headers["vary"]
        async with site.socket("/v1/rtc", additional_headers=headers):
            pass
        other = await site.http.get("/healthz", headers={"Origin": "http://localhost:5000"})
        assert "access-control-allow-origin" not in other.headers


async def test_no_compression_is_agreed_on():
    async with serving() as site, site.socket("/v1/rtc", compression="deflate") as socket:
        assert "Sec-WebSocket-Extensions" not in socket.websocket.response.headers


# The end. ------------------------------------------------------------------------------------------------------


async def test_when_the_server_stops_everybody_hears_so_first():
    async with serving() as site, site.joined("ann") as ann, site.worker() as worker:
        async with site.socket("/v1/rtc") as stranger:
            site.app.state.node.drain()
            goodbye = await ann.expect("leave")
            assert (goodbye["reason"], goodbye["action"]) == ("server_draining", "rejoin")
            assert await ann.closed() == 4512
            assert (await worker.expect("draining"))["reconnect_after_ms"] == 1000
            assert await worker.closed() == 4512
            assert (await site.http.get("/readyz")).status_code == 503
            assert (await site.http.get("/healthz")).status_code == 200
            await stranger.send("join", token=join_token("eve", "r"))
            assert (await stranger.take())["code"] == "server_draining"
            assert await stranger.closed() == 4512
        async with site.socket("/v1/worker") as late:
            token = sign(worker_claims(DEV_API_KEY, "w", expires_at=int(time.time()) + 3600))
            await late.send("register", worker="w", token=token)
            assert (await late.take())["code"] == "server_draining"


async def test_a_refusal_is_logged_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "signaling")
    async with serving() as site, site.joined("ann") as ann, site.joined("bob"):
        assert (await ann.ask("offer", to="bob", sdp="garbage"))["code"] == "bad_request"
        assert (await site.http.post("/v1/token", content="garbage")).status_code == 400
    refusals = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert refusals == [
        'refused address=127.0.0.1 code=bad_request text="the offer is no SDP: its first line must be v=0"',
        'refused address=127.0.0.1 code=bad_request text="POST: the message is not valid JSON"',
    ]


async def test_nothing_is_logged_that_could_be_used(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    token = join_token("ann", "r")
    async with serving() as site, site.worker() as worker, site.socket("/v1/rtc") as ann:
        await ann.send("join", token=token)
        async with site.agent(worker) as agent:
            await ann.send("offer", to="bot", sdp=offer("loopback"))
            await agent.expect("offer")
    ours = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("websockets.client")
    )
    assert "joined room=r identity=ann kind=human" in ours
    assert token not in ours
    assert "eyJ" not in ours
    assert "ice-pwd" not in ours


async def test_after_a_restart_the_agent_its_worker_and_the_page_find_each_other_again():
    running = {"job": "OLD", "epoch": 3, "room": "r"}
    bot = {"kind": "agent", "job": "OLD", "epoch": 3, "agent": [""]}
    async with serving() as site, site.socket("/v1/rtc") as ann:
        resume = {"sid": "PA_before", "key": "SK_before", "last_seq": 9}
        await ann.send("join", token=join_token("ann", "r"), resume=resume, known_peers={"bot": 2})
        assert not (await ann.expect("joined"))["resumed"]
        assert (await ann.expect("dispatch"))["op"] == "pending"
        async with site.worker("other"), site.socket("/v1/rtc") as agent:
            await agent.send("join", token=join_token("bot", "r", **bot), known_peers={"ann": 2})
            assert (await agent.expect("joined"))["kept"] == ["ann"]
            assert (await ann.expect("participant", op="joined"))["kept"]
            async with site.socket("/v1/worker") as worker:
                token = sign(worker_claims(DEV_API_KEY, "w", expires_at=int(time.time()) + 60))
                await worker.send("register", token=token, worker="w", jobs=[running])
                assert (await worker.expect("registered"))["keep"] == ["OLD"]
            jobs = site.app.state.node.participants("r")
            assert [one.identity for one in jobs] == ["ann", "bot"]


async def test_an_agent_of_long_ago_is_not_let_in():
    patience = DispatchSettings(adoption_grace=0.0)
    async with serving(dispatch=patience) as site, site.socket("/v1/rtc") as agent:
        await agent.send("join", token=join_token("bot", "r", kind="agent", job="OLD", epoch=1))
        assert (await agent.take())["code"] == "forbidden"
        assert await agent.closed() == 4403
