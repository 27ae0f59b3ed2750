"""Callers of many rooms at once, in a process of their own: each asks, listens to the whole reply, and asks again.

    python -m bench.rig.audience --url http://127.0.0.1:8080 --rooms 12 --seconds 60 --out heard.json

They share the machine with what is measured, so each packet has two times: the kernel's, which is when it was sent,
and that of its being decoded here. The file has a list of `Punctuality` for each room.
"""

import argparse
import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from aiortc.rtp import RtpPacket, is_rtcp

from bench.rig.caller import Caller, calling
from bench.rig.calls import QUESTION
from bench.rig.programs import AgentWorker
from bench.rig.punctuality import Packet, punctuality

SO_TIMESTAMPNS: Final = 35  # socket(7), Linux
_TIMESPEC: Final = struct.Struct("qq")
REPLY_SECONDS: Final = 12.0
"""How long the model's replies are."""
PATIENCE: Final = 30.0


class Unwrapped:
    """Counts on where a counter of so many bits begins anew."""

    def __init__(self, bits: int) -> None:
        self._size = 1 << bits
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        if self._last is None:
            self._last = value
        ahead = (value - self._last + self._size // 2) % self._size - self._size // 2
        self._last += ahead
        return self._last


class Ear:
    """Keeps the packets that one caller hears."""

    def __init__(self, caller: Caller) -> None:
        self.packets: list[Packet] = []
        self._caller = caller
        self._sent: dict[int, float] = {}
        self._sequence, self._timestamp = Unwrapped(16), Unwrapped(32)
        (transceiver,) = caller.peer.getTransceivers()
        self._decode: Callable[[RtpPacket, int], Any] = transceiver.receiver._handle_rtp_packet
        transceiver.receiver._handle_rtp_packet = self._hear
        self._connection = transceiver.receiver.transport.transport._connection

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take over the reading of the caller's socket, with the kernel's times."""
        loop = asyncio.get_running_loop()
        transport = self._connection._nominated[1].protocol.transport
        with socket.socket(fileno=socket.dup(transport.get_extra_info("socket").fileno())) as own:
            own.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            loop._remove_reader(transport._sock_fd)  # ty: the public one refuses descriptors of transports
            loop.add_reader(own.fileno(), self._read, own, transport.get_protocol())
            try:
                yield
            finally:
                loop.remove_reader(own.fileno())

    def _read(self, own: socket.socket, protocol: asyncio.DatagramProtocol) -> None:
        try:
            data, ancillary, _, address = own.recvmsg(65536, 128)
        except (BlockingIOError, ConnectionError):
            return
        if 128 <= data[0] < 192 and not is_rtcp(data):
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
                    # The headers of SRTP are in clear.
                    self._sent[int.from_bytes(data[2:4], "big")] = seconds + nanoseconds / 1e9
        protocol.datagram_received(data, address)

    async def _hear(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        before = len(self._caller.heard)
        await self._decode(packet, arrival_time_ms)
        sent = self._sent.pop(packet.sequence_number, None)
        if sent is None or len(self._caller.heard) == before:
            return
        self.packets.append(
            Packet(
                sequence=self._sequence(packet.sequence_number),
                timestamp=self._timestamp(packet.timestamp),
                sent=sent,
                heard=time.time(),
                loud=self._caller.heard[-1].loud,
            )
        )


async def converse(caller: Caller, delay: float) -> None:
    """Ask, hear the reply to its end, ask again."""
    await asyncio.sleep(delay)
    while True:
        _, asked = await caller.mouth.say(QUESTION)
        begun = await caller.until_tone(asked, seconds=PATIENCE)
        await asyncio.sleep(max(0.0, begun + REPLY_SECONDS + 0.5 - time.monotonic()))


async def attend(url: str, rooms: int, seconds: float) -> list[dict[str, Any]]:
    system = AgentWorker("agent_worker", url)
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(calling(system.answer)) for _ in range(rooms)]
        ears = [Ear(caller) for caller in callers]
        for ear in ears:
            await stack.enter_async_context(ear.listening())
        async with asyncio.TaskGroup() as group:
            # Not all at once: people are not in step.
            talks = [group.create_task(converse(caller, 0.5 * index)) for index, caller in enumerate(callers)]
            await asyncio.sleep(seconds)
            for talk in talks:
                talk.cancel()
        found = [punctuality(ear.packets) for ear in ears]
    return [asdict(each) for each in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rooms", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = asyncio.run(attend(arguments.url, arguments.rooms, arguments.seconds))
    arguments.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
