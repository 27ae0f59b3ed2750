"""What an application and an agent tell each other beside the conversation, through a real server and worker."""

import httpx
import pytest

from tests.support.caller import Caller, calling
from tests.support.stack import stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def told(caller: Caller, topic: str) -> object:
    """What the agent sent under a topic."""
    found = await caller.until(lambda: [one for one in caller.messages("data") if one["topic"] == topic], seconds=40)
    return found[-1]["payload"]


async def test_the_words_of_a_dispatch_calls_and_data_reach_the_agent(tmp_path):
    with stack(tmp_path, agent="tests/support/agents/waiter.py") as system:
        async with httpx.AsyncClient(base_url=system.url) as http:
            wish = {"name": "", "metadata": "order 7", "attributes": {"table": "12"}}
            opened = await http.post("/v1/rooms", json={"name": "inn", "agents": [wish]})
            assert opened.status_code == 201, opened.text
        async with calling(system.url, "inn", identity="ann") as ann:
            assert await told(ann, "job") == {"for": "ann", "metadata": "order 7", "attributes": {"table": "12"}}
            agent = next(one["from"] for one in ann.messages("data") if one["topic"] == "job")
            await ann.send({"t": "rpc", "id": 1, "to": agent, "method": "order", "payload": ["tea"]})
            (answer,) = await ann.until(lambda: [one for one in ann.messages("rpc_result") if one["re"] == 1])
            assert answer["payload"] == {"for": "ann", "of": ["tea"]}
            await ann.send({"t": "data", "topic": "cursor", "payload": {"x": 1}})
            assert await told(ann, "echo") == {"from": "ann", "payload": {"x": 1}}
        assert "order 7" not in system.worker.printed()
