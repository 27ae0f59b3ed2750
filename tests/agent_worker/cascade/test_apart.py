"""Recognisers in another process, over its real socket."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent_worker.audio import Samples
from agent_worker.cascade.apart import Load, RecogniserProcesses
from agent_worker.cascade.base import Heard, Recogniser
from agent_worker.errors import SpeechError

SECONDS = 30.0


class Counts:
    """Hears how much there was; fails at silence."""

    name = "counts"

    def __init__(self) -> None:
        self._heard = 0

    def start(self) -> None:
        self._heard = 0

    def feed(self, samples: Samples) -> None:
        self._heard += int(np.count_nonzero(samples))

    def partial(self) -> str:
        return f"{self._heard} so far, in {os.getpid()}"

    def finish(self) -> Heard:
        if not self._heard:
            raise ValueError("nothing there")
        return Heard(text=str(self._heard), raw=str(self._heard), confidence=0.5)


def counts() -> Recogniser:
    return Counts()


def nothing() -> Recogniser | None:
    return None


def broken() -> Recogniser:
    raise OSError("no model")


def ones(count: int) -> Samples:
    return np.ones(count, dtype=np.int16)


def heard(recogniser: Recogniser, count: int) -> str:
    recogniser.start()
    recogniser.feed(ones(count))
    return recogniser.finish().text


def host_of(recogniser: Recogniser) -> int:
    return int(recogniser.partial().rsplit(" ", 1)[1])


@pytest.fixture(scope="module")
def processes() -> Iterator[RecogniserProcesses]:
    with RecogniserProcesses(counts, 2) as both:
        yield both


def test_each_session_has_its_own_and_none_is_in_this_process(processes: RecogniserProcesses) -> None:
    first, second, third = (processes.recogniser() for _ in range(3))
    for each in (first, second):
        each.start()
    first.feed(ones(30))
    second.feed(ones(40))
    first.feed(ones(3))
    assert first.partial().startswith("33 so far")
    assert (second.finish().text, first.finish().text) == ("40", "33")
    assert first.name == "counts"
    assert os.getpid() not in (hosts := [host_of(first), host_of(second), host_of(third)])
    assert hosts[0] == hosts[2] != hosts[1]


def test_a_recogniser_that_fails_costs_its_session_one_error(processes: RecogniserProcesses) -> None:
    failing, other = processes.recogniser(), processes.recogniser()
    failing.start()
    with pytest.raises(SpeechError, match="nothing there"):
        failing.finish()
    with pytest.raises(SpeechError, match="gone"):
        heard(failing, 5)
    assert heard(other, 5) == "5"


def test_many_at_once(processes: RecogniserProcesses) -> None:
    found: list[str] = []

    def session(number: int) -> None:
        found.append(heard(processes.recogniser(), number))

    threads = [threading.Thread(target=session, args=(number,)) for number in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(map(int, found)) == list(range(1, 13))


def test_a_process_that_dies_is_replaced_and_all_end_with_their_context() -> None:
    with RecogniserProcesses(counts, 1) as single:
        recogniser = single.recogniser()
        os.kill(host_of(recogniser), signal.SIGKILL)
        with pytest.raises(SpeechError, match="gone"):
            heard(recogniser, 5)
        again = single.recogniser()
        assert heard(again, 7) == "7"
        host = host_of(again)
    deadline = time.monotonic() + SECONDS
    while Path(f"/proc/{host}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{host}").exists()


@pytest.mark.parametrize(("load", "why"), [(nothing, "no recogniser"), (broken, "no model")])
def test_what_cannot_be_made_is_said(load: Load, why: str) -> None:
    with RecogniserProcesses(load, 1) as single, pytest.raises(SpeechError, match=why):
        single.recogniser()
