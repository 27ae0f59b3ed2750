"""WHIP over real HTTP: each status code of RFC 9725 that we answer with, and what comes with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from signaling.envelope import Ice, IceServer
from signaling.ice import IceSettings
from signaling.members import RoomSettings
from signaling.sdp import MAX_CANDIDATES
from signaling.settings import ConnectSettings, Settings
from signaling.whip import ice_links
from tests.signaling.samples import ANSWER, CANDIDATES, offer
from tests.signaling.serving import Site, Socket, join_token, serving

SDP = {"Content-Type": "application/sdp"}
FRAG = {"Content-Type": "application/trickle-ice-sdpfrag"}
OFFER = offer("loopback").replace("a=sendrecv", "a=sendonly")
FRAGMENT = f"a=ice-ufrag:Cn3J\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na={CANDIDATES['public']}\r\n"
RESTART = FRAGMENT.replace("Cn3J", "new1")
SECRET = "a-secret-that-is-long-enough-to-be-taken-0123"
HASTY = ConnectSettings(whip_timeout=0.2)


@dataclass
class Published:
    """A session, and both its ends."""

    http: httpx.AsyncClient
    agent: Socket
    answer: httpx.Response
    offered: dict[str, Any]

    @property
    def etag(self) -> str:
        return self.answer.headers["etag"]

    async def ask(self, method: str, content: str | bytes = b"", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, self.answer.headers["location"], content=content, headers=named)

    async def trickle(self, fragment: str = FRAGMENT, **headers: str) -> httpx.Response:
        return await self.ask("PATCH", fragment, **(FRAG | headers))


@contextlib.asynccontextmanager
async def staffed(site: Site) -> AsyncIterator[Socket]:
    async with site.worker() as worker, site.joined("listener"), site.agent(worker) as agent:
        yield agent


@contextlib.asynccontextmanager
async def published(site: Site, sdp: str = OFFER) -> AsyncIterator[Published]:
    """A client whose offer the agent of room r has answered."""
    async with staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(site.http.post("/whip/r", content=sdp, headers=SDP))
        offered = await agent.expect("offer")
        await agent.send("answer", to=offered["from"], pc=offered["pc"], gen=offered["gen"], sdp=ANSWER)
        yield Published(site.http, agent, await request, offered)


def is_problem(answer: httpx.Response, status: int, says: str = "") -> bool:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (status, status), problem
    return says in problem["detail"]


async def test_an_offer_is_answered_and_the_session_ends_with_delete():
    async with serving() as site, published(site) as one:
        assert one.answer.status_code == 201
        assert one.answer.headers["content-type"] == "application/sdp"
        assert one.answer.text == ANSWER
        assert one.answer.headers["location"].startswith("/whip/r/")
        assert one.etag[0] == one.etag[-1] == '"'
        there = (await site.http.get("/v1/rooms/r/participants")).json()["participants"]
        kinds = {person["identity"]: person["kind"] for person in there}
        assert kinds[one.offered["from"]] == "whip"
        # Neither is the name of the session to be seen in the room, nor in its tag.
        secret = one.answer.headers["location"].rsplit("/", 1)[1]
        assert secret not in str(there) + one.etag
        assert (await one.ask("DELETE")).status_code == 200
        left = await one.agent.expect("participant", op="left")
        assert left["participant"]["identity"] == one.offered["from"]
        assert is_problem(await one.ask("DELETE"), 404)
        assert is_problem(await one.trickle(If_Match=one.etag), 404)


@pytest.mark.parametrize("said", ["a=sendonly", "a=sendrecv", ""])
async def test_the_agent_is_offered_what_the_client_sends_and_nothing_else(said: str):
    async with serving() as site, published(site, OFFER.replace("a=sendonly\r\n", said and f"{said}\r\n")) as one:
        assert one.offered["sdp"].count("a=sendonly\r\n") == 1
        assert "a=sendrecv" not in one.offered["sdp"]


async def test_candidates_found_later_reach_the_agent():
    async with serving() as site, published(site) as one:
        taken = await one.trickle(If_Match=one.etag)
        assert (taken.status_code, taken.content) == (204, b"")
        assert "etag" not in taken.headers
        told = await one.agent.expect("candidate")
        assert (told["from"], told["candidate"], told["sdpMid"]) == (one.offered["from"], CANDIDATES["public"], "0")
        assert (await one.trickle("a=end-of-candidates\r\n", If_Match=f'"other", {one.etag}')).status_code == 204
        assert (await one.agent.expect("candidate"))["candidate"] is None


async def test_refused_patches_leave_the_session_as_it_was():
    async with serving() as site, published(site) as one:
        tag = {"If_Match": one.etag}
        assert is_problem(await one.trickle(), 428, "ETag")
        assert is_problem(await one.trickle(If_Match='"another"'), 412)
        assert is_problem(await one.trickle(If_Match=f"W/{one.etag}"), 412)
        assert is_problem(await one.trickle(RESTART, If_Match="*"), 422, "goes on")
        assert is_problem(await one.trickle(RESTART, **tag), 422, "goes on")
        assert is_problem(await one.trickle("hello", **tag), 400, "line 1")
        assert is_problem(await one.trickle("a=candidate:1", **tag), 400, "candidate")
        assert is_problem(await one.ask("PATCH", b"\xff", **FRAG, **tag), 400, "UTF-8")
        assert is_problem(await one.trickle("x" * 65537, **tag), 413)
        unread = await one.ask("PATCH", FRAGMENT, **SDP, **tag)
        assert is_problem(unread, 415)
        assert unread.headers["accept-patch"] == FRAG["Content-Type"]
        most = f"a={CANDIDATES['public']}\r\n" * MAX_CANDIDATES
        assert (await one.trickle(most, **tag)).status_code == 204
        assert is_problem(await one.trickle(FRAGMENT, **tag), 413, "40")
        assert (await one.ask("DELETE")).status_code == 200


@pytest.mark.parametrize(
    ("content", "headers", "status", "says"),
    [
        (OFFER, {"Content-Type": "application/json"}, 415, "application/sdp"),
        (OFFER, {}, 415, "no type"),
        ("", SDP, 400, "v=0"),
        ("hello", SDP, 400, "v=0"),
        (b"v=0\xff", SDP, 400, "UTF-8"),
        (OFFER.replace("a=ice-pwd", "a=ice-word"), SDP, 400, "ice-pwd"),
        (OFFER.replace("a=sendonly", "a=recvonly"), SDP, 400, "sendonly"),
        (OFFER.replace("a=sendonly", "a=inactive"), SDP, 400, "sendonly"),
        (OFFER + "a=x:" + "y" * 32 * 1024, SDP, 413, "larger"),
        ("x" * 65537, SDP, 413, "larger"),
        (OFFER, SDP | {"Content-Type": "Application/SDP; charset=utf-8"}, 503, "try again"),
    ],
)
async def test_offers_that_are_refused(content: str | bytes, headers: dict[str, str], status: int, says: str):
    async with serving(connect=HASTY) as site:
        answer = await site.http.post("/whip/r", content=content, headers=headers)
        assert is_problem(answer, status, says), answer.text
        assert ("retry-after" in answer.headers) == (status == 503)
        assert answer.headers.get("accept-post") == ("application/sdp" if status == 415 else None)
        # Nobody is left behind in the room.
        assert not (await site.http.get("/v1/rooms/r/participants")).json().get("participants")


async def test_an_agent_that_does_not_answer_is_waited_for_as_long_as_one_that_does_not_come():
    async with serving(connect=HASTY) as site, staffed(site) as agent:
        answer = await site.http.post("/whip/r", content=OFFER, headers=SDP)
        assert is_problem(answer, 503, "0.2 s")
        assert answer.headers["retry-after"] == "5"
        assert (await agent.expect("participant", op="left"))["reason"] == "left"


async def test_a_full_room_and_an_agent_that_refuses():
    async with serving(rooms=RoomSettings(max_participants=1)) as site, site.joined("ann"):
        answer = await site.http.post("/whip/r", content=OFFER, headers=SDP)
        assert is_problem(answer, 503)
        assert "retry-after" in answer.headers
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(site.http.post("/whip/r", content=OFFER, headers=SDP))
        offered = await agent.expect("offer")
        await agent.send("reject", to=offered["from"], pc="main", gen=0, code="bad_request", message="no codec")
        assert is_problem(await request, 400, "no codec")


@pytest.mark.parametrize(
    ("path", "methods", "allow"),
    [
        ("/whip/r", ["GET", "HEAD", "PUT", "PATCH", "DELETE"], "OPTIONS, POST"),
        ("/whep/r/bot", ["GET", "HEAD", "PUT", "PATCH", "DELETE"], "OPTIONS, POST"),
        ("/whep/r/bot/session", ["GET", "HEAD", "PUT", "POST"], "DELETE, OPTIONS, PATCH"),
        ("/whip/r/session", ["GET", "HEAD", "PUT", "POST"], "DELETE, OPTIONS, PATCH"),
    ],
)
async def test_other_methods(path: str, methods: list[str], allow: str):
    async with serving() as site:
        for method in methods:
            answer = await site.http.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allow), method
        options = await site.http.options(path)
        assert (options.status_code, options.headers["allow"]) == (200, allow)
        accepted = options.headers.get("accept-post"), options.headers.get("accept-patch")
        assert accepted == ((SDP["Content-Type"], None) if allow == "OPTIONS, POST" else (None, FRAG["Content-Type"]))


async def test_a_token_is_needed_outside_development_and_for_this_room():
    async with serving(Settings(keys={"own": SECRET}, connect=HASTY)) as site:
        answer = await site.http.post("/whip/r", content=OFFER, headers=SDP)
        assert is_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        for room, status in (("q", 403), ("r", 503)):
            token = join_token("ann", "r", iss="own", secret=SECRET)
            headers = SDP | {"Authorization": f"Bearer {token}"}
            answer = await site.http.post(f"/whip/{room}", content=OFFER, headers=headers)
            assert is_problem(answer, status)
        assert is_problem(
            await site.http.post("/whip/r", content=OFFER, headers=SDP | {"Authorization": "Bearer x"}), 401
        )
        assert (await site.http.options("/whip/r")).status_code == 200


async def test_a_room_needs_a_name_that_can_be():
    async with serving() as site:
        assert is_problem(await site.http.post("/whip/a b", content=OFFER, headers=SDP), 400, "name")


# WHEP. ---------------------------------------------------------------------------------------------------------

LISTENING = offer("loopback").replace("a=sendrecv", "a=recvonly")


async def test_who_listens_is_offered_to_the_agent_that_it_names_and_ends_with_delete():
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(site.http.post("/whep/r/bot", content=LISTENING, headers=SDP))
        offered = await agent.expect("offer")
        assert offered["sdp"].count("a=recvonly\r\n") == 1
        await agent.send("answer", to=offered["from"], pc=offered["pc"], gen=offered["gen"], sdp=ANSWER)
        answer = await request
        assert (answer.status_code, answer.text) == (201, ANSWER)
        location, etag = answer.headers["location"], answer.headers["etag"]
        assert location.startswith("/whep/r/bot/")
        there = (await site.http.get("/v1/rooms/r/participants")).json()["participants"]
        assert {one["identity"]: one["kind"] for one in there}[offered["from"]] == "whep"
        headers = FRAG | {"If-Match": etag}
        assert (await site.http.patch(location, content=FRAGMENT, headers=headers)).status_code == 204
        assert (await agent.expect("candidate"))["candidate"] == CANDIDATES["public"]
        assert is_problem(await site.http.patch(location, content=RESTART, headers=headers), 422)
        assert (await site.http.delete(location)).status_code == 200
        assert (await agent.expect("participant", op="left"))["participant"]["identity"] == offered["from"]
        assert is_problem(await site.http.delete(location), 404)


@pytest.mark.parametrize(
    ("path", "content", "status", "says"),
    [
        ("/whep/r/nobody", LISTENING, 404, "not in the room"),
        ("/whep/empty/bot", LISTENING, 404, "not in the room"),
        ("/whep/r/listener", LISTENING, 403, "no agent"),
        ("/whep/r/b b", LISTENING, 400, "identity"),
        ("/whep/r/bot", OFFER, 400, "recvonly"),
        ("/whep/r/bot", "hello", 400, "v=0"),
    ],
)
async def test_who_cannot_be_listened_to(path: str, content: str, status: int, says: str):
    async with serving() as site, staffed(site):
        answer = await site.http.post(path, content=content, headers=SDP)
        assert is_problem(answer, status, says), answer.text
        there = (await site.http.get("/v1/rooms/r/participants")).json()["participants"]
        assert len(there) == 2, "nobody is left behind"
        assert len((await site.http.get("/v1/rooms")).json()["rooms"]) == 1, "no room is opened"


async def test_a_listener_needs_the_right_to_hear_and_keeps_no_room_open():
    rooms = RoomSettings(reconnect_timeout=0.0, departure_timeout=0.0)
    async with (
        serving(rooms=rooms) as site,
        site.worker() as worker,
        site.joined("ann") as ann,
        site.agent(worker) as agent,
        asyncio.TaskGroup() as group,
    ):
        for grants, sub, status in (
            ({"join": True, "subscribe": False}, "x", 403),
            ({"join": True}, "bot", 403),
        ):
            headers = SDP | {"Authorization": f"Bearer {join_token(sub, 'r', grants=grants)}"}
            answer = await site.http.post("/whep/r/bot", content=LISTENING, headers=headers)
            assert is_problem(answer, status), answer.text
        request = group.create_task(site.http.post("/whep/r/bot", content=LISTENING, headers=SDP))
        offered = await agent.expect("offer")
        await agent.send("answer", to=offered["from"], pc="main", gen=0, sdp=ANSWER)
        location = (await request).headers["location"]
        await ann.send("leave")
        assert (await agent.expect("leave"))["reason"] == "room_closed"
        assert is_problem(await site.http.delete(location), 404)


async def test_ice_servers_come_as_links():
    turn = ("turn:turn.example.org:3478?transport=udp", "turn:turn.example.org:3478?transport=tcp")
    ice = IceSettings(stun_urls=("stun:stun.example.org",), turn_urls=turn, turn_secret="x" * 32)
    async with serving(ice=ice) as site, published(site) as one:
        stun, *relays = one.answer.headers.get_list("link")
        assert stun == '<stun:stun.example.org>; rel="ice-server"'
        for url, link in zip(turn, relays, strict=True):
            assert link.startswith(f'<{url}>; rel="ice-server"; username="')
            assert f':{one.offered["from"]}"; credential="' in link
            assert link.endswith('"; credential-type="password"')


def test_no_servers_no_links():
    assert ice_links(Ice(servers=(), ttl_s=60)) == []
    assert ice_links(Ice(servers=(IceServer(urls=("stun:a", "stun:b")),), ttl_s=60)) == [
        '<stun:a>; rel="ice-server"',
        '<stun:b>; rel="ice-server"',
    ]


async def test_a_page_from_elsewhere_may_publish_where_that_is_allowed():
    page = {"Origin": "https://www.example.org"}
    async with serving(allowed_origins=(page["Origin"],), connect=HASTY) as site:
        asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type, if-match"}
        preflight = await site.http.options("/whip/r/session", headers=page | asked)
        assert preflight.status_code == 200
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
        answer = await site.http.post("/whip/r", content=OFFER, headers=SDP | page)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"Location", "ETag", "Link"} <= set(exposed)
