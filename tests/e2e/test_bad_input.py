"""What people are told when something they need is not there, and that nobody else is harmed by it."""

from pathlib import Path

import httpx
import pytest

from tests.support.caller import calling, connecting
from tests.support.stack import Stack, free_port, running, wait_ready, wait_worker
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def test_a_model_that_is_not_there_is_said_in_the_room(tmp_path: Path):
    port, nobody = free_port(), free_port()
    url, model_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{nobody}/v1/realtime"
    with running("signaling", "signaling", "--port", str(port), "--dev", folder=tmp_path) as signaling:
        wait_ready(f"{url}/readyz", signaling)
        arguments = ["examples/minimal.py", "--signaling", url, "--model", model_url, "--drain-timeout", "0"]
        with running("worker", "agent_worker", "start", *arguments, folder=tmp_path) as worker:
            wait_worker(url, worker)
            async with calling(url, "no-model", connect=False) as caller:

                def error() -> str | None:
                    people = [m["participant"] for m in caller.messages("participant")]
                    return next(
                        (p["attributes"]["agent.error"] for p in people if "agent.error" in p["attributes"]), None
                    )

                said = await caller.until(error, seconds=30)
                assert str(nobody) in said, "it names the address"
        assert worker.popen.poll() is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{not json", 400),
        (b'{"sdp": "v=0 garbage", "type": "offer"}', 400),
        (b'{"sdp": "' + b"x" * 70_000 + b'", "type": "offer"}', 413),
    ],
    ids=["malformed JSON", "garbage SDP", "oversized SDP"],
)
async def test_garbage_is_refused_and_a_call_goes_on(system: Stack, body: bytes, status: int):
    async with connecting(system.url, f"undisturbed-{len(body)}") as caller:
        _, end = await caller.say(corpus("s13"))
        start = await caller.until_heard(end)
        async with httpx.AsyncClient(base_url=system.url) as http:
            for _ in range(5):
                response = await http.post("/v1/rooms/garbage/connect", content=body)
                assert response.status_code == status
                assert response.headers["content-type"] == "application/problem+json"
                assert response.json()["code"]
        await caller.until(lambda: len(caller.tape.loud_times(start)) > 100)
