"""Which voice speaks: a name that a client knows from the cloud -> one that this machine has. Pure."""

from typing import Final

_NUMBERS: Final = {
    "ash": 1, "ballad": 2, "cedar": 1, "echo": 1, "verse": 2,
    "rms": 1, "awb": 2,
    "en-us+f3": 1, "en-gb-scotland": 2,
    "low tones": 1, "high tones": 2,
}  # fmt: skip
"""Voices that sound like another one than our first: the number of ours that comes nearest."""
_NAMES: Final = ("alloy", "ash", "ballad")
"""One name for each of our voices."""


def voice_of(asked: str, voices: tuple[str, ...]) -> str:
    """The voice of this machine for the one that was asked for; every name has one."""
    if asked in voices:
        return asked
    return voices[min(_NUMBERS.get(asked, 0), len(voices) - 1)]


def unlike(voice: str, wanted: int) -> str:
    """A name for our voice of this number, or for another one if that is what `voice` sounds like already."""
    own = _NUMBERS.get(voice, 0)
    return _NAMES[wanted if wanted != own else (wanted + 1) % len(_NAMES)]
