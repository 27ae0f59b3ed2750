"""Flite's C library, as much of it as is used: text in, 16 kHz samples and word times out through a callback.

The one module that knows Flite's structures (cst_audio.h, cst_voice.h, cst_wave.h of Flite 2.2; CMU, BSD-style).
"""

import ctypes
import ctypes.util
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from agent_worker.audio import Samples
from agent_worker.errors import SpeechError

RATE: Final = 16_000
"""Samples per second of the statistical voices slt, rms and awb."""
BLOCK: Final = RATE // 20
"""Samples between two callbacks, at least."""
_CONTINUE, _STOP = 0, -1  # CST_AUDIO_STREAM_CONT, CST_AUDIO_STREAM_STOP


@dataclass(frozen=True, slots=True)
class Plan:
    """When everything in a text will be spoken; known before the first sample is made."""

    words: tuple[tuple[int, int], ...]
    """For each spoken word: a character of the text that is its own or the space after it, and its first sample."""
    end: int
    """Samples of the whole."""


Receive = Callable[[Samples, Plan | None], bool]
"""Takes samples, with the plan the first time. False: stop."""


class _Wave(ctypes.Structure):
    """cst_wave."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _StreamingInfo(ctypes.Structure):
    """cst_audio_streaming_info; it points to a callback that takes it, so its fields follow."""


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(_StreamingInfo)
)
_StreamingInfo._fields_ = (
    ("min_buffsize", ctypes.c_int),
    ("asc", _Callback),
    ("utt", ctypes.c_void_p),
    ("item", ctypes.c_void_p),
    ("userdata", ctypes.c_void_p),
)


class _Voice(ctypes.Structure):
    """The head of cst_voice."""

    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "flite_init": (ctypes.c_int, ()),
    "new_audio_streaming_info": (ctypes.POINTER(_StreamingInfo), ()),
    "audio_streaming_info_val": (ctypes.c_void_p, (ctypes.POINTER(_StreamingInfo),)),
    "feat_set": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
    "feat_set_float": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float)),
    "flite_synth_text": (ctypes.c_void_p, (ctypes.c_char_p, ctypes.POINTER(_Voice))),
    "delete_utterance": (None, (ctypes.c_void_p,)),
    "utt_relation": (ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_char_p)),
    "relation_head": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "relation_tail": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "item_next": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "ffeature_float": (ctypes.c_float, (ctypes.c_void_p, ctypes.c_char_p)),
    "ffeature_int": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p)),
}


def _open(stem: str, mode: int = ctypes.DEFAULT_MODE) -> ctypes.CDLL:
    """A shared library by its stem, such as "flite_cmu_us_slt".

    Raises:
        OSError: It is not installed.
    """
    try:
        return ctypes.CDLL(f"lib{stem}.so.1", mode)
    except OSError:
        path = ctypes.util.find_library(stem)  # macOS, BSD
        if path is None:
            raise
        return ctypes.CDLL(path, mode)


class Flite:
    """The library, loaded. One for each process: the voices are its global variables."""

    def __init__(self) -> None:
        # The voices' libraries look up Flite's symbols among the global ones.
        self._library = _open("flite", ctypes.RTLD_GLOBAL)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._library.flite_init()

    def voice(self, name: str) -> "FliteVoice":
        """Load a voice, such as "slt".

        Raises:
            OSError: It is not installed.
        """
        register = getattr(_open(f"flite_cmu_us_{name}"), f"register_cmu_us_{name}")
        register.restype, register.argtypes = ctypes.POINTER(_Voice), (ctypes.c_char_p,)
        return FliteVoice(self._library, register(None))


class FliteVoice:
    """One voice. Its stream is a feature of the voice itself, so it speaks one text at a time."""

    def __init__(self, library: ctypes.CDLL, voice: Any) -> None:
        self._library = library
        self._voice = voice
        self._speaking = threading.Lock()
        self._receive: Receive | None = None
        self._failure: BaseException | None = None
        # Flite frees neither: they live as long as the voice, and the callback must not be collected before it.
        self._callback = _Callback(self._on_samples)
        self._info = library.new_audio_streaming_info()
        self._info.contents.min_buffsize = BLOCK
        self._info.contents.asc = self._callback
        library.feat_set(self._features, b"streaming_info", library.audio_streaming_info_val(self._info))

    @property
    def _features(self) -> Any:
        return self._voice.contents.features

    def synthesise(self, text: str, stretch: float, receive: Receive) -> None:
        """Speak an ASCII text; calls `receive` on this thread until all is made or it returns False.

        Args:
            text: One sentence. It must have a letter or a digit.
            stretch: 1.0 is the voice's own pace, 2.0 half as fast.
            receive: Takes the samples.

        Raises:
            SpeechError: Flite made no utterance.
            Exception: Whatever `receive` raised.
        """
        with self._speaking:
            self._receive, self._failure = receive, None
            self._library.feat_set_float(self._features, b"duration_stretch", stretch)
            utterance = self._library.flite_synth_text(text.encode("ascii"), self._voice)
            self._receive = None
            failure, self._failure = self._failure, None
        if utterance:
            self._library.delete_utterance(utterance)
        if failure is not None:
            raise failure
        if not utterance:
            raise SpeechError(f"flite made no sound of {text!r}")

    def _on_samples(self, wave: Any, start: int, size: int, _last: int, info: Any) -> int:
        # An exception must not leave a C callback: it is kept, and raised where the call was made.
        if self._receive is None:
            return _STOP
        try:
            plan = self._plan(info.contents.utt) if start == 0 else None
            samples = np.ctypeslib.as_array(wave.contents.samples, shape=(start + size,))[start:].copy()
            return _CONTINUE if self._receive(samples, plan) else _STOP
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            return _STOP

    def _plan(self, utterance: int) -> Plan:
        library = self._library
        words = tuple(
            (library.ffeature_int(word, b"R:Token.parent.file_pos") - 1, round(begin * RATE))
            for word in self._items(library.relation_head(library.utt_relation(utterance, b"Word")))
            # A word without a sound of its own, such as the dot of an address, has no segment and no time.
            if (begin := library.ffeature_float(word, b"R:SylStructure.daughter1.daughter1.R:Segment.p.end")) > 0
        )
        last = library.relation_tail(library.utt_relation(utterance, b"Segment"))
        return Plan(words, round(library.ffeature_float(last, b"end") * RATE))

    def _items(self, item: int | None) -> Iterator[int]:
        while item:
            yield item
            item = self._library.item_next(item)
