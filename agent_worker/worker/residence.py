"""What a process holds only because it has started is given back: preload, supervisor -> `give_back` -> the kernel.

Starting touches much that is never needed again: initialisers of libraries, what a model was made from. Of the fork
server's it is some 30 MiB. Linux with glibc; elsewhere nothing is done.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

__all__ = ["give_back", "unchanged_files"]

_DONT_NEED: Final = 4
"""MADV_DONTNEED (madvise(2)): of a file that was not changed here, the pages are read again when they are wanted."""


def give_back() -> None:
    """Call it once, when everything is loaded."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        return
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    library.malloc_trim(0)
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    with Path("/proc/self/smaps").open() as smaps:
        unchanged = list(unchanged_files(smaps))
    for start, end in unchanged:
        library.madvise(start, end - start, _DONT_NEED)


def unchanged_files(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where a process has files in memory that it can neither write nor has changed, as relocation does.

    Args:
        smaps: The lines of /proc/PID/smaps (proc(5)).

    Yields:
        First address, and the one after the last.
    """
    place = (0, 0)
    is_file = False
    for line in smaps:
        name, *values = line.split()
        if not name.endswith(":"):
            permissions, _, _, inode, *_ = values
            start, _, end = name.partition("-")
            place = (int(start, 16), int(end, 16))
            is_file = inode != "0" and permissions[0] == "r" and permissions[1] == "-" and permissions[3] == "p"
        elif name == "Anonymous:" and is_file and values[0] == "0":
            yield place
