import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_hint_is_sent_ahead_and_becomes_the_turn_without_a_word_twice():
    """T-1."""
    line = Line()
    line.hear(3.0)
    line.audio.hint(3.0)
    assert line.sent_frames() == list(range(132, 151))
    line.hear(0.06)
    line.audio.open(2.98)
    line.hear(0.2)
    assert line.audio.is_open
    assert line.audio.commit()
    assert line.sent_frames() == list(range(132, 164))
    assert [type(command) for command in line.sent if not isinstance(command, AppendAudio)] == [CommitAudio]
    line.hear(0.3)
    line.audio.open(3.5)
    assert line.sent_frames()[32:] == list(range(164, 179)), "nothing of the turn before"


def test_a_hint_that_comes_to_nothing_is_taken_back_and_the_next_is_not_believed_at_once():
    line = Line()
    line.hear(1.0)
    line.audio.hint(1.0)
    line.hear(0.3)
    assert [type(command) for command in line.sent[-2:]] == [AppendAudio, ClearAudio]
    assert not line.audio.is_open
    before = len(line.sent)
    for _ in range(45):
        line.audio.hint(line.frames * 0.02)
        line.hear(0.02)
    assert len(line.sent) == before
    line.hear(0.2)
    line.audio.hint(line.frames * 0.02)
    assert len(line.sent) > before


def test_a_turn_after_a_hint_that_was_taken_back_has_its_beginning():
    line = Line()
    line.hear(1.0)
    line.audio.hint(1.0)
    line.hear(0.3)
    line.sent.clear()
    line.audio.open(1.0)
    assert line.sent_frames() == list(range(35, 66))


def test_a_turn_that_began_long_before_its_hint_is_sent_whole():
    line = Line()
    line.hear(2.0)
    line.audio.hint(2.0)
    line.audio.open(1.5)
    (back,) = (number for number, command in enumerate(line.sent) if isinstance(command, ClearAudio))
    line.sent = line.sent[back:]
    assert line.sent_frames() == list(range(61, 101))


def test_what_was_sent_ahead_is_forgotten_when_the_model_takes_over():
    line = Line()
    line.hear(1.0)
    line.audio.hint(1.0)
    line.audio.follow(everything=True)
    assert isinstance(line.sent[-1], ClearAudio)
    line.audio.take_back()
    line.hear(0.02)
    assert isinstance(line.sent[-1], AppendAudio)


class Buffer:
    """The model's input buffer: what is committed must be what was heard, once, from early enough."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.committed: list[list[int]] = []

    def take(self, command: RealtimeCommand) -> None:
        match command:
            case AppendAudio(pcm=pcm):
                self.held.append(int(from_bytes(pcm)[0]))
            case ClearAudio():
                self.held = []
            case CommitAudio():
                self.committed.append(self.held)
                self.held = []
            case _:
                raise AssertionError(command)


STEPS = st.sampled_from(["hear", "hear", "hear", "hint", "open", "commit", "clear", "back"])


@given(st.lists(STEPS, max_size=150))
def test_whatever_was_hinted_a_committed_turn_is_whole_and_nothing_else(steps: list[str]):
    buffer = Buffer()
    audio = TurnAudio(rate=RATE, send=buffer.take)
    frames, began, free = 0, None, 1
    for step in ["hear"] * 20 + steps:
        now, was_open = frames * 0.02, audio.is_open
        match step:
            case "hear":
                frames += 1
                audio.push(np.full(FRAME, frames, dtype=np.int16), frames * 0.02)
            case "hint":
                audio.hint(now)
            case "open" if not audio.is_open:
                audio.open(now)
                began = frames
            case "commit" if audio.is_open and audio.commit():
                turn = buffer.committed.pop()
                assert turn == list(range(turn[0], frames + 1)), "each frame once, in order, to the last"
                assert began is not None
                # A turn does not reach back into the one before it, else its prefix is there.
                assert turn[0] <= max(began, free)
                assert buffer.held == []
            case "clear" if audio.is_open:
                audio.clear()
                assert buffer.held == []
            case "back" if not audio.is_open:
                audio.take_back()
                assert buffer.held == []
            case _:
                pass
        if was_open and not audio.is_open:
            free = frames + 1
