import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.audio import Samples, silence
from agent_worker.speech.events import VoiceEvent, VoiceStarted, VoiceStopped
from agent_worker.vad.base import Window
from agent_worker.vad.detector import Detector
from agent_worker.vad.energy import EnergyVad
from agent_worker.vad.gate import Gate


def noise(samples: int) -> Samples:
    return np.random.default_rng(1).normal(0, 4000, samples).astype(np.int16)


SOUND = np.concatenate((silence(16_000), noise(8_000), silence(16_000)))


class Listening(EnergyVad):
    """Remembers its windows."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Window] = []
        self.resets = 0

    def probability(self, window: Window) -> float:
        self.heard.append(window.copy())
        return super().probability(window)

    def reset(self) -> None:
        self.resets += 1


def push(vad: EnergyVad, sizes: list[int]) -> list[VoiceEvent]:
    detector = Detector(vad, Gate())
    assert detector.rate == 16_000
    events: list[VoiceEvent] = []
    at = 0
    for size in sizes:
        piece = SOUND[at : at + size]
        at += len(piece)
        events += detector.push(piece, 100.0 + at / 16_000)
    return events


def test_a_voice_is_found_where_it_was() -> None:
    events = push(EnergyVad(), [320] * 125)
    assert isinstance(events[0], VoiceStarted)
    assert abs(events[0].at - 101.0) < 0.033
    assert isinstance(events[-1], VoiceStopped)
    assert abs(events[-1].at - 101.5) < 0.033


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3000), max_size=30))
def test_pieces_do_not_matter(sizes: list[int]) -> None:
    sizes = [*sizes, len(SOUND)]
    whole, pieces = Listening(), Listening()
    at_once, in_pieces = push(whole, [len(SOUND)]), push(pieces, sizes)
    np.testing.assert_array_equal(np.concatenate(whole.heard), np.concatenate(pieces.heard))
    assert [type(event) for event in at_once] == [type(event) for event in in_pieces]
    np.testing.assert_allclose([event.at for event in at_once], [event.at for event in in_pieces])


def test_windows_are_floats_of_full_scale_one() -> None:
    vad = Listening()
    Detector(vad, Gate()).push(np.full(512, -32768, dtype=np.int16), 0.0)
    (window,) = vad.heard
    assert window.dtype == np.float32
    assert window.shape == (512,)
    assert window.min() == window.max() == -1.0


def test_what_was_heard_before_a_loss_is_not_joined_to_what_comes_after() -> None:
    vad = Listening()
    detector = Detector(vad, Gate())
    detector.push(noise(2000), 1.0)
    assert [type(event) for event in detector.lost()] == [VoiceStopped]
    assert vad.resets == 1
    vad.heard.clear()
    detector.push(np.ones(512, dtype=np.int16), 5.0)
    np.testing.assert_array_equal(vad.heard[0], np.full(512, 1 / 32768, dtype=np.float32))
