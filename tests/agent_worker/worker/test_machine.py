"""The machine's figures, from a control group's files as the kernel writes them, and from this very machine."""

import os
import time

import psutil
import pytest

from agent_worker.worker.machine import Machine, resident_bytes


def test_a_container_is_measured_by_what_it_may_use(tmp_path):
    for name, text in {
        "cpu.max": "10000 100000\n",
        "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\n",
        "memory.max": "1000000\n",
        "memory.current": "700000\n",
        "memory.stat": "anon 400000\ninactive_file 200000\n",
    }.items():
        (tmp_path / name).write_text(text)
    reading = Machine(tmp_path).read()
    assert (reading.cores, reading.cpu_seconds, reading.memory) == (0.1, 2.5, 0.5)


def test_without_limits_the_whole_machine_counts(tmp_path):
    machine = Machine(tmp_path)
    before = machine.read()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    after = machine.read()
    assert after.cores == os.cpu_count()
    assert after.cpu_seconds - before.cpu_seconds >= 0.1
    assert after.memory == pytest.approx(psutil.virtual_memory().percent / 100, abs=0.2)


def test_this_machine_can_be_read():
    assert 0.0 <= Machine().read().memory <= 1.0


def test_a_process_that_is_gone_has_no_memory():
    assert resident_bytes(os.getpid()) > 1_000_000
    assert resident_bytes(2**22 - 1) == 0
