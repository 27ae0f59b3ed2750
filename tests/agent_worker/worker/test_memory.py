"""Memory is warned of now and then, not at each look, and limited where a limit is set."""

import pytest

from agent_worker.worker.memory import MIB, MemoryVerdict, MemoryWatch

FINE, WARN, KILL = MemoryVerdict.FINE, MemoryVerdict.WARN, MemoryVerdict.KILL


@pytest.mark.parametrize(
    ("warn", "limit", "looks", "verdicts"),
    [
        (100, 0, [(0.0, 100), (1.0, 101), (2.0, 102)], [FINE, WARN, FINE]),
        (100, 0, [(0.0, 101), (1.0, 150), (2.0, 151), (3.0, 160)], [WARN, FINE, WARN, FINE]),
        (100, 0, [(0.0, 101), (119.0, 101), (120.0, 101)], [WARN, FINE, WARN]),
        (100, 200, [(0.0, 101), (1.0, 200), (2.0, 201)], [WARN, WARN, KILL]),
        (0, 0, [(0.0, 10**6)], [FINE]),
        (0, 50, [(0.0, 50), (1.0, 51)], [FINE, KILL]),
    ],
)
def test_verdicts(warn, limit, looks, verdicts):
    watch = MemoryWatch(warn, limit)
    assert [watch.judge(mebibytes * MIB, now) for now, mebibytes in looks] == verdicts
