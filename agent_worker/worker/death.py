"""How a process ended, in words for people. Pure."""

import signal
from collections.abc import Sequence
from typing import Final

__all__ = ["death", "obituary"]

_TRACEBACK: Final = "whose traceback is among its last lines"
_HINTS: Final = {
    signal.SIGKILL: ": by hand, or because the machine's memory ran out",
    signal.SIGSEGV: f": a crash in native code, {_TRACEBACK}",
    signal.SIGABRT: f": native code gave up, {_TRACEBACK}",
    signal.SIGBUS: f": a crash in native code, {_TRACEBACK}",
}


def death(exit_code: int | None) -> str:
    """What an exit code means; None: the process was never born."""
    match exit_code:
        case None:
            return "it could not be started"
        case code if code < 0:
            number = signal.Signals(-code)
            return f"killed by {number.name}{_HINTS.get(number, '')}"
        case code:
            return f"exit code {code}"


def obituary(rooms: Sequence[str], pid: int, fate: str, lines: Sequence[str]) -> str:
    """What is written about a process that did not end as it should.

    Args:
        rooms: Those that it had.
        pid: Its id.
        fate: What became of it.
        lines: What it wrote last.
    """
    where = "no room" if not rooms else ("room " if len(rooms) == 1 else "rooms ") + ", ".join(rooms)
    said = "\n".join(f"  | {line}" for line in lines) if lines else "  (none)"
    return f"{where}: process {pid} {fate}. Its last lines:\n{said}"
