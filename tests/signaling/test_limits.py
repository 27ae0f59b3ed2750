"""Rates and quotas, in numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.limits import AddressQuota, SocketSettings, TokenBucket


def test_a_burst_passes_and_then_the_rate():
    bucket = TokenBucket(rate=2.0, burst=3, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(10.25) == pytest.approx(0.25)
    assert bucket.take(10.5) == 0.0
    assert bucket.take(1000.0) == 0.0
    assert [bucket.take(1000.0) for _ in range(3)] == [0.0, 0.0, 0.5]


@given(st.lists(st.floats(0.0, 3.0), max_size=200), st.floats(0.5, 100.0), st.integers(1, 50))
def test_never_more_than_the_burst_and_the_rate_together(gaps: list[float], rate: float, burst: int):
    bucket = TokenBucket(rate, burst, now=0.0)
    now, passed = 0.0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now) == 0.0
    assert passed <= burst + now * rate + 1e-6


def test_strangers_and_sockets_are_counted_per_address():
    quota = AddressQuota(SocketSettings(sockets_per_address=3, unauthenticated_per_address=2))
    first, second = quota.enter("a"), quota.enter("a")
    assert first is not None
    assert second is not None
    assert quota.enter("a") is None
    assert quota.enter("b") is not None
    first.introduce()
    third = quota.enter("a")
    assert third is not None
    second.introduce()
    assert quota.enter("a") is None, "three sockets are all that an address has"
    first.end()
    first.end()
    assert quota.enter("a") is not None
    assert quota.enter("a") is None


def test_an_address_that_is_gone_is_forgotten():
    quota = AddressQuota(SocketSettings())
    for number in range(100):
        visit = quota.enter(str(number))
        assert visit is not None
        if number % 2:
            visit.introduce()
        visit.end()
    assert not any(vars(quota)[name] for name in ("_open", "_strangers"))
