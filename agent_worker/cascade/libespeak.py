"""espeak-ng's C library, as much of it as is used: text in, 22.05 kHz samples and word events out through a callback.

The one module that knows espeak's structures (speak_lib.h, API revision 12). The library comes with the package
espeakng-loader; it is GPL-3.0, so it is optional and never part of this project.
"""

import ctypes
import threading
from dataclasses import dataclass
from typing import Any, Final

import espeakng_loader
import numpy as np

from agent_worker.audio import Samples, silence
from agent_worker.errors import SpeechError

_SYNCHRONOUS: Final = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples by callback, returns when all are made
_BUFFER_MS: Final = 500  # few callbacks: each of them has to wait for the GIL
_DONT_EXIT: Final = 0x8000  # espeakINITIALIZE_DONT_EXIT: missing data must not end the process
_POSITION_CHARACTER: Final = 1
_UTF8: Final = 1
_RATE_PARAMETER: Final = 1  # espeakRATE, words per minute
_WORD_EVENT: Final = 1
_CONTINUE, _STOP = 0, 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """A whole text, spoken."""

    samples: Samples
    words: tuple[tuple[int, int], ...]
    """For each word event: a character of the text, and its first sample. Numbers have several events."""


class _Event(ctypes.Structure):
    """espeak_EVENT; a list of them ends with one of type 0."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

_SIGNATURES: Final[dict[str, tuple[Any, ...]]] = {
    "espeak_Initialize": (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int),
    "espeak_SetSynthCallback": (_Callback,),
    "espeak_SetVoiceByName": (ctypes.c_char_p,),
    "espeak_SetParameter": (ctypes.c_int, ctypes.c_int, ctypes.c_int),
    "espeak_Synth": (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ),
}


class Espeak:
    """The library, loaded and initialised. One for each process: a global engine that speaks one text at a time.

    Raises:
        OSError: The library cannot be loaded, or does not find its data.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        for name, arguments in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = ctypes.c_int, arguments
        # The data's place has to be told: the one compiled in is a folder of the machine that built the package.
        data = espeakng_loader.get_data_path().encode()
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, _DONT_EXIT)
        """Samples per second."""
        if self.rate <= 0:
            raise OSError(f"espeak-ng cannot read its data in {data.decode()}")
        self._speaking = threading.Lock()
        self._samples: list[Samples] = []
        self._words: list[tuple[int, int]] = []
        self._failure: BaseException | None = None
        self._callback = _Callback(self._on_samples)  # must not be collected while the library may call it
        self._library.espeak_SetSynthCallback(self._callback)

    def has_voice(self, voice: str) -> bool:
        """Whether the library knows this voice. It refuses some names that it lists itself, such as "en-gb"."""
        with self._speaking:
            return self._library.espeak_SetVoiceByName(voice.encode()) == 0

    def synthesise(self, text: str, voice: str, words_per_minute: int) -> Spoken:
        """Speak a text: about 1 ms for 2 s of speech. Waits while another thread does.

        Raises:
            SpeechError: espeak-ng refused the voice or the text.
        """
        encoded = text.encode()
        with self._speaking:
            self._samples, self._words, self._failure = [], [], None
            refused = (
                self._library.espeak_SetVoiceByName(voice.encode())
                or self._library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
                or self._library.espeak_Synth(encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
            )
            samples, words, failure = self._samples, self._words, self._failure
        if failure is not None:
            raise failure
        if refused:
            raise SpeechError(f"espeak-ng answered {refused} to {text!r} with the voice {voice}")
        return Spoken(np.concatenate((silence(0), *samples)), tuple(words))

    def _on_samples(self, wave: Any, count: int, events: Any) -> int:
        # An exception must not leave a C callback: it is kept, and raised where the call was made.
        try:
            index = 0
            while (event := events[index]).type:
                if event.type == _WORD_EVENT:
                    self._words.append((event.text_position - 1, event.sample))
                index += 1
            if wave and count:
                self._samples.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            return _STOP
        return _CONTINUE
