"""What the realtime adapter costs: processor time of one audio delta and of one append, and what importing it adds.

    in the codec  frame to event, or command to frame, beside what json and base64 alone would take in the same run
    all in        with the WebSocket, its queue and its tasks: from socket to reader, and from `send` to socket
    import        seconds and memory that the adapter and websockets add to a process that has the rest of the worker

A delta is 100 ms of a reply (4800 bytes), an append 20 ms of the user (960 bytes). Both are to cost below 60
microseconds, all in. Run it with `make bench`, or by itself: python -m bench.realtime.
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from websockets.asyncio.server import ServerConnection, serve

from agent_worker.realtime.base import AppendAudio, OutputAudio, SessionSettings
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.realtime.openai_wire import Codec

LIMIT: Final = 60e-6
"""Seconds of processor time for one delta or one append, all in."""
PCM: Final = bytes(range(240)) * 20
APPEND: Final = AppendAudio(PCM[:960])
DELTA: Final = json.dumps(
    {
        "type": "response.output_audio.delta",
        "event_id": "event_CdZt1rGJpYmEpYb6E6QwC",
        "response_id": "resp_CdZt1UoIBUcVlCWpGcBSq",
        "item_id": "item_CdZt1Lq3GoGyDzBwQqmMx",
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(PCM).decode(),
        "obfuscation": "x7Kd0",
    }
).encode()
MEMORY: Final = """
import time
import agent_worker
began, had = time.process_time(), open("/proc/self/statm").read().split()[1]
import agent_worker.realtime.openai
print(time.process_time() - began, int(open("/proc/self/statm").read().split()[1]) - int(had))
"""


def each(work: Callable[[], object], times: int) -> float:
    """Seconds of processor time of one call."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times


def in_the_codec(times: int) -> dict[str, tuple[float, float]]:
    """Name to seconds of the codec, and of json and base64 alone, each the median of seven rounds that alternate."""
    codec = Codec()
    encoded = base64.b64encode(APPEND.pcm).decode()
    works: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "audio delta": (lambda: codec.decode(DELTA), lambda: base64.b64decode(json.loads(DELTA)["delta"])),
        "append": (
            lambda: codec.encode(APPEND),
            lambda: (
                base64.b64encode(APPEND.pcm),
                json.dumps({"type": "input_audio_buffer.append", "audio": encoded}),
            ),
        ),
    }
    found: dict[str, tuple[float, float]] = {}
    for name, (ours, alone) in works.items():
        rounds = [(each(ours, times), each(alone, times)) for _ in range(7)]
        found[name] = (statistics.median(row[0] for row in rounds), statistics.median(row[1] for row in rounds))
    return found


def server(pipe: Connection) -> None:
    """A process that opens sessions, sends as many deltas as it is asked for, and reads whatever comes."""

    async def session(socket: ServerConnection) -> None:
        await socket.send(json.dumps({"type": "session.created", "session": {}}))
        await socket.recv()
        await socket.send(json.dumps({"type": "session.updated", "session": {}}))
        async for frame in socket:
            event: dict[str, Any] = json.loads(frame)
            match event["type"]:
                case "response.create":
                    for _ in range(int(event["response"]["metadata"]["request_id"])):
                        await socket.send(DELTA, text=True)
                case "input_audio_buffer.commit":
                    await socket.send(json.dumps({"type": "input_audio_buffer.committed", "item_id": "item_1"}))
                case _:
                    continue

    async def run() -> None:
        async with serve(session, "127.0.0.1", 0, compression=None) as listening:
            pipe.send(listening.sockets[0].getsockname()[1])
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(run())


async def over_a_socket(port: int, times: int) -> dict[str, float]:
    """Seconds of this process for one delta that is read, and for one append that is sent and has arrived."""
    from agent_worker.realtime.base import CommitAudio, CreateResponse, InputCommitted

    model = OpenAIRealtimeModel(url=f"ws://127.0.0.1:{port}/v1/realtime")
    found: dict[str, float] = {}
    async with model.connect(SessionSettings()) as connection:
        events = aiter(connection.events())
        for _ in range(2):  # The first round warms up.
            began, left = time.process_time(), times
            connection.send(CreateResponse(request_id=str(times)))
            while left:
                left -= isinstance(await anext(events), OutputAudio)
            found["audio delta"] = (time.process_time() - began) / times
            began = time.process_time()
            for index in range(times):
                connection.send(APPEND)
                if index % 50 == 49:
                    await asyncio.sleep(0)
            connection.send(CommitAudio())
            while not isinstance(await anext(events), InputCommitted):
                pass
            found["append"] = (time.process_time() - began) / times
    return found


def all_in(times: int) -> dict[str, float]:
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=server, args=(theirs,), daemon=True)
    process.start()
    try:
        return asyncio.run(over_a_socket(ours.recv(), times))
    finally:
        ours.send(None)
        process.join(5)


def imported() -> tuple[float, float]:
    """Seconds of processor time and mebibytes that the adapter adds, the median of five processes."""
    rows: list[tuple[float, int]] = []
    for _ in range(5):
        said = subprocess.run([sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True).stdout
        seconds, pages = said.split()
        rows.append((float(seconds), int(pages)))
    return statistics.median(row[0] for row in rows), statistics.median(row[1] for row in rows) * 4096 / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000, help="deltas and appends for each number (default 1000)")
    times = parser.parse_args().times
    codec, whole = in_the_codec(times), all_in(times)
    table = Table("what", "in the codec", "json and base64", "ratio", "all in", f"below {LIMIT * 1e6:.0f} µs")
    for name, (ours, alone) in codec.items():
        figures = (
            f"{ours * 1e6:.1f} µs",
            f"{alone * 1e6:.1f} µs",
            f"{ours / alone:.2f}",
            f"{whole[name] * 1e6:.1f} µs",
        )
        table.add_row(name, *figures, "yes" if whole[name] < LIMIT else "no")
    console = Console()
    console.print(table)
    seconds, mebibytes = imported()
    added = f"{seconds * 1000:.0f} ms of processor time and {mebibytes:.1f} MiB"
    console.print(f"Importing the adapter, with websockets, adds {added}.")
    versions = ", ".join(f"{name} {version(name)}" for name in ("pydantic", "websockets"))
    console.print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {versions}")


if __name__ == "__main__":
    main()
