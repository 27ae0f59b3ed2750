"""How long the local model's event loop stalls while several sessions are recognised at once.

    sessions of another process -> local model in this one; a task here measures how late the loop wakes it up

The clients speak the corpus at the pace of speech, all at the same moments, so that their utterances end together:
that is when a decoder works hardest. Run with recognition in this process, and in processes of its own.
"""

import argparse
import asyncio
import json
import sys
import time
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect

from agent_worker.audio import MODEL_RATE, WIRE_RATE, to_bytes
from agent_worker.cascade import engines as speech_engines
from agent_worker.cascade.apart import RecogniserProcesses
from agent_worker.cascade.resample import resampled
from agent_worker.localmodel.server import installed_engines, serve
from tests.support.wav import corpus

SPOKEN = ("s02", "s07", "s28", "s06", "s01")
CHUNK_SECONDS = 0.02
TICK = 0.001


async def speak(url: str, start: float, seconds: float) -> None:
    """One client: questions with a second of silence between them, from `start` on."""
    update = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 400}, "transcription": {"model": "any"}}
    size = 2 * int(MODEL_RATE * CHUNK_SECONDS)
    sound = b"".join(
        to_bytes(resampled(corpus(name), WIRE_RATE, MODEL_RATE)) + bytes(2 * MODEL_RATE) for name in SPOKEN
    )
    async with connect(url, max_size=None, proxy=None) as socket, asyncio.TaskGroup() as group:
        await socket.send(
            json.dumps({"type": "session.update", "session": {"type": "realtime", "audio": {"input": update}}})
        )

        async def listen() -> None:
            async for _frame in socket:
                pass

        listening = group.create_task(listen())
        for number in range(int(seconds / CHUNK_SECONDS)):
            due = start + number * CHUNK_SECONDS
            await asyncio.sleep(max(0.0, due - time.time()))
            at = number * size % len(sound)
            audio = b64encode(sound[at : at + size]).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        listening.cancel()


async def sessions(url: str, count: int, seconds: float) -> None:
    start = time.time() + 1.0
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(speak(url, start, seconds))


async def stalls(count: int, seconds: float, *, apart: bool) -> list[float]:
    """Milliseconds by which the server's loop was late, at each tick."""
    late: list[float] = []
    ready = asyncio.Queue[str](1)
    with ExitStack() as stack:
        engines = installed_engines()
        if apart:
            processes = stack.enter_context(RecogniserProcesses(speech_engines.recogniser))
            engines = replace(engines, recogniser=processes.recogniser)

        async def watch() -> None:
            while True:
                before = time.perf_counter()
                await asyncio.sleep(TICK)
                late.append((time.perf_counter() - before - TICK) * 1000)

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait, engines=engines)
            )
            command = ("-m", "bench.local_model", "--talk", await ready.get())
            options = ("--sessions", str(count), "--seconds", str(seconds))
            clients = await asyncio.create_subprocess_exec(sys.executable, *command, *options)
            watching = group.create_task(watch())
            await clients.wait()
            watching.cancel()
            serving.cancel()
    return sorted(late)


def show(count: int, seconds: float) -> None:
    table = Table(title=f"Event loop of the local model: {count} sessions recognised at once, {seconds:.0f} s")
    for column in ("recognition", "ticks", "p50 ms", "p99 ms", "p99.9 ms", "worst ms", "ticks > 20 ms"):
        table.add_column(column, justify="right")
    for apart in (False, True):
        late = asyncio.run(stalls(count, seconds, apart=apart))
        at = [late[min(len(late) - 1, int(len(late) * part))] for part in (0.5, 0.99, 0.999)]
        over = sum(1 for each in late if each > 20)
        where = "in other processes" if apart else "in this process"
        table.add_row(where, str(len(late)), *(f"{each:.1f}" for each in (*at, late[-1])), str(over))
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--talk", metavar="URL", help="be the clients (the bench starts itself so)")
    arguments = parser.parse_args()
    if arguments.talk:
        asyncio.run(sessions(arguments.talk, arguments.sessions, arguments.seconds))
    else:
        show(arguments.sessions, arguments.seconds)


if __name__ == "__main__":
    main()
