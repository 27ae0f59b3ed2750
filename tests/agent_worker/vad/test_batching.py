"""Who is judged with whom. Times are milliseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.vad.batching import Batching


def told(windows: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """(when, whose windows) of each run, for windows that come at these times."""
    batching, runs = Batching[str](), list[tuple[float, str]]()

    def note(at: float, streams: tuple[str, ...]) -> None:
        if streams:
            runs.append((round(at * 1000, 3), "".join(streams)))

    for milliseconds, stream in [*windows, (1e6, "")]:
        at = milliseconds / 1000
        while (deadline := batching.deadline) is not None and deadline < at:
            note(deadline, batching.advance(deadline))
        if stream:
            note(at, batching.receive(stream, at))
    return runs


@pytest.mark.parametrize(
    ("windows", "runs"),
    [
        pytest.param([(0, "a"), (40, "a"), (60, "a")], [(0, "a"), (40, "a"), (60, "a")], id="one alone never waits"),
        pytest.param([(0, "a"), (5, "b"), (40, "a"), (45, "b")], [(0, "a"), (5, "b"), (45, "ab")], id="two together"),
        pytest.param(
            [(0, "a"), (15, "b"), (40, "a"), (55, "b")],
            [(0, "a"), (23, "b"), (48, "a"), (63, "b")],
            id="a window waits 8 ms, and no longer",
        ),
        pytest.param(
            [(0, "a"), (30, "b"), (40, "a"), (70, "b")],
            [(0, "a"), (38, "b"), (40, "a"), (78, "b")],
            id="no stream is waited for that gave a window just now",
        ),
        pytest.param(
            [(0, "a"), (1, "b"), (101, "a"), (141, "a")],
            [(0, "a"), (1, "b"), (101, "a"), (141, "a")],
            id="nor one that has fallen silent",
        ),
        pytest.param(
            [(0, "a"), (1, "b"), (2, "c"), (40, "a"), (41, "b"), (42, "c")],
            [(0, "a"), (1, "b"), (2, "c"), (42, "abc")],
            id="nobody waits once all are there",
        ),
        pytest.param(
            [(0, "a"), (5, "b"), (40, "a"), (41, "b"), (42, "b"), (43, "b")],
            [(0, "a"), (5, "b"), (41, "ab"), (42, "b"), (43, "b")],
            id="after a stall a stream does not wait",
        ),
    ],
)
def test_runs(windows: list[tuple[float, str]], runs: list[tuple[float, str]]) -> None:
    assert told(windows) == runs


def test_who_has_left_is_judged_no_more_and_not_waited_for() -> None:
    batching = Batching[str]()
    for at, stream in ((0.0, "a"), (0.001, "b"), (0.002, "c")):
        assert batching.receive(stream, at) == (stream,)
    assert batching.receive("a", 0.040) == ()
    batching.withdraw("a")
    assert batching.deadline is None
    assert batching.receive("b", 0.041) == ()
    batching.withdraw("c")
    batching.withdraw("c")
    assert batching.receive("a", 0.042) == ("b", "a"), "a is new again, and c is not waited for"


@given(st.lists(st.tuples(st.floats(0.0, 50.0), st.sampled_from("abcdef")), max_size=80))
def test_each_window_is_judged_once_in_its_turn_and_within_8_ms(steps: list[tuple[float, str]]) -> None:
    at, windows, busy = 0.0, list[tuple[float, str]](), dict[str, float]()
    for step, stream in steps:
        # One window of a stream at a time: it is judged before the next is there.
        at = max(at + step, busy.get(stream, 0.0) + 8.001)
        busy[stream] = at
        windows.append((at, stream))
    runs = told(windows)
    for stream in "abcdef":
        came = [at for at, one in windows if one == stream]
        judged = [at for at, streams in runs for one in streams if one == stream]
        assert len(came) == len(judged)
        assert all(-0.001 <= then - at <= 8.001 for at, then in zip(came, judged, strict=True))
    assert all(len(set(streams)) == len(streams) for _, streams in runs)
    assert [at for at, _ in runs] == sorted(at for at, _ in runs)
