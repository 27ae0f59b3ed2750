"""What the signaling server carries alone, without media: rooms of two who send each other messages.

    joins     how many participants a second enter, all at once
    latency   from one's socket to the other's, each sending twice a second

One server process, one process for all the clients, both on this machine's cores: the clients' own cost is in the
latency. Clients come from several loopback addresses, since each address has its quota. Run it with
`python -m bench.signaling_load`, or `--rooms 1 50 200 --seconds 10`.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import websockets
from rich.console import Console
from rich.table import Table

from signaling.auth import mint
from signaling.claims import Claims, Grants
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.support.stack import free_port, running, wait_ready

MEMBERS = 2
PER_ADDRESS = 100
JOINING_AT_ONCE = 16
EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What so many rooms came to; latencies in seconds."""

    rooms: int
    joins_per_second: float
    latencies: list[float]
    sent: int
    cpu: float


class Client:
    """One participant."""

    def __init__(self, socket: websockets.ClientConnection, other: str) -> None:
        self._socket = socket
        self._other = other
        self.latencies: list[float] = []
        self.sent = 0

    async def read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if message["t"] == "data":
                self.latencies.append(time.monotonic() - message["payload"]["at"])

    async def write(self, until: float) -> None:
        # Spread, or all would send at the same instants.
        await asyncio.sleep(random.random() * EVERY_SECONDS)
        while time.monotonic() < until:
            payload = {"at": time.monotonic()}
            await self._socket.send(
                json.dumps({"t": "data", "topic": "bench", "to": [self._other], "payload": payload})
            )
            self.sent += 1
            await asyncio.sleep(EVERY_SECONDS)


async def enter(stack: AsyncExitStack, url: str, number: int, gate: asyncio.Semaphore) -> Client:
    room, place = divmod(number, MEMBERS)
    now = int(time.time())
    claims = Claims(iss=DEV_API_KEY, sub=f"p{place}", room=f"load-{room}", exp=now + 600, grants=Grants(join=True))
    token = mint(claims, DEV_API_SECRET)
    async with gate:
        socket = await stack.enter_async_context(
            websockets.connect(
                f"{url}/v1/rtc",
                subprotocols=[websockets.Subprotocol("voice.v1")],
                compression=None,
                local_addr=(f"127.0.0.{2 + number // PER_ADDRESS}", 0),
            )
        )
        await socket.send(json.dumps({"t": "join", "id": 1, "token": token, "v": 1}))
        async with asyncio.timeout(20):
            while json.loads(await socket.recv())["t"] != "joined":
                pass
    return Client(socket, f"p{1 - place}")


async def measure(url: str, server: psutil.Process, rooms: int, seconds: float) -> Load:
    async with AsyncExitStack() as stack:
        gate = asyncio.Semaphore(JOINING_AT_ONCE)
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(enter(stack, url, number, gate)) for number in range(rooms * MEMBERS)]
        joined = rooms * MEMBERS / (time.monotonic() - start)
        clients = [task.result() for task in tasks]
        before, began = server.cpu_times(), time.monotonic()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(client.read()) for client in clients]
            writers = [group.create_task(client.write(began + seconds)) for client in clients]
            await asyncio.wait(writers)
            await asyncio.sleep(0.5)
            for reader in readers:
                reader.cancel()
        after, took = server.cpu_times(), time.monotonic() - began
        used = after.user + after.system - before.user - before.system
        latencies = [latency for client in clients for latency in client.latencies]
        return Load(rooms, joined, latencies, sum(client.sent for client in clients), used / took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", type=int, nargs="+", default=[1, 50, 200], help="default 1 50 200")
    parser.add_argument("--seconds", type=float, default=10.0, help="of messages, for each (default 10)")
    arguments = parser.parse_args()
    table = Table("rooms", "joins a second", "messages", "lost", "p50", "p99", "max", "server's CPU")
    for rooms in arguments.rooms:
        port = free_port()
        command = ("signaling", "--port", str(port), "--dev")
        with (
            tempfile.TemporaryDirectory() as folder,
            running("signaling", *command, folder=Path(folder)) as process,
        ):
            wait_ready(f"http://127.0.0.1:{port}/readyz", process)
            server = psutil.Process(process.popen.pid)
            load = asyncio.run(measure(f"ws://127.0.0.1:{port}", server, rooms, arguments.seconds))
        percentiles = statistics.quantiles(load.latencies, n=100, method="inclusive")
        table.add_row(
            str(load.rooms),
            f"{load.joins_per_second:.0f}",
            str(load.sent),
            str(load.sent - len(load.latencies)),
            *(f"{seconds * 1000:.1f} ms" for seconds in (percentiles[49], percentiles[98], max(load.latencies))),
            f"{load.cpu:.0%} of a core",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
