"""One request, one answer: the client without a socket, with an agent that a real worker runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from signaling.members import RoomSettings
from signaling.messages import worker_claims
from signaling.settings import ConnectSettings, Settings
from tests.signaling.samples import ANSWER, offer
from tests.signaling.serving import Site, Socket, join_token, serving

HASTY = ConnectSettings(agent_timeout=0.2, answer_timeout=0.2)
BODY = {"sdp": offer("loopback"), "type": "offer"}
SECRET = "a-secret-that-is-long-enough-to-be-taken-0123"


async def answer_one(agent: Socket, reply: str = "answer", **fields: Any) -> str:
    """What an agent does with the next offer; says whose it was."""
    offered = await agent.expect("offer")
    assert (offered["pc"], offered["gen"]) == ("main", 0)
    await agent.send(reply, to=offered["from"], pc=offered["pc"], gen=offered["gen"], **fields)
    return offered["from"]


@contextlib.asynccontextmanager
async def staffed(site: Site, room: str = "r") -> AsyncIterator[Socket]:
    """The agent of a room with a listener in it."""
    async with site.worker() as worker, site.joined("listener", room), site.agent(worker) as agent:
        yield agent


async def post(site: Site, room: str = "r", **options: Any) -> httpx.Response:
    return await site.http.post(f"/v1/rooms/{room}/connect", **({"json": BODY} | options))


async def test_the_agent_is_fetched_answers_and_is_hung_up_on():
    async with serving() as site, site.worker() as worker, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        async with site.agent(worker) as agent:
            caller = await answer_one(agent, sdp=ANSWER)
            answer = await request
            assert answer.status_code == 200
            body = answer.json()
            assert body == {"sdp": ANSWER, "type": "answer", "session": answer.headers["location"]}
            assert body["session"].startswith("/session/")
            assert caller.startswith("caller-")
            there = (await site.http.get("/v1/rooms/r/participants")).json()["participants"]
            assert {one["identity"]: one["kind"] for one in there} == {caller: "human", "bot": "agent"}
            # The name of the session is a secret: nothing that others in the room see leads to it.
            assert body["session"].rsplit("/", 1)[1] not in str(there)
            assert (await site.http.delete(body["session"])).status_code == 204
            left = await agent.expect("participant", op="left")
            assert (left["participant"]["identity"], left["reason"]) == (caller, "left")
            assert (await site.http.delete(body["session"])).status_code == 404


async def test_an_agent_that_is_there_already_is_used():
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        await answer_one(agent, sdp=ANSWER)
        assert (await request).status_code == 200


@pytest.mark.parametrize("path", ["/session/{}", "/v1/rooms/r/connect/{}", "/v1/rooms/r/connect/session/{}"])
async def test_wherever_a_client_looks_for_its_session_it_finds_it(path: str):
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        await answer_one(agent, sdp=ANSWER)
        name = (await request).json()["session"].rsplit("/", 1)[1]
        assert (await site.http.delete(path.format(name))).status_code == 204


@pytest.mark.parametrize(
    ("fields", "status", "code", "says"),
    [
        ({"code": "too_large", "message": "that is too much"}, 413, "too_large", "that is too much"),
        ({"code": "no_capacity", "message": ""}, 503, "no_capacity", "refused"),
        ({"code": "what_is_this", "message": "no audio"}, 400, "bad_request", "no audio"),
    ],
)
async def test_the_agents_refusal_is_the_answer(fields: dict, status: int, code: str, says: str):
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        caller = await answer_one(agent, "reject", **fields)
        answer = await request
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert says in answer.json()["detail"]
        left = await agent.expect("participant", op="left")
        assert left["participant"]["identity"] == caller


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"json": None, "content": "garbage"}, 400, "bad_request"),
        ({"json": []}, 400, "bad_request"),
        ({"json": {"type": "offer"}}, 400, "bad_request"),
        ({"json": BODY | {"type": "answer"}}, 400, "bad_request"),
        ({"json": BODY | {"sdp": "garbage"}}, 400, "bad_request"),
        ({"json": BODY | {"sdp": offer().replace("a=fingerprint", "a=x-fingerprint")}}, 400, "bad_request"),
        ({"json": BODY | {"sdp": offer() + "a=" + "x" * 33_000}}, 413, "too_large"),
        ({"json": BODY | {"sdp": "x" * 66_000}}, 413, "too_large"),
        ({"headers": {"Authorization": "Bearer garbage"}}, 401, "unauthorized"),
        ({"headers": {"Authorization": f"Bearer {join_token('a', 'r', lifetime=-90)}"}}, 401, "token_expired"),
        ({"headers": {"Authorization": f"Bearer {join_token('a', 'other')}"}}, 403, "forbidden"),
        (
            {"headers": {"Authorization": f"Bearer {join_token('a', 'r', kind='agent', job='AJ_1', epoch=1)}"}},
            403,
            "forbidden",
        ),
    ],
)
async def test_a_bad_request_is_refused_before_anybody_is_bothered(options: dict, status: int, code: str):
    async with serving() as site:
        answer = await post(site, **options)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await site.http.get("/v1/rooms")).json() == {"rooms": []}


async def test_a_room_name_that_is_none():
    async with serving() as site:
        answer = await post(site, room="no%20spaces")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_without_a_worker_the_caller_is_told_to_come_again():
    async with serving(connect=HASTY) as site:
        answer = await post(site)
        assert (answer.status_code, answer.json()["code"]) == (503, "dispatch_failed")
        assert "no worker is connected" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) >= 1
        assert (await site.http.get("/v1/rooms/r/participants")).json() == {"participants": []}


async def test_an_agent_that_does_not_answer():
    async with serving(connect=HASTY) as site, staffed(site) as agent:
        answer = await post(site)
        assert (answer.status_code, answer.json()["code"]) == (503, "dispatch_failed")
        assert "did not answer within 0.2 s" in answer.json()["detail"]
        await agent.expect("participant", op="left")


async def test_an_agent_that_leaves_instead_of_answering():
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        await agent.expect("offer")
        await agent.send("leave")
        answer = await request
        assert (answer.status_code, answer.json()["detail"]) == (503, "the agent has left the room")


async def test_a_caller_stays_when_the_agents_signaling_is_lost_and_goes_when_its_job_is_over():
    async with serving() as site, site.worker() as worker, site.joined("listener") as listener:
        async with site.agent(worker) as agent, asyncio.TaskGroup() as group:
            job = (await listener.expect("dispatch", op="started"))["job"]
            request = group.create_task(post(site))
            caller = await answer_one(agent, sdp=ANSWER)
            session = (await request).json()["session"]
        assert (await listener.expect("participant", op="left"))["participant"]["identity"] == "bot"
        there = (await site.http.get("/v1/rooms/r/participants")).json()["participants"]
        assert {one["identity"] for one in there} == {"listener", caller}
        await worker.send("update", job=job, epoch=1, state="ended", result="success")
        assert (await listener.expect("participant", op="left"))["participant"]["identity"] == caller
        assert (await site.http.delete(session)).status_code == 404


async def test_the_agent_removes_a_caller_whose_media_died():
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        caller = await answer_one(agent, sdp=ANSWER)
        session = (await request).json()["session"]
        assert (await agent.ask("moderate", op="remove", identity=caller))["t"] == "ok"
        assert (await site.http.delete(session)).status_code == 404


async def test_answers_of_others_and_to_others_do_not_count():
    async with serving() as site, staffed(site) as agent, site.joined("eve") as eve, asyncio.TaskGroup() as group:
        request = group.create_task(post(site))
        offered = await agent.expect("offer")
        assert (await eve.ask("answer", to=offered["from"], sdp=ANSWER))["t"] == "ok"
        assert (await eve.ask("reject", to=offered["from"], code="internal"))["t"] == "ok"
        assert not request.done()
        await agent.send("answer", to=offered["from"], sdp=ANSWER)
        assert (await request).status_code == 200


async def test_a_token_says_who_calls_and_the_newer_call_stays():
    headers = {"Authorization": f"Bearer {join_token('ann', 'r', name='Ann')}"}
    async with serving() as site, staffed(site) as agent, asyncio.TaskGroup() as group:
        sessions = []
        for _ in range(2):
            request = group.create_task(post(site, headers=headers))
            assert await answer_one(agent, sdp=ANSWER) == "ann"
            sessions.append((await request).json()["session"])
        assert (await site.http.delete(sessions[0])).status_code == 404
        assert (await site.http.delete(sessions[1])).status_code == 204


async def test_a_full_room_and_a_server_that_stops():
    async with serving(rooms=RoomSettings(max_participants=1)) as site, site.joined("ann"):
        answer = await post(site)
        assert (answer.status_code, answer.json()["code"]) == (503, "room_full")
        site.app.state.node.drain()
        answer = await post(site)
        assert (answer.status_code, answer.json()["code"]) == (503, "server_draining")


async def test_outside_development_a_token_is_needed_and_says_whether_an_agent_is_fetched():
    settings = Settings(keys={"own": SECRET}, connect=HASTY)
    async with serving(settings) as site:
        assert (await post(site)).status_code == 401
        token = jwt.encode(worker_claims("own", "w", expires_at=int(time.time()) + 3600), SECRET, "HS256")
        async with site.socket("/v1/worker") as worker:
            await worker.send("register", token=token, worker="w")
            await worker.expect("registered")
            plain = {"Authorization": f"Bearer {join_token('ann', 'r', iss='own', secret=SECRET)}"}
            assert (await post(site, headers=plain)).status_code == 503
            with_agent = {"Authorization": f"Bearer {join_token('ann', 'q', iss='own', secret=SECRET, agent='')}"}
            async with asyncio.TaskGroup() as group:
                request = group.create_task(post(site, room="q", headers=with_agent))
                async with site.agent(worker) as agent:
                    await answer_one(agent, sdp=ANSWER)
                    assert (await request).status_code == 200
