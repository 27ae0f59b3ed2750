import numpy as np
import pytest

from agent_worker.audio import from_bytes
from agent_worker.realtime.base import AppendAudio, ClearAudio, CommitAudio, RealtimeCommand
from agent_worker.session.turn_audio import TurnAudio

RATE = 24_000
FRAME = 480


class Line:
    """A microphone whose samples count up, and what was sent of it."""

    def __init__(self) -> None:
        self.sent: list[RealtimeCommand] = []
        self.audio = TurnAudio(rate=RATE, send=self.sent.append)
        self.frames = 0

    def hear(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.frames += 1
            self.audio.push(np.full(FRAME, self.frames, dtype=np.int16), self.frames * 0.02)

    def sent_frames(self) -> list[int]:
        return [int(from_bytes(command.pcm)[0]) for command in self.sent if isinstance(command, AppendAudio)]


def test_a_turn_begins_before_its_first_sound():
    """T-1."""
    line = Line()
    line.hear(3.0)
    line.audio.open(2.8)
    line.hear(0.2)
    assert line.audio.commit()
    assert line.sent_frames() == list(range(126, 161))
    assert isinstance(line.sent[-1], CommitAudio)


def test_what_is_confirmed_late_is_still_there_up_to_a_second():
    """T-1."""
    line = Line()
    line.hear(10.0)
    line.audio.open(2.0)
    assert len(line.sent_frames()) == pytest.approx(50, abs=1)


def test_silence_between_turns_is_not_sent():
    line = Line()
    line.hear(1.0)
    line.audio.open(1.0)
    line.hear(0.3)
    line.audio.commit()
    before = len(line.sent)
    line.hear(5.0)
    assert len(line.sent) == before


@pytest.mark.parametrize("seconds", [0.0, 0.08])
def test_less_than_a_tenth_of_a_second_is_not_committed(seconds: float):
    """T-5."""
    line = Line()
    line.audio.open(0.0)
    line.hear(seconds)
    assert not line.audio.commit()
    assert not any(isinstance(command, CommitAudio) for command in line.sent)


def test_a_turn_that_was_nothing_is_cleared_if_anything_was_sent():
    line = Line()
    line.audio.open(0.0)
    line.audio.clear()
    assert line.sent == []
    line.audio.open(0.0)
    line.hear(0.1)
    line.audio.clear()
    assert isinstance(line.sent[-1], ClearAudio)
    assert not line.audio.is_open


def test_a_model_that_finds_the_turns_gets_everything_at_once():
    """T-1, mode "server": turns open and end without a word from here."""
    line = Line()
    line.audio.follow(everything=True)
    line.hear(1.0)
    line.audio.open(0.5)
    line.hear(0.5)
    line.audio.clear()
    assert line.sent_frames() == list(range(1, 76))
    assert all(isinstance(command, AppendAudio) for command in line.sent)


def test_silence_in_its_place_is_as_long():
    """I-12."""
    line = Line()
    line.audio.follow(everything=True)
    line.audio.silenced = True
    line.hear(0.1)
    line.audio.silenced = False
    line.hear(0.1)
    assert line.sent_frames() == [0] * 5 + list(range(6, 11))


def test_an_open_turn_is_forgotten_when_the_model_takes_over():
    line = Line()
    line.hear(1.0)
    line.audio.open(1.0)
    line.audio.follow(everything=True)
    assert isinstance(line.sent[-1], ClearAudio)
    line.audio.follow(everything=False)
    line.hear(0.5)
    line.audio.open(1.5)
    # What was heard before is not sent again.
    assert line.sent_frames()[-15:] == list(range(61, 76))
