"""No room process outlives its worker, not even one that is stopped and sees nothing.

    worker is gone -> the kernel signals the fork server -> seconds later it ends -> the kernel kills what is left

Linux. Elsewhere a process that runs leaves when its pipe ends (`lifeline`), and one that is stopped stays.
"""

import ctypes
import os
import signal
import sys
from types import FrameType
from typing import Final

__all__ = ["die_with_parent", "outlive_parent"]

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when the thread that started it is gone, however that came.

    Kept over exec, so that it may be called between fork and exec; forgotten by children. Linux alone.
    """
    if sys.platform == "linux":
        assert _libc is not None
        _libc.prctl(_PR_SET_PDEATHSIG, number)


def outlive_parent(seconds: int) -> None:
    """In the fork server: end so many seconds after the worker, and have each child end with us, from its fork on."""
    fork_server = os.getpid()

    def begin_to_end(_number: int, _frame: FrameType | None) -> None:
        signal.alarm(seconds)  # which ends whoever has no handler for it

    def follow() -> None:
        if os.getppid() == fork_server:  # and no child of a room's process
            signal.signal(signal.SIGUSR2, signal.SIG_DFL)
            die_with_parent()

    signal.signal(signal.SIGUSR2, begin_to_end)
    die_with_parent(signal.SIGUSR2)
    # Not when a room's process begins to work: one that is stopped before would stay.
    os.register_at_fork(after_in_child=follow)
