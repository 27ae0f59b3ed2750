"""What operators' tools read of a worker."""

import socket
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent_worker.errors import ConfigError
from agent_worker.worker.figures import Figures, RoomFigures
from agent_worker.worker.health import application, serve

IDLE = Figures(
    connected=True,
    draining=False,
    full=False,
    max_jobs=8,
    load=0.5,
    cpu=0.4,
    memory=0.3,
    warm=1,
    checkpoints=2,
    started=7,
    resumed=1,
    succeeded=4,
    failed=2,
    refused=3,
    rooms=(RoomFigures(name='a "room"', resident=1000, lag=0.25),),
)


def client(figures):
    transport = httpx.ASGITransport(application(lambda: figures))
    return httpx.AsyncClient(transport=transport, base_url="http://worker")


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, 200, ""),
        ({"connected": False, "draining": True}, 503, "not registered with the signaling server"),
        ({"draining": True}, 503, "draining"),
        ({"full": True}, 503, "busy"),
    ],
)
async def test_ready_is_who_can_take_a_room(changes, status, reason):
    async with client(replace(IDLE, **changes)) as http:
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert (await http.get("/healthz")).status_code == 200


async def test_figures_can_be_read_by_prometheus():
    async with client(IDLE) as http:
        text = (await http.get("/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["agent_worker_jobs_started_total",] == 7
    assert samples["agent_worker_jobs_ended_total", "failed"] == 2
    assert samples["agent_worker_room_memory_bytes", 'a "room"'] == 1000
    assert samples["agent_worker_room_lag_seconds", 'a "room"'] == 0.25
    assert samples["agent_worker_load",] == 0.5


async def test_a_port_that_is_taken_is_said():

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="--health-port"):
            await serve(lambda: IDLE, "127.0.0.1", taken.getsockname()[1])
