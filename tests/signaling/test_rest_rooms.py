"""Ruling rooms over HTTP: what changes, who is told, who may not, and the document that describes it."""

import asyncio
import time

import pytest

from signaling.jobs import DispatchSettings
from signaling.settings import Settings
from tests.signaling.serving import DEV, join_token, serving, sign

SECRET = "a-secret-that-is-long-enough-to-be-taken-0123"
OWN_KEY = Settings(keys={"own": SECRET}, rooms=DEV.rooms)


def bearer(grants: dict, room: str | None = None, **claims) -> dict[str, str]:
    fields = {"iss": "own", "sub": "boss", "aud": "voice", "exp": int(time.time()) + 600, "grants": grants}
    token = sign(fields | claims | ({} if room is None else {"room": room}), SECRET)
    return {"Authorization": f"Bearer {token}"}


ADMIN = bearer({"admin": True})


async def test_a_room_is_opened_changed_and_closed():
    async with serving() as site:
        body = {"name": "r", "metadata": "m", "attributes": {"a": "b"}, "max_participants": 1, "empty_timeout_s": 60}
        opened = await site.http.post("/v1/rooms", json=body)
        assert (opened.status_code, opened.json()["metadata"]) == (201, "m")
        assert (await site.http.post("/v1/rooms", json={"name": "r"})).status_code == 200
        async with site.joined("ann") as ann:
            async with site.socket("/v1/rtc") as bob:
                await bob.send("join", token=join_token("bob", "r"))
                assert (await bob.take())["code"] == "room_full"
            patch = {"metadata": "n", "attributes": {"a": None, "c": "d"}, "max_participants": 2}
            changed = await site.http.patch("/v1/rooms/r", json=patch)
            assert changed.json() == (await site.http.get("/v1/rooms/r")).json()
            told = await ann.expect("room", op="updated")
            assert (told["room"]["metadata"], told["room"]["attributes"]) == ("n", {"c": "d"})
            async with site.joined("bob"):
                assert len((await site.http.get("/v1/rooms/r/participants")).json()["participants"]) == 2
            assert (await site.http.delete("/v1/rooms/r")).status_code == 204
            assert (await ann.expect("leave"))["reason"] == "room_closed"
            assert await ann.closed() == 4410
        assert (await site.http.get("/v1/rooms/r")).status_code == 404


async def test_people_are_muted_told_and_removed():
    async with serving() as site, site.joined("ann") as ann, site.joined("bob") as bob:
        await ann.ask("track", op="publish", track={"id": "1"})
        assert (await site.http.post("/v1/rooms/r/participants/ann/mute", json={})).status_code == 204
        assert (await ann.expect("participant", op="updated"))["participant"]["tracks"][0]["muted"]
        body = {"topic": "news", "payload": {"x": 1}, "to": ["bob"]}
        assert (await site.http.post("/v1/rooms/r/data", json=body)).status_code == 204
        told = await bob.expect("data")
        assert (told["from"], told["payload"]) == ("@server", {"x": 1})
        assert (await site.http.delete("/v1/rooms/r/participants/ann")).status_code == 204
        assert (await ann.expect("leave"))["reason"] == "removed"
        assert await ann.closed() == 4411
        async with site.socket("/v1/rtc") as again:
            await again.send("join", token=join_token("ann", "r"))
            assert (await again.take())["code"] == "forbidden"
        for path in ("/v1/rooms/r/participants/eve", "/v1/rooms/q", "/v1/rooms/q/participants/ann"):
            assert (await site.http.delete(path)).json()["code"] == "not_found"


async def test_an_agent_is_sent_once_and_called_back():
    async with serving() as site, site.worker("w", agent="helper") as worker:
        body = {"agent": "helper", "metadata": "m", "attributes": {"a": "b"}, "restart": "never"}
        sent = [
            await site.http.post("/v1/rooms/r/dispatches", json=body, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in sent] == [202, 202]
        job = sent[0].json()["dispatch_id"]
        assert sent[1].json()["dispatch_id"] == job
        assert (await worker.expect("offer"))["metadata"] == "m"
        at = sent[0].headers["location"]
        assert (await site.http.get(at)).json()["state"] == "offered"
        listed = (await site.http.get("/v1/rooms/r/dispatches")).json()["dispatches"]
        assert [one["dispatch_id"] for one in listed] == [job]
        await worker.send("accept", job=job)
        await worker.expect("assign")
        assert (await site.http.delete(at)).status_code == 204
        assert (await worker.expect("terminate"))["reason"] == "dispatch_deleted"
        over = (await site.http.get(f"/v1/jobs/{job}")).json()
        assert (over["state"], over["reason"]) == ("ended", "dispatch_deleted")
        assert (await site.http.get("/v1/rooms/other/dispatches/" + job)).status_code == 404
        for _ in range(3):
            await site.http.post("/v1/rooms/r/dispatches", json=body)
        refused = await site.http.post("/v1/rooms/r/dispatches", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "no_capacity")
        assert (await site.http.post("/v1/workers/w/drain", json={"timeout_s": 5})).status_code == 202
        assert (await worker.expect("drain"))["timeout_ms"] == 5000
        assert (await site.http.post("/v1/workers/x/drain", json={})).status_code == 404


async def test_the_agents_of_a_room_come_with_its_first_human():
    async with serving(OWN_KEY, dispatch=DispatchSettings()) as site:
        body = {"name": "r", "agents": [{"name": "helper", "metadata": "m"}]}
        assert (await site.http.post("/v1/rooms", json=body, headers=ADMIN)).status_code == 201
        async with site.socket("/v1/rtc") as ann:
            await ann.send("join", token=join_token("ann", "r", iss="own", secret=SECRET))
            told = await ann.expect("dispatch")
            assert (told["op"], told["agent"]) == ("pending", "helper")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/rooms", {}, 401),
        ("GET", "/v1/rooms", bearer({"join": True}), 403),
        ("GET", "/v1/rooms", ADMIN, 200),
        ("GET", "/v1/workers", bearer({"admin": True}, "r", kind="agent", job="j", epoch=1), 403),
        ("GET", "/v1/rooms/q/participants", bearer({"admin": True}, "r"), 403),
        ("DELETE", "/v1/rooms/q", bearer({"create": True}), 403),
        ("POST", "/v1/rooms", bearer({"create": True}), 201),
        ("POST", "/v1/rooms", bearer({"create": True}, "r"), 403),
        ("POST", "/v1/rooms/q/dispatches", bearer({"dispatch": ["other"]}), 403),
        ("POST", "/v1/rooms/q/dispatches", bearer({"dispatch": ["x"]}), 202),
        ("POST", "/v1/rooms/no spaces/dispatches", ADMIN, 400),
        ("PATCH", "/v1/rooms/q", ADMIN, 404),
    ],
)
async def test_rights_are_asked_for(method: str, path: str, headers: dict[str, str], status: int):
    async with serving(OWN_KEY) as site:
        body = {"name": "q", "agent": "x"} if method in {"POST", "PATCH"} else None
        answer = await site.http.request(method, path, json=body, headers=headers)
        assert answer.status_code == status
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"


async def test_the_document_describes_every_body_and_loads_nothing():
    async with serving() as site:
        document = (await site.http.get("/openapi.json")).json()
        assert document["openapi"].startswith("3.")
        schemas = document["components"]["schemas"]
        text = str(document["paths"])
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                assert ("requestBody" in operation) is (method in {"post", "patch"}), path
                assert operation["responses"]["default"]
        for name in ("RoomRequest", "RoomChanges", "DispatchRequest", "Problem"):
            assert name in schemas
            assert f"#/components/schemas/{name}" in text
        assert "AgentWish" in schemas
        assert (await site.http.get("/docs")).status_code == 404


async def test_an_agent_is_sent_for_somebody_who_is_there():
    async with serving() as site, site.worker("w", agent="helper") as worker, site.joined("ann", agent=[]) as ann:
        body = {"agent": "helper", "participant": "nobody"}
        refused = await site.http.post("/v1/rooms/r/dispatches", json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        assert (await site.http.post("/v1/rooms/new/dispatches", json=body)).status_code == 404
        assert (await site.http.get("/v1/rooms/new")).status_code == 404, "no room is opened for nobody"
        assert (await site.http.post("/v1/rooms/r/dispatches", json=body | {"participant": "ann"})).status_code == 202
        assert (await worker.expect("offer"))["participant"]["identity"] == "ann"
        assert (await ann.expect("dispatch", op="pending"))["agent"] == "helper"


async def test_of_requests_that_come_at_once_with_one_key_one_is_carried_out_and_of_others_three():
    async with serving() as site, site.joined("ann", agent=[]):
        same = [site.http.post("/v1/rooms/r/dispatches", json={}, headers={"Idempotency-Key": "k"}) for _ in range(6)]
        answers = await asyncio.gather(*same)
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["dispatch_id"] for answer in answers}) == 1
        others = await asyncio.gather(*(site.http.post("/v1/rooms/r/dispatches", json={}) for _ in range(6)))
        assert sorted(answer.status_code for answer in others) == [202, 202, 503, 503, 503, 503]
