"""The judge of the end-to-end tests must see what it judges: a hold, a loss and a repetition of 40 ms."""

import numpy as np
import pytest

from tests.support.alignment import RATE, Match, align, joint, lags, loudness

HOLD = np.zeros(RATE, dtype=np.int16)


def speech() -> np.ndarray:
    """Ten seconds of noise that swells and falls as syllables do."""
    random = np.random.default_rng(7)
    time = np.arange(10 * RATE) / RATE
    return (
        (4000 * random.standard_normal(len(time)) * (0.3 + np.abs(np.sin(3 * time))))
        .clip(-30000, 30000)
        .astype(np.int16)
    )


def heard_with(sent: np.ndarray, shift: float) -> np.ndarray:
    """A hold of a second at 5 s, after which speech goes on that much later (or earlier) than it should."""
    at = 5 * RATE
    on = at + round(shift * RATE)
    return np.concatenate((HOLD[: RATE // 2], sent[:at], HOLD, sent[on:]))


@pytest.mark.parametrize(("shift", "found"), [(0.0, 1.0), (0.04, 0.96), (-0.04, 1.04)])
def test_a_hold_is_seen_as_two_lags(shift: float, found: float):
    sent = speech()
    first, second = lags(align(sent, heard_with(sent, shift)))
    assert second - first == pytest.approx(found, abs=0.001)


def test_a_clean_hold_joins_exactly():
    sent = speech()
    heard = heard_with(sent, 0.0)
    hold = joint(align(sent, heard), heard)
    assert hold.stopped_at == pytest.approx(hold.went_on_at, abs=0.011)


def test_a_loss_shows_as_loud_sound_left_out():
    sent = speech()
    heard = heard_with(sent, 0.06)
    hold = joint(align(sent, heard), heard)
    assert loudness(sent, hold.stopped_at + 0.02, hold.went_on_at - 0.02) > 400


def test_a_repetition_shows_as_going_back():
    sent = speech()
    heard = heard_with(sent, -0.06)
    hold = joint(align(sent, heard), heard)
    assert hold.went_on_at < hold.stopped_at - 0.02


def test_a_piece_torn_by_a_hold_is_no_lag_of_its_own_though_it_is_like_another_place():
    sent = speech()
    matches = align(sent, heard_with(sent, 0.0))
    torn = next(i for i in range(1, len(matches)) if matches[i].lag - matches[0].lag > 0.5)
    elsewhere = Match(matches[torn - 1].sent_at + 0.05, matches[torn].heard_at + 2.5, 0.81)
    first, second = lags([*matches[:torn], elsewhere, *matches[torn:]])
    assert second - first == pytest.approx(1.0, abs=0.001)


def test_a_repetition_of_less_than_half_a_second_is_a_lag():
    sent = speech()
    heard = np.concatenate((sent[: 5 * RATE], sent[5 * RATE - RATE * 4 // 10 :]))
    assert len(lags(align(sent, heard))) == 2
