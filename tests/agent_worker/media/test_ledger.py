"""Behaviour R-2: what was played decides what the model's history is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.media.ledger import Ledger, NeverPlayed, Part, Progress, Truncated, truncations

RATE = 24_000
A0, A1, B0 = Part("a", 0), Part("a", 1), Part("b", 0)


def progress(**counts: tuple[int, int]) -> list[tuple[Part, Progress]]:
    return [
        (Part(name[0], int(name[1])), Progress(received=received, played=played))
        for name, (received, played) in counts.items()
    ]


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"a0": (24_000, 24_000)}, [], id="all heard"),
        pytest.param({"a0": (24_000, 0)}, [NeverPlayed("a")], id="none heard"),
        pytest.param(
            {"a0": (24_000, 12_000)}, [Truncated(item_id="a", content_index=0, audio_end_ms=500)], id="half heard"
        ),
        pytest.param(
            {"a0": (24_000, 23_999)}, [Truncated(item_id="a", content_index=0, audio_end_ms=999)], id="rounded down"
        ),
        pytest.param(
            {"a0": (24_000, 23)}, [Truncated(item_id="a", content_index=0, audio_end_ms=0)], id="below 1 ms"
        ),
        pytest.param(
            {"a0": (2400, 2400), "a1": (2400, 0)},
            [Truncated(item_id="a", content_index=1, audio_end_ms=0)],
            id="second part of a heard item not heard",
        ),
        pytest.param(
            {"a0": (2400, 2400), "a1": (2400, 1200), "b0": (4800, 0)},
            [Truncated(item_id="a", content_index=1, audio_end_ms=50), NeverPlayed("b")],
            id="cut in the second part, a further item waiting",
        ),
        pytest.param({"a0": (2400, 0), "a1": (2400, 0)}, [NeverPlayed("a")], id="an item is told of once"),
    ],
)
def test_what_the_model_is_told(counted: dict[str, tuple[int, int]], told: list[object]) -> None:
    assert truncations(progress(**counted), RATE) == told


def test_progress_is_in_playing_order() -> None:
    ledger = Ledger(RATE)
    for part in (B0, A0, A1):
        ledger.received(part, 100)
    ledger.played(A0, 100)
    ledger.played(A1, 40)
    assert ledger.progress() == (
        (A0, Progress(received=100, played=100)),
        (A1, Progress(received=100, played=40)),
        (B0, Progress(received=100, played=0)),
    )


def test_what_is_rewound_does_not_count_as_heard() -> None:
    ledger = Ledger(RATE)
    ledger.received(A0, 24_000)
    ledger.played(A0, 12_000)
    ledger.rewound(A0, 2_400)
    assert ledger.played_ms("a") == 400
    ledger.rewound(A0, 24_000)
    assert truncations(ledger.progress(), RATE) == [NeverPlayed("a")]


def test_a_settled_item_is_not_reported_again() -> None:
    ledger = Ledger(RATE)
    ledger.received(A0, 100)
    ledger.received(B0, 100)
    ledger.played(A0, 50)
    ledger.forget(["a"])
    ledger.played(A0, 10)  # the fade of what was cut may still be under way
    assert ledger.progress() == ((B0, Progress(received=100, played=0)),)
    ledger.clear()
    assert ledger.progress() == ()


def test_milliseconds_of_an_item_are_those_of_all_its_parts() -> None:
    ledger = Ledger(RATE)
    for part in (A0, A1, B0):
        ledger.received(part, 24_000)
        ledger.played(part, 12_000)
    assert ledger.played_ms("a") == 1000
    assert ledger.played_ms("unknown") == 0


parts = st.sampled_from([A0, A1, B0])
moves = st.lists(st.tuples(st.sampled_from(["received", "played", "rewound"]), parts, st.integers(0, 5000)))


@given(moves)
def test_never_more_heard_than_received(sequence: list[tuple[str, Part, int]]) -> None:
    ledger = Ledger(RATE)
    for move, part, samples in sequence:
        getattr(ledger, move)(part, samples)
    counts = dict(ledger.progress())
    assert all(0 <= count.played <= count.received for count in counts.values())
    for told in truncations(ledger.progress(), RATE):
        match told:
            case Truncated(item_id=item_id, content_index=index, audio_end_ms=end):
                count = counts[Part(item_id, index)]
                assert end * RATE <= count.played * 1000 < count.received * 1000
            case NeverPlayed(item_id):
                assert not any(count.played for part, count in counts.items() if part.item_id == item_id)
