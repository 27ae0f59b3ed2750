"""`doctor --signaling URL`: the page's address and the relays are asked, and what is wrong has a way to mend it."""

import pytest

from agent_worker.cli.checks import Verdict
from agent_worker.cli.reach import check_reach
from agent_worker.cli.tokens import Key
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.support.stack import free_port, running, wait_ready
from tests.support.turn import SECRET, coturn

KEY = Key(DEV_API_KEY, DEV_API_SECRET)


async def reached(folder, *options, env=None):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("signaling", "signaling", "--port", str(port), "--dev", *options, folder=folder, env=env) as process:
        wait_ready(f"{url}/readyz", process)
        return url, await check_reach(url, KEY)


async def test_a_page_without_relays(tmp_path):
    url, (page, turn) = await reached(tmp_path)
    assert (page.verdict, page.found) == (Verdict.FINE, f"{url}/")
    assert (turn.verdict, turn.found) == (Verdict.FINE, "none is set")


async def test_each_relay_is_asked_with_the_credentials_that_people_get(tmp_path):
    dead = f"turn:127.0.0.1:{free_port()}?transport=tcp"
    with coturn(tmp_path / "turn") as turn:
        options = [part for one in (turn.url("udp"), turn.url("tcp"), dead) for part in ("--turn-url", one)]
        _, (_, *relays) = await reached(tmp_path, *options, env={"AGENT_WORKER_TURN_SECRET": SECRET})
        _, (_, *refused) = await reached(
            tmp_path, *options[:2], env={"AGENT_WORKER_TURN_SECRET": "another-secret-than-the-relay-has"}
        )
    assert [one.verdict for one in relays] == [Verdict.FINE, Verdict.FINE, Verdict.MISSING]
    assert all("relays by 127.0.0.1:" in one.found for one in relays[:2])
    assert "its ports are open" in relays[2].advice
    assert [one.verdict for one in refused] == [Verdict.MISSING]
    assert "401" in refused[0].found
    assert "static-auth-secret" in refused[0].advice


async def test_a_server_that_is_not_there_or_is_none(tmp_path):
    (nobody,) = await check_reach(f"ws://127.0.0.1:{free_port()}", KEY)
    assert nobody.verdict is Verdict.MISSING
    assert "python -m signaling --dev" in nobody.advice


@pytest.mark.parametrize("url", ["turn:", "stun:h", "http://h"])
async def test_what_is_no_relay_is_said(url):
    from agent_worker.rooms.relay import RelayError, try_relay

    with pytest.raises(RelayError):
        await try_relay(url, None, None)
