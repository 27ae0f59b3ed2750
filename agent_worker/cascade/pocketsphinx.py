"""The recogniser on pocketsphinx 5: 16 kHz samples of one session -> Heard, with the demo's own language model.

The model is a trigram of what people say to the demo plus 3000 common words (scripts/build_speech_model.py), so that
other talk comes out as other words and not as a command. The decoder holds the GIL while it works, up to 0.2 s at the
end of an utterance: keep it out of processes that carry WebRTC.
"""

import gzip
import importlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Final, Protocol

from agent_worker.audio import VAD_RATE, Samples, samples_in
from agent_worker.cascade.base import Heard
from agent_worker.cascade.hearing import FoundWord, judge

RATE: Final = VAD_RATE
"""Samples per second that the acoustic model was trained on."""
LONGEST_SECONDS: Final = 30.0
"""Of one utterance. What comes later is not heard: a decoder's memory grows with it."""
FRAME_SECONDS: Final = 0.01
"""One frame of the decoder's times."""
FIRST_CEPSTRAL_MEAN: Final = "41.00,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17"
"""What a microphone's channel is taken to be like until the first utterance shows it (measured)."""

_VARIANT = re.compile(r"\(\d+\)$")
_NO_WORD: Final = ("<", "[", "+")
"""How the names of silences and noises begin: <s>, <sil>, [NOISE], ++BREATH++."""


class _Segment(Protocol):
    word: str
    prob: float
    start_frame: int
    end_frame: int


class _Hypothesis(Protocol):
    hypstr: str


class _Decoder(Protocol):
    """What is used of pocketsphinx.Decoder, which has no types."""

    def start_utt(self) -> None: ...
    def end_utt(self) -> None: ...
    def process_raw(self, _data: bytes, _no_search: bool, _full_utt: bool, /) -> int: ...
    def hyp(self) -> _Hypothesis | None: ...
    def seg(self) -> Iterable[_Segment] | None: ...
    def lookup_word(self, _word: str, /) -> str | None: ...
    def get_cmn(self, _update: bool, /) -> str: ...
    def set_cmn(self, _cmn: str, /) -> None: ...


def plain(word: str) -> str:
    """A word of the dictionary without the number of its pronunciation: "the(2)" is "the"."""
    return _VARIANT.sub("", word)


class PocketsphinxRecogniser:
    """Hears one session: the decoder's idea of the channel adapts from utterance to utterance."""

    name = "pocketsphinx"

    def __init__(self, decoder: _Decoder) -> None:
        self._decoder = decoder
        self._room = 0
        """Samples that the open utterance may still take."""
        self._open = False
        self._channel = FIRST_CEPSTRAL_MEAN

    def start(self) -> None:
        """Begin an utterance; one that is still open is thrown away, and its effect on the channel."""
        if self._open:
            self._decoder.end_utt()
            self._decoder.set_cmn(self._channel)
        self._decoder.start_utt()
        self._open = True
        self._room = samples_in(LONGEST_SECONDS, RATE)

    def feed(self, samples: Samples) -> None:
        """Hear more: mono int16 at 16 kHz. Ignored when no utterance is open, and beyond LONGEST_SECONDS of one."""
        if not self._open:
            return
        samples = samples[: self._room]
        self._room -= len(samples)
        if len(samples):
            self._decoder.process_raw(samples.tobytes(), False, False)

    def partial(self) -> str:
        """The best hypothesis so far of the open utterance, or ""."""
        hypothesis = self._decoder.hyp() if self._open else None
        return "" if hypothesis is None else " ".join(map(plain, hypothesis.hypstr.split()))

    def finish(self) -> Heard:
        """End the utterance and say what was heard; 10 to 60 ms of computing, more after babble."""
        if not self._open:
            return judge(())
        self._decoder.end_utt()
        self._open = False
        heard = judge(list(self._found()))
        if heard.confidence > 0.0:
            self._channel = self._decoder.get_cmn(False)
        else:
            # What was no speech says nothing about how the speaker sounds here. Speech that was not understood does.
            self._decoder.set_cmn(self._channel)
        return heard

    def _found(self) -> Iterator[FoundWord]:
        if self._decoder.hyp() is None:  # asking for the segments of no hypothesis fails
            return
        for segment in self._decoder.seg() or ():
            if not segment.word.startswith(_NO_WORD):
                phones = self._decoder.lookup_word(segment.word) or ""
                yield FoundWord(
                    text=plain(segment.word),
                    posterior=segment.prob,
                    seconds=(segment.end_frame - segment.start_frame + 1) * FRAME_SECONDS,
                    phones=len(phones.split()),
                )


def load() -> PocketsphinxRecogniser:
    """A recogniser of its own for one session; some 50 ms.

    Raises:
        ImportError: pocketsphinx is not installed.
        RuntimeError: It cannot read its model.
    """
    vendor = importlib.import_module("pocketsphinx")
    data = resources.files("agent_worker.cascade") / "data"
    with tempfile.TemporaryDirectory(prefix="speech-model-") as folder:  # the decoder reads plain files, once
        unpacked: list[str] = []
        for name in ("demo.lm", "demo.dict"):
            path = Path(folder) / name
            path.write_bytes(gzip.decompress((data / f"{name}.gz").read_bytes()))
            unpacked.append(str(path))
        decoder: _Decoder = vendor.Decoder(
            hmm=vendor.get_model_path("en-us/en-us"), lm=unpacked[0], dict=unpacked[1], loglevel="FATAL"
        )
    decoder.set_cmn(FIRST_CEPSTRAL_MEAN)
    return PocketsphinxRecogniser(decoder)
