"""How long the local model's event loop stalls while several sessions are recognised at once.

    sessions of another process -> local model in this one; a task here measures how late the loop wakes it up

The clients speak the corpus at the pace of speech, all at the same moments, so that their utterances end together:
that is when a decoder works hardest. Run with recognition in this process, and in processes of its own.

On a busy machine everybody is woken late. So a process that does nothing else ticks beside it, and each late tick
here is laid to who used the processor meanwhile: the loop itself, the other threads of the server, or others.
"""

import argparse
import asyncio
import json
import sys
import time
from base64 import b64encode
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect

from agent_worker.audio import MODEL_RATE, WIRE_RATE, to_bytes
from agent_worker.cascade import engines as speech_engines
from agent_worker.cascade.apart import RecogniserProcesses
from agent_worker.cascade.resample import resampled
from agent_worker.localmodel.server import installed_engines, serve
from tests.support.wav import corpus

LATE = 20.0
"""Milliseconds: a frame of audio."""
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


@dataclass(frozen=True, slots=True)
class Tick:
    """One time that a loop was to be woken; milliseconds.

    Attributes:
        late: How much later it was.
        loop: Processor time of the loop's thread since the tick before.
        threads: The same of all other threads of the process.

    """

    late: float
    loop: float
    threads: float

    @property
    def cause(self) -> str:
        """Who made it late."""
        if self.loop >= self.late / 2:
            return "loop"
        return "threads" if self.loop + self.threads >= self.late / 2 else "machine"


async def watch(ticks: list[Tick]) -> None:
    """See how late this loop wakes up, until cancelled."""
    while True:
        before, process, thread = time.perf_counter(), time.process_time(), time.thread_time()
        await asyncio.sleep(TICK)
        late = time.perf_counter() - before - TICK
        loop = time.thread_time() - thread
        threads = time.process_time() - process - loop
        ticks.append(Tick(late * 1000, loop * 1000, threads * 1000))


async def control() -> None:
    """A process with nothing to do: tells how late it was woken when its input is closed."""
    ticks: list[Tick] = []
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(ticks))
        await asyncio.to_thread(sys.stdin.read)
        watching.cancel()
    print(json.dumps([tick.late for tick in ticks]))


async def stalls(count: int, seconds: float, *, apart: bool) -> tuple[list[Tick], list[float]]:
    """Each tick of the server's loop, and the milliseconds by which a loop without work was late meanwhile."""
    ticks: list[Tick] = []
    ready = asyncio.Queue[str](1)
    with ExitStack() as stack:
        engines = installed_engines()
        if apart:
            processes = stack.enter_context(RecogniserProcesses(speech_engines.recogniser))
            engines = replace(engines, recogniser=processes.recogniser)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait, engines=engines)
            )
            command = (sys.executable, "-m", "bench.local_model")
            talking = ("--talk", await ready.get(), "--sessions", str(count), "--seconds", str(seconds))
            pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
            idle = await asyncio.create_subprocess_exec(*command, "--control", **pipes)
            clients = await asyncio.create_subprocess_exec(*command, *talking)
            watching = group.create_task(watch(ticks))
            await clients.wait()
            watching.cancel()
            told, _ = await idle.communicate(b"")
            serving.cancel()
    return ticks, json.loads(told)


def show(count: int, seconds: float) -> None:
    table = Table(title=f"Event loop of the local model: {count} sessions recognised at once, {seconds:.0f} s")
    for column in ("loop", "ticks", "p50 ms", "p99 ms", "p99.9 ms", "worst ms", f"> {LATE:g} ms", "of these by"):
        table.add_column(column, justify="right")
    for apart in (False, True):
        ticks, idle = asyncio.run(stalls(count, seconds, apart=apart))
        over = [tick for tick in ticks if tick.late > LATE]
        causes = Counter(tick.cause for tick in over)
        where = "recognition in other processes" if apart else "recognition in this process"
        row(table, where, [tick.late for tick in ticks], ", ".join(f"{who} {n}" for who, n in sorted(causes.items())))
        row(table, "a process without work, meanwhile", idle, "machine" if max(idle) > LATE else "")
    Console(width=130).print(table)


def row(table: Table, name: str, lates: list[float], causes: str) -> None:
    late = sorted(lates)
    at = [late[min(len(late) - 1, int(len(late) * part))] for part in (0.5, 0.99, 0.999)]
    over = sum(1 for each in late if each > LATE)
    table.add_row(name, str(len(late)), *(f"{each:.1f}" for each in (*at, late[-1])), str(over), causes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--talk", metavar="URL", help="be the clients (the bench starts itself so)")
    parser.add_argument("--control", action="store_true", help="be the process without work (likewise)")
    arguments = parser.parse_args()
    if arguments.control:
        asyncio.run(control())
    elif arguments.talk:
        asyncio.run(sessions(arguments.talk, arguments.sessions, arguments.seconds))
    else:
        show(arguments.sessions, arguments.seconds)


if __name__ == "__main__":
    main()
