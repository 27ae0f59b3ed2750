"""The queue of the agent's sound: what is pulled is what was written, whatever happens between (I-1, I-6, I-7)."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.audio import Samples, silence
from agent_worker.media.ledger import NeverPlayed, Part, Truncated, truncations
from agent_worker.media.playout import Playout, PlayoutEvent, PlayoutFinished, PlayoutStarted
from agent_worker.media.settings import OPUS_RATES

RATE = 24_000
FRAME = 480
FADE = 192
PART = Part("item", 0)


def tone(samples: int, *, hertz: float = 440.0, level: int = 8000) -> Samples:
    return np.rint(level * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE)).astype(np.int16)


def ramp(samples: int, start: int = 1) -> Samples:
    """Samples of which no two near ones are equal, so that a lost or repeated one shows."""
    return (np.arange(start, start + samples) % 20_000 + 1000).astype(np.int16)


@dataclass
class Rig:
    """A playout, and a listener who knows of each pulled sample whether it was speech."""

    capacity_seconds: float = 600.0
    rewind_seconds: float = 5.0
    events: list[PlayoutEvent] = field(default_factory=list)
    frames: list[Samples] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.playout = Playout(
            capacity_seconds=self.capacity_seconds, rewind_seconds=self.rewind_seconds, on_event=self.events.append
        )

    def pull(self, times: int = 1) -> Samples:
        pulled = [self.playout.pull() for _ in range(times)]
        self.frames += pulled
        return np.concatenate(pulled)

    def speak(self, samples: Samples, *, speech: str = "s", part: Part = PART, end: bool = True) -> None:
        assert self.playout.write(speech, part, samples) == len(samples)
        if end:
            self.playout.end(speech)

    @property
    def sound(self) -> Samples:
        return np.concatenate(self.frames)


def test_what_is_written_is_pulled_sample_by_sample() -> None:
    rig = Rig()
    speech = ramp(5 * FRAME)
    rig.speak(speech)
    np.testing.assert_array_equal(rig.pull(5), speech)
    assert rig.events == [PlayoutStarted("s"), PlayoutFinished("s")]
    assert not rig.pull(2)[FADE:].any()


def test_frames_are_always_480_samples() -> None:
    rig = Rig()
    assert len(rig.pull()) == FRAME
    rig.speak(ramp(7))
    assert len(rig.pull()) == FRAME
    assert rig.pull().dtype == np.int16


def test_an_unfinished_write_is_continued_at_the_next_sample() -> None:
    rig = Rig()
    speech = tone(10 * FRAME)
    rig.speak(speech[: 3 * FRAME], end=False)
    rig.pull(2)
    rig.speak(speech[3 * FRAME :])
    rig.pull(8)
    np.testing.assert_array_equal(rig.sound, speech)
    assert rig.playout.statistics().starvations == 0


def test_speeches_play_one_after_the_other() -> None:
    rig = Rig()
    rig.speak(ramp(FRAME), speech="one", end=False)
    rig.speak(ramp(FRAME, 5000), speech="two", part=Part("other", 0))
    rig.pull(1)
    rig.playout.write("one", PART, ramp(FRAME, 481))
    rig.playout.end("one")
    rig.pull(2)
    np.testing.assert_array_equal(rig.sound[: 2 * FRAME], ramp(2 * FRAME))
    np.testing.assert_array_equal(rig.sound[2 * FRAME + FADE :], ramp(FRAME, 5000)[FADE:])
    assert rig.events == [
        PlayoutStarted("one"),
        PlayoutFinished("one"),
        PlayoutStarted("two"),
        PlayoutFinished("two"),
    ]


def test_a_speech_that_ends_loud_does_not_click_into_the_next() -> None:
    rig = Rig()
    rig.speak(np.full(FRAME, 8000, dtype=np.int16), speech="one")
    rig.speak(np.zeros(FRAME, dtype=np.int16), speech="two")
    rig.pull(2)
    assert np.abs(np.diff(rig.sound.astype(int))).max() <= 8000 / FADE + 1


def test_a_speech_without_sound_finishes_at_the_next_pull() -> None:
    rig = Rig()
    rig.playout.end("mute")
    assert rig.events == []
    rig.pull()
    assert rig.events == [PlayoutFinished("mute")]


def test_an_end_that_comes_late_finishes_the_speech() -> None:
    rig = Rig()
    rig.speak(ramp(FRAME), end=False)
    rig.pull(3)
    assert rig.events == [PlayoutStarted("s")]
    rig.playout.end("s")
    rig.pull()
    assert rig.events == [PlayoutStarted("s"), PlayoutFinished("s")]


def test_a_listener_of_events_may_act_at_once() -> None:
    playout: Playout

    def on_event(event: PlayoutEvent) -> None:
        if event == PlayoutStarted("s"):
            playout.drop()

    playout = Playout(on_event=on_event)
    playout.write("s", PART, ramp(10 * FRAME))
    np.testing.assert_array_equal(playout.pull(), ramp(FRAME))
    assert not playout.pull()[2 * FADE :].any()
    assert playout.buffered_seconds == 0


class TestHold:
    def test_silence_within_one_frame(self) -> None:
        rig = Rig()
        rig.speak(tone(20 * FRAME))
        rig.pull(5)
        rig.playout.hold()
        fading = rig.pull()
        assert fading[:FADE].any()
        assert np.abs(fading[FADE:]).max() < 100
        assert not rig.pull(50).any()
        assert rig.playout.held

    def test_resume_goes_on_at_the_very_next_sample(self) -> None:
        rig = Rig()
        speech = ramp(20 * FRAME)
        rig.speak(speech)
        rig.pull(5)
        rig.playout.hold()
        rig.pull(50)
        rig.playout.resume()
        resumed = rig.pull(30)
        played_before = 5 * FRAME + FADE
        rest = speech[played_before:]
        np.testing.assert_array_equal(resumed[FADE : len(rest)], rest[FADE:])
        gains = resumed[:FADE] / rest[:FADE]
        assert (np.diff(gains) > -0.01).all(), "the gain only rises"
        assert rig.events == [PlayoutStarted("s"), PlayoutFinished("s")]

    def test_both_are_idempotent(self) -> None:
        rig = Rig()
        rig.speak(ramp(20 * FRAME))
        rig.playout.resume(rewind_seconds=1.0)
        rig.pull(2)
        rig.playout.hold()
        rig.playout.hold()
        rig.pull(2)
        rig.playout.resume(0.01)
        rig.playout.resume(0.01)
        statistics = rig.playout.statistics()
        assert (statistics.holds, statistics.resumes) == (1, 1)
        assert rig.playout.played_ms("item") == 20 * 2 + 8 - 10

    def test_a_hold_shorter_than_a_slot_is_not_heard(self) -> None:
        rig = Rig()
        rig.speak(tone(10 * FRAME))
        rig.pull(3)
        rig.playout.hold()
        rig.playout.resume()
        rig.pull(7)
        np.testing.assert_array_equal(rig.sound, tone(10 * FRAME))

    def test_before_the_first_frame_everything_is_kept_and_nothing_played(self) -> None:  # I-9
        rig = Rig()
        rig.playout.hold()
        rig.pull(2)
        rig.speak(ramp(5 * FRAME))
        assert not rig.pull(10).any()
        assert rig.events == []
        assert rig.playout.buffered_seconds == pytest.approx(0.1)
        rig.playout.resume()
        np.testing.assert_array_equal(rig.pull(5), ramp(5 * FRAME))

    def test_a_speech_whose_last_samples_go_in_the_fade_is_finished(self) -> None:
        rig = Rig()
        rig.speak(ramp(FRAME + 10))
        rig.pull()
        rig.playout.hold()
        rig.pull()
        assert rig.events == [PlayoutStarted("s"), PlayoutFinished("s")]
        assert rig.playout.held


class TestRewind:
    def test_steps_back_that_far(self) -> None:
        rig = Rig()
        speech = ramp(20 * FRAME)
        rig.speak(speech)
        rig.pull(10)
        rig.playout.hold()
        rig.pull(3)
        rig.playout.resume(rewind_seconds=0.1)
        resumed = rig.pull(2)
        begin = 10 * FRAME + FADE - 2400
        np.testing.assert_array_equal(resumed[FADE:], speech[begin + FADE : begin + 2 * FRAME])

    def test_the_ledger_goes_back_too(self) -> None:
        rig = Rig()
        rig.speak(ramp(20 * FRAME))
        rig.pull(10)
        rig.playout.hold()
        rig.pull()
        rig.playout.resume(rewind_seconds=0.1)
        assert rig.playout.played_ms("item") == 200 + 8 - 100
        assert rig.playout.buffered_seconds == pytest.approx(0.4 - 0.2 - 0.008 + 0.1)

    def test_never_before_the_start_of_the_speech(self) -> None:
        rig = Rig()
        rig.speak(ramp(FRAME), speech="before", part=Part("before", 0))
        rig.pull(1)
        speech = ramp(10 * FRAME, 9000)
        rig.speak(speech)
        rig.pull(3)
        rig.playout.hold()
        rig.pull()
        rig.playout.resume(rewind_seconds=3.0)
        np.testing.assert_array_equal(rig.pull(10)[FADE:], speech[FADE:])
        assert rig.playout.played_ms("before") == 20

    def test_only_what_was_kept(self) -> None:
        rig = Rig(rewind_seconds=0.1)
        rig.speak(ramp(100 * FRAME))
        rig.pull(50)
        rig.playout.hold()
        rig.pull()
        rig.playout.resume(rewind_seconds=10.0)
        assert rig.playout.played_ms("item") == 1008 - 100

    def test_over_the_joint_of_two_parts(self) -> None:
        rig = Rig()
        rig.speak(ramp(FRAME), part=Part("item", 0), end=False)
        rig.speak(ramp(FRAME, 481), part=Part("item", 1), end=False)
        rig.speak(ramp(FRAME, 961), part=Part("next", 0))
        rig.pull(2)
        rig.playout.hold()
        rig.playout.resume(rewind_seconds=0.03)
        counted = {(part.item_id, part.content_index): count.played for part, count in rig.playout.ledger.progress()}
        assert counted == {("item", 0): 240, ("item", 1): 0, ("next", 0): 0}
        np.testing.assert_array_equal(rig.pull(3)[FADE : 2 * FRAME + 240], ramp(3 * FRAME)[240 + FADE :])


class TestDrop:
    def test_fades_out_in_the_next_frame_and_forgets_the_rest(self) -> None:  # I-6
        rig = Rig()
        rig.speak(np.full(50 * FRAME, 8000, dtype=np.int16), end=False)
        rig.pull(5)
        rig.playout.drop()
        assert rig.playout.buffered_seconds == 0
        fading = rig.pull()
        np.testing.assert_allclose(fading[:FADE], 8000 - 8000 * np.arange(FADE) / FADE, atol=50)
        assert np.abs(fading[FADE:]).max() < 50
        assert not rig.pull(10).any()
        assert rig.events == [PlayoutStarted("s")]

    def test_what_comes_late_is_refused(self) -> None:
        rig = Rig()
        rig.speak(tone(50 * FRAME), end=False)
        rig.pull(5)
        rig.playout.drop()
        assert rig.playout.write("s", PART, tone(FRAME)) == 0
        rig.playout.end("s")
        rig.pull()
        assert not rig.pull(3).any()
        assert rig.playout.statistics().refused_samples == FRAME
        assert rig.events == [PlayoutStarted("s")]

    def test_the_ledger_says_at_once_what_was_heard(self) -> None:
        rig = Rig()
        rig.speak(tone(50 * FRAME), end=False)
        rig.speak(tone(FRAME), part=Part("later", 0))
        rig.pull(5)
        rig.playout.drop()
        told = truncations(rig.playout.ledger.progress(), RATE)
        assert told == [Truncated(item_id="item", content_index=0, audio_end_ms=108), NeverPlayed("later")]
        rig.pull(5)
        assert truncations(rig.playout.ledger.progress(), RATE) == told

    def test_while_held_nothing_more_is_heard(self) -> None:
        rig = Rig()
        rig.speak(tone(50 * FRAME))
        rig.pull(5)
        rig.playout.hold()
        rig.pull(2)
        rig.playout.drop()
        assert not rig.playout.held
        assert not rig.pull(10).any()
        assert rig.playout.played_ms("item") == 108

    def test_the_next_speech_plays_on(self) -> None:
        rig = Rig()
        rig.speak(tone(50 * FRAME), speech="cut", end=False)
        rig.pull(5)
        rig.playout.drop()
        rig.speak(ramp(2 * FRAME), speech="next", part=Part("next", 0))
        rig.pull()
        np.testing.assert_array_equal(rig.pull(2)[FADE:], ramp(2 * FRAME)[FADE:])
        assert rig.events == [PlayoutStarted("cut"), PlayoutStarted("next"), PlayoutFinished("next")]

    def test_with_nothing_to_say_only_the_hold_ends(self) -> None:
        rig = Rig()
        rig.playout.hold()
        rig.playout.drop()
        assert not rig.playout.held
        rig.speak(ramp(FRAME))
        np.testing.assert_array_equal(rig.pull(), ramp(FRAME))


def test_beyond_the_capacity_a_speech_is_cut_short_and_has_no_hole() -> None:
    rig = Rig(capacity_seconds=0.1)
    speech = ramp(4800)
    assert rig.playout.write("s", PART, speech) == 2400
    rig.pull(3)
    assert rig.playout.write("s", PART, ramp(100, 4801)) == 0
    rig.playout.end("s")
    rig.pull(5)
    np.testing.assert_array_equal(rig.sound[:2400], speech[:2400])
    assert not rig.sound[2400 + FADE :].any()
    assert rig.playout.statistics().refused_samples == 2500
    assert truncations(rig.playout.ledger.progress(), RATE) == [
        Truncated(item_id="item", content_index=0, audio_end_ms=100)
    ]


def test_starving_is_counted_once_and_smoothed() -> None:
    rig = Rig()
    speech = tone(3 * FRAME, hertz=210.0)
    rig.speak(speech[:700], end=False)
    rig.pull(10)
    rig.speak(speech[700:])
    rig.pull(10)
    assert rig.playout.statistics().starvations == 1
    assert np.abs(np.diff(rig.sound.astype(int))).max() <= np.abs(np.diff(speech.astype(int))).max() + 1
    np.testing.assert_array_equal(rig.sound[:700], speech[:700])
    np.testing.assert_array_equal(rig.sound[10 * FRAME + FADE :][: len(speech) - 700 - FADE], speech[700 + FADE :])


# Properties: any sequence of writes, holds, resumes and pulls. -------------------------------------------------

actions = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 2000)),
        st.tuples(st.just("pull"), st.integers(1, 8)),
        st.tuples(st.sampled_from(["hold", "resume", "end"]), st.just(0)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=200)
@given(actions)
def test_nothing_is_lost_or_repeated_over_any_holds(sequence: list[tuple[str, int]]) -> None:
    """Of each frame the ledger says how many speech samples it holds; in order they are the speech itself.

    Under a fade or a ramp a sample is changed, but never beyond what is allowed: attenuated, or, where a ramp of the
    sound before is added, at most `FADE` samples after a joint.
    """
    rig = Rig()
    written = 0
    heard = 0
    ended = False
    exact = 0
    for action, amount in [*sequence, ("resume", 0), ("pull", 200)]:
        match action:
            case "write" if not ended:
                rig.speak(ramp(amount, written), end=False)
                written += amount
            case "pull":
                for _ in range(amount):
                    frame = rig.pull()
                    pulled = rig.playout.statistics().played_samples - heard
                    assert not frame[pulled + FADE :].any(), "beyond the speech and its ramp there is silence"
                    same = frame[:pulled] == ramp(pulled, heard)
                    assert same[FADE:pulled].all() or pulled <= FADE
                    exact += int(same.sum())
                    heard += pulled
                    assert sum(count.played for _, count in rig.playout.ledger.progress()) == heard
            case "hold":
                rig.playout.hold()
            case "resume":
                rig.playout.resume()
            case "end":
                rig.playout.end("s")
                ended = True
            case _:
                pass
    statistics = rig.playout.statistics()
    assert heard == written
    # Only joints change samples: each hold, resume and starvation at most one fade of them, on both its sides.
    joints = statistics.holds + statistics.resumes + 2 * statistics.starvations
    assert written - exact <= FADE * joints


@settings(deadline=None, max_examples=200)
@given(actions, st.integers(1, 60))
def test_no_joint_clicks(sequence: list[tuple[str, int]], hertz: int) -> None:
    """The largest step between two samples is one that the speech itself makes, or that of a ramp from its level."""
    rig = Rig()
    speech = tone(100_000, hertz=hertz * 10.0)
    written = 0
    for action, amount in [*sequence, ("drop", 0), ("pull", 3)]:
        match action:
            case "write":
                rig.playout.write("s", PART, speech[written : written + amount])
                written += amount
            case "pull":
                rig.pull(amount)
            case "hold":
                rig.playout.hold()
            case "resume":
                rig.playout.resume(rewind_seconds=0.05)
            case "drop":
                rig.playout.drop()
            case _:
                pass
    own_step = np.abs(np.diff(speech.astype(int))).max()
    ramp_step = 8000 / FADE
    if rig.frames:
        assert np.abs(np.diff(rig.sound.astype(int))).max() <= own_step + 2 * ramp_step + 2


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 30), st.integers(0, 5), st.booleans(), st.lists(st.integers(1, 3000), max_size=10))
def test_nothing_of_a_dropped_speech_is_heard_after_its_fade(
    pulls: int, held_pulls: int, hold: bool, late: list[int]
) -> None:
    rig = Rig()
    rig.speak(ramp(20 * FRAME), end=False)
    if pulls:
        rig.pull(pulls)
    if hold:
        rig.playout.hold()
        if held_pulls:
            rig.pull(held_pulls)
    rig.playout.drop()
    settled = rig.playout.ledger.progress()
    rig.pull()
    for amount in late:
        rig.playout.write("s", PART, ramp(amount))
        assert not rig.pull()[FADE:].any()
    assert not rig.pull(5)[FADE:].any()
    assert rig.playout.ledger.progress() == settled


def test_silence_is_the_answer_to_nothing() -> None:
    np.testing.assert_array_equal(Rig().pull(3), silence(3 * FRAME))


@pytest.mark.parametrize("rate", OPUS_RATES)
def test_a_model_may_speak_at_any_rate_of_opus(rate: int) -> None:
    playout = Playout(rate=rate, on_event=lambda _: None)
    speech = ramp(rate)
    assert playout.write("s", PART, speech) == rate
    assert playout.buffered_seconds == 1.0
    np.testing.assert_array_equal(np.concatenate([playout.pull() for _ in range(50)]), speech)
    assert playout.played_ms("item") == 1000


def test_statistics_tell_speech_silence_and_holds_apart() -> None:
    rig = Rig()
    rig.pull(3)
    rig.speak(tone(100 * FRAME))
    rig.pull(10)
    assert rig.playout.statistics().level == pytest.approx(-15.3, abs=0.5)
    rig.playout.hold()
    rig.pull(5)
    statistics = rig.playout.statistics()
    assert (statistics.frames, statistics.silent, statistics.held) == (18, 7, 4), "the first held frame fades out"
    assert statistics.level == -96.0
    assert statistics.buffered_seconds == pytest.approx(90 * 0.02 - FADE / RATE)
