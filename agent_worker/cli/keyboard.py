"""Standard input, wherever it comes from, without ever blocking: typed keys, a pipe's lines, a file's lines."""

import asyncio
import codecs
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from typing import Final

__all__ = ["is_typed", "keys_of_terminal", "lines_of_pipe"]

READ_BYTES: Final = 4096
MAX_LINE: Final = 64 * 1024


def is_typed() -> bool:
    """Whether a person types."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


@contextmanager
def keys_of_terminal(take: Callable[[str], None]) -> Generator[None]:
    """Give each key to `take` as it is pressed, and do not show it; afterwards the terminal is as before.

    Ctrl-C still ends the program.
    """
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    loop = asyncio.get_running_loop()

    def on_readable() -> None:
        data = os.read(fd, READ_BYTES)
        take(decoder.decode(data) if data else "\x04")
        if not data:
            loop.remove_reader(fd)

    tty.setcbreak(fd)
    loop.add_reader(fd, on_readable)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


async def lines_of_pipe() -> AsyncIterator[str]:
    """Lines that are not empty, until the input ends."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        # A file, or /dev/null: it is all there, and no loop can wait for it.
        for line in sys.stdin:
            if line.strip():
                yield line.strip()
        return
    reader = asyncio.StreamReader(limit=MAX_LINE)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while data := await reader.readline():
            line = data.decode(errors="replace").strip()
            if line:
                yield line
    finally:
        transport.close()
