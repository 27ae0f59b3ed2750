"""What goes into the jitter buffer and what comes out: packets, and what is to be heard. Pure."""

from dataclasses import dataclass, field

__all__ = ["Action", "Conceal", "Decode", "Packet", "Recover", "Restart", "Silence"]


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet of an Opus stream (RFC 3550, section 5.1)."""

    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes = field(repr=False)


# What is to be done, in order. -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decode:
    """Hear this payload."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recover:
    """Hear the coarse copy of the frame before, that this payload carries (in-band FEC, RFC 6716 section 2.1.7)."""

    payload: bytes = field(repr=False)
    samples: int


@dataclass(frozen=True, slots=True)
class Conceal:
    """Let the decoder guess how the sound went on."""

    samples: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing was to be heard for so long."""

    samples: int


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows does not follow what was heard before: the decoder forgets."""


Action = Decode | Recover | Conceal | Silence | Restart
