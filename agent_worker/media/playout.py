"""One pausable queue of the agent's sound, with a playhead: model audio -> write -> queue -> pull -> room.

Each 20 ms the room pulls one frame. Between two pulls the floor may hold (fade out, keep everything), resume (go
on at exactly the next sample, fade in) or drop (fade out, forget). Nothing is ever played twice or lost unless asked
for, and the ledger says what was played. Single-threaded, no clock: time here is samples.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from agent_worker.audio import (
    FRAME_SECONDS,
    MODEL_RATE,
    SILENCE_LEVEL,
    Samples,
    level_of,
    samples_in,
    seconds_of,
    silence,
)
from agent_worker.media.ledger import Ledger, Part


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first sample of a speech was pulled."""

    speech_id: str


@dataclass(frozen=True, slots=True)
class PlayoutFinished:
    """A speech was ended by its writer and has been pulled to its last sample."""

    speech_id: str


PlayoutEvent = PlayoutStarted | PlayoutFinished


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayoutStatistics:
    """Counters since the beginning."""

    frames: int = 0
    """Frames pulled, silent ones too."""
    played_samples: int = 0
    """Samples of speech pulled; those played again after a rewind count again."""
    refused_samples: int = 0
    """Samples not taken: beyond the capacity, or of a speech that was dropped or had ended."""
    starvations: int = 0
    """How often a speech that had begun had nothing more to play, and had not ended."""
    silent: int = 0
    """Frames without a sample of speech."""
    held: int = 0
    """Those of them that were silent because of a hold."""
    holds: int = 0
    resumes: int = 0
    drops: int = 0
    buffered_seconds: float = 0.0
    """What waits to be played now."""
    level: float = SILENCE_LEVEL
    """Of the last frame, in dB below full scale."""


@dataclass(slots=True, eq=False)
class _Speech:
    """One speech in the queue. `queued` and `heard` are runs of samples on both sides of the playhead."""

    id: str
    queued: deque[tuple[Part, Samples]] = field(default_factory=deque[tuple[Part, Samples]])
    heard: deque[tuple[Part, Samples]] = field(default_factory=deque[tuple[Part, Samples]])
    queued_samples: int = 0
    heard_samples: int = 0
    started: bool = False
    full: bool = False
    ended: bool = False


class Playout:
    """The agent's voice: fits `rooms.base.Voice`.

    Args:
        rate: Samples per second, of what is written and what is pulled: one of `media.settings.OPUS_RATES`.
        capacity_seconds: How much may wait to be played: models are faster than speech. What comes beyond is
            refused, and so is the rest of that speech: it then ends early rather than having a hole. It is a bound
            on memory (48 kB for a second at 24 kHz) and not back-pressure: a model whose socket is not read could not
            tell of the user's words either, and by these it is decided whether the speech goes on.
        fade_seconds: Length of the fades where sound is cut, so that it does not click.
        rewind_seconds: How much of what was played is kept for `resume` to step back.
        on_event: Told of each speech's start and finish, at the end of `pull`. It must not raise.
    """

    def __init__(
        self,
        *,
        rate: int = MODEL_RATE,
        capacity_seconds: float = 600.0,
        fade_seconds: float = 0.008,
        rewind_seconds: float = 5.0,
        on_event: Callable[[PlayoutEvent], None],
    ) -> None:
        self.ledger = Ledger(rate)
        self.held = False
        self._rate = rate
        self._frame = samples_in(FRAME_SECONDS, rate)
        self._capacity = samples_in(capacity_seconds, rate)
        self._kept = samples_in(rewind_seconds, rate)
        fade = min(samples_in(fade_seconds, rate), self._frame)
        self._rise: npt.NDArray[np.float32] = ((np.arange(fade) + 0.5) / max(fade, 1)).astype(np.float32)
        self._on_event = on_event
        self._speeches: deque[_Speech] = deque()
        self._dropped: deque[str] = deque(maxlen=64)
        self._queued_samples = 0
        self._leaving = silence(0)  # what is left of a dropped speech: its fade
        self._flowing = False  # the last pulled sample and the next queued one are neighbours
        self._last_frame = silence(self._frame)
        self._happened: list[PlayoutEvent] = []
        self._counts: Counter[str] = Counter()

    @property
    def buffered_seconds(self) -> float:
        """How much waits to be played."""
        return seconds_of(self._queued_samples, self._rate)

    def played_ms(self, item_id: str) -> int:
        """Whole milliseconds heard of an item."""
        return self.ledger.played_ms(item_id)

    def statistics(self) -> PlayoutStatistics:
        """What has happened so far."""
        return PlayoutStatistics(
            **self._counts, buffered_seconds=self.buffered_seconds, level=level_of(self._last_frame)
        )

    def write(self, speech_id: str, part: Part, samples: Samples) -> int:
        """Append to a speech. Speeches play in the order in which they were first written or ended.

        Returns:
            How many samples were taken. The rest will never be played; the ledger counts it as received.
        """
        speech = self._find(speech_id)
        if speech is None or speech.ended:
            self._counts["refused_samples"] += len(samples)
            return 0
        taken = 0 if speech.full else max(0, min(len(samples), self._capacity - self._queued_samples))
        self.ledger.received(part, len(samples))
        if taken < len(samples):
            speech.full = True
            self._counts["refused_samples"] += len(samples) - taken
        if taken:
            speech.queued.append((part, np.array(samples[:taken], dtype=np.int16)))
            speech.queued_samples += taken
            self._queued_samples += taken
        return taken

    def end(self, speech_id: str) -> None:
        """Nothing more will be written for a speech: it finishes at the pull that takes its last sample."""
        speech = self._find(speech_id)
        if speech is not None:
            speech.ended = True

    def hold(self) -> None:
        """Stop playing, keep everything: the next pull fades out, then there is silence."""
        if not self.held:
            self.held = True
            self._counts["holds"] += 1

    def resume(self, rewind_seconds: float = 0.0) -> None:
        """Go on at exactly the next sample, or that much earlier, but never before the start of the speech.

        How far it can step back is also limited to what was kept (`rewind_seconds` of the constructor).
        """
        if not self.held:
            return
        self.held = False
        self._counts["resumes"] += 1
        if self._speeches and rewind_seconds > 0:
            self._rewind(self._speeches[0], samples_in(rewind_seconds, self._rate))

    def drop(self) -> None:
        """Forget what is queued of the current speech and un-hold; the ledger stays for reading.

        What was sounding fades out in the next frame; that fade counts as played from now on. Whatever else comes
        for this speech is refused. It gets no `PlayoutFinished`. Speeches queued behind it play next.
        """
        self.held = False
        if not self._speeches:
            return
        speech = self._speeches[0]
        if self._flowing:
            self._leaving = self._faded_out(self._take(speech, len(self._rise)))
        self._flowing = False
        self._queued_samples -= speech.queued_samples
        self._speeches.popleft()
        self._dropped.append(speech.id)
        self._counts["drops"] += 1

    def pull(self) -> Samples:
        """The next 20 ms; silence when there is nothing to say, or while held."""
        self._counts["frames"] += 1
        if len(self._leaving):
            frame, self._leaving = self._framed(self._leaving), silence(0)
        elif self.held:
            frame = self._pull_held()
        else:
            frame = self._pull_speech()
        self._last_frame = frame
        self._let_go()
        # Told last, so that who is told may hold, resume, drop and write at once.
        happened, self._happened = self._happened, []
        for event in happened:
            self._on_event(event)
        return frame

    def _pull_held(self) -> Samples:
        if not (self._flowing and self._speeches):
            self._counts["silent"] += 1
            self._counts["held"] += 1
            return self._framed(silence(0), after=int(self._last_frame[-1]))
        self._flowing = False
        return self._framed(self._faded_out(self._take(self._speeches[0], len(self._rise))))

    def _pull_speech(self) -> Samples:
        speech = self._speeches[0] if self._speeches else None
        after = 0 if self._flowing else int(self._last_frame[-1])
        if speech is None or not speech.queued_samples:
            if speech is not None and self._flowing:
                self._counts["starvations"] += 1
            self._flowing = False
            self._counts["silent"] += 1
            return self._framed(silence(0), after=int(self._last_frame[-1]))
        sound = self._take(speech, self._frame)
        if not speech.started:
            speech.started = True
            self._happened.append(PlayoutStarted(speech.id))
        elif not self._flowing:
            sound = self._faded_in(sound)
        self._flowing = len(sound) == self._frame
        if not self._flowing and not speech.ended:
            self._counts["starvations"] += 1
        return self._framed(sound, after=after)

    def _framed(self, sound: Samples, *, after: int = 0) -> Samples:
        """One frame that begins with this sound. Steps that would click become ramps to zero.

        Args:
            sound: At most a frame.
            after: The sample played before, where the sound does not continue from it.
        """
        if len(sound) == self._frame and not after:
            return sound
        frame = silence(self._frame)
        frame[: len(sound)] = sound
        if 0 < len(sound) < self._frame:
            ramp = _scaled(sound[-1:], self._rise[::-1])[: self._frame - len(sound)]
            frame[len(sound) : len(sound) + len(ramp)] = ramp
        if after:
            ramped = frame[: len(self._rise)] + after * self._rise[::-1]
            frame[: len(self._rise)] = np.clip(np.rint(ramped), -32768, 32767)
        return frame

    def _faded_in(self, sound: Samples) -> Samples:
        fade = self._rise[: len(sound)]
        return np.concatenate((_scaled(sound[: len(fade)], fade), sound[len(fade) :]))

    def _faded_out(self, sound: Samples) -> Samples:
        """The sound with a falling gain; one too short for that is left to the ramp after it."""
        return _scaled(sound, self._rise[::-1]) if len(sound) == len(self._rise) else sound

    def _take(self, speech: _Speech, samples: int) -> Samples:
        """Move the playhead over at most this many samples and return them."""
        runs: list[Samples] = []
        wanted = samples
        while wanted and speech.queued:
            part, run = speech.queued.popleft()
            if len(run) > wanted:
                speech.queued.appendleft((part, run[wanted:]))
                run = run[:wanted]
            wanted -= len(run)
            runs.append(run)
            speech.heard.append((part, run))
            self.ledger.played(part, len(run))
        taken = samples - wanted
        speech.queued_samples -= taken
        speech.heard_samples += taken
        self._queued_samples -= taken
        self._counts["played_samples"] += taken
        while speech.heard and speech.heard_samples - len(speech.heard[0][1]) >= self._kept:
            speech.heard_samples -= len(speech.heard.popleft()[1])
        if len(runs) == 1:
            return runs[0]
        return np.concatenate(runs) if runs else silence(0)

    def _rewind(self, speech: _Speech, samples: int) -> None:
        wanted = min(samples, self._kept)
        while wanted and speech.heard:
            part, run = speech.heard.pop()
            if len(run) > wanted:
                speech.heard.append((part, run[:-wanted]))
                run = run[-wanted:]
            wanted -= len(run)
            speech.queued.appendleft((part, run))
            speech.queued_samples += len(run)
            speech.heard_samples -= len(run)
            self._queued_samples += len(run)
            self.ledger.rewound(part, len(run))
            self._flowing = False

    def _let_go(self) -> None:
        """Let go of speeches that are over. A hold does not keep one that has nothing left to play."""
        while self._speeches and self._speeches[0].ended and not self._speeches[0].queued_samples:
            self._flowing = False
            self._happened.append(PlayoutFinished(self._speeches.popleft().id))

    def _find(self, speech_id: str) -> _Speech | None:
        """The speech of that id, a new one at the end of the queue, or None when it was dropped."""
        for speech in self._speeches:
            if speech.id == speech_id:
                return speech
        if speech_id in self._dropped:
            return None
        speech = _Speech(speech_id)
        self._speeches.append(speech)
        return speech


def _scaled(sound: Samples, gains: npt.NDArray[np.float32]) -> Samples:
    return np.rint(sound * gains).astype(np.int16)
