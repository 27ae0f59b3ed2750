"""When each RTP packet came to this machine, by the kernel's stamp: a caller that is busy makes no program look late.

socket -> stamp -> aioice, as before. With sixteen callers in one process on the cores that are also measured, the
moment at which Python gets to a packet says more about the callers than about who sent it. Linux only.
"""

import asyncio
import socket
import struct
import time
from typing import Any, Final

_SO_TIMESTAMPNS: Final = 35
_MOST: Final = 2048
_TIMESPEC: Final = struct.Struct("@qq")
_REMEMBERED: Final = 512


class Arrivals:
    """Reads the sockets of one connection in asyncio's place.

    Args:
        connection: aioice's, which has gathered its candidates.
    """

    def __init__(self, connection: Any) -> None:
        self._at: dict[int, float] = {}
        self._offset = time.time() - time.monotonic()
        loop: Any = asyncio.get_running_loop()
        for protocol in connection._protocols:
            # asyncio lends out a view of the socket that cannot receive, and guards the reader of its transports.
            sock = protocol.transport.get_extra_info("socket")._sock
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            loop._add_reader(sock.fileno(), self._read, sock, protocol)

    def of(self, sequence: int) -> float:
        """When the packet of this number came, in seconds of time.monotonic()."""
        return self._at.pop(sequence, time.monotonic())

    def _read(self, sock: socket.socket, protocol: Any) -> None:
        try:
            data, ancillary, _, address = sock.recvmsg(_MOST, 128)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            protocol.error_received(error)
            return
        if len(data) >= 12 and data[0] >> 6 == 2:
            for level, kind, stamp in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
                    self._at[int.from_bytes(data[2:4])] = seconds + nanoseconds / 1e9 - self._offset
            while len(self._at) > _REMEMBERED:
                del self._at[next(iter(self._at))]
        protocol.datagram_received(data, address)
