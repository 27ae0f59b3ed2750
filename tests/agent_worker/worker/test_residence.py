"""Memory that only the start of a process needed: what may be given back, and that nothing breaks by it."""

import subprocess
import sys

import pytest

from agent_worker.worker.residence import unchanged_files
from tests.support.missing import missing


def mapping(permissions: str, inode: int, path: str, anonymous: int) -> list[str]:
    return [
        f"7f0000001000-7f0000003000 {permissions} 00000000 08:01 {inode}   {path}\n",
        "Size:                  8 kB\n",
        "Rss:                   8 kB\n",
        f"Anonymous:             {anonymous} kB\n",
        "VmFlags: rd ex mr mw me sd\n",
    ]


@pytest.mark.parametrize(
    ("lines", "is_given_back"),
    [
        pytest.param(mapping("r-xp", 7, "/usr/lib/libx.so", 0), True, id="code"),
        pytest.param(mapping("r--p", 7, "/usr/lib/a name.so", 0), True, id="constants"),
        pytest.param(mapping("r--p", 7, "/usr/lib/libx.so", 4), False, id="relocated: the file has something else"),
        pytest.param(mapping("rw-p", 7, "/usr/lib/libx.so", 0), False, id="variables"),
        pytest.param(mapping("r--s", 7, "/dev/shm/x", 0), False, id="shared with others"),
        pytest.param(mapping("rw-p", 0, "[heap]", 0), False, id="memory"),
        pytest.param(mapping("r-xp", 0, "[vdso]", 0), False, id="the kernel's"),
    ],
)
def test_what_can_be_read_again_is_given_back(lines: list[str], is_given_back: bool) -> None:
    assert list(unchanged_files(lines)) == ([(0x7F0000001000, 0x7F0000003000)] if is_given_back else [])


PROGRAM = """
import ctypes, hashlib, json, ssl
import numpy as np
from agent_worker.worker.machine import resident_bytes
from agent_worker.worker.residence import give_back
import os
ones = np.ones((300, 300))
whole = resident_bytes(os.getpid())
give_back()
print(whole - resident_bytes(os.getpid()))
assert (ones @ ones).sum() == 300**3
assert hashlib.sha256(b"").hexdigest() and json.loads("[1]") and ssl.create_default_context()
"""


def test_a_process_gets_smaller_and_goes_on() -> None:
    if sys.platform != "linux":
        missing("memory is given back on Linux alone")
    ran = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60)
    assert int(ran.stdout) > 1_000_000
