import signal

import pytest

from agent_worker.worker.death import death, obituary


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (None, "it could not be started"),
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-signal.SIGTERM, "killed by SIGTERM"),
        (-signal.SIGKILL, "killed by SIGKILL: by hand, or because the machine's memory ran out"),
        (-signal.SIGSEGV, "killed by SIGSEGV: a crash in native code, whose traceback is among its last lines"),
    ],
)
def test_an_exit_code_in_words(exit_code, words):
    assert death(exit_code) == words


@pytest.mark.parametrize(
    ("rooms", "lines", "text"),
    [
        ((), (), "no room: process 7 hangs. Its last lines:\n  (none)"),
        (("alice",), ("a", "b"), "room alice: process 7 hangs. Its last lines:\n  | a\n  | b"),
        (("alice", "bob"), ("a",), "rooms alice, bob: process 7 hangs. Its last lines:\n  | a"),
    ],
)
def test_what_is_written_of_the_dead(rooms, lines, text):
    assert obituary(rooms, 7, "hangs", lines) == text
