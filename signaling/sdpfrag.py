"""Fragments of session descriptions, by which WHIP clients trickle candidates (application/trickle-ice-sdpfrag).

Pure. The grammar is that of RFC 8840, section 9: attribute lines, and a pseudo m-line before those of each section.
"""

import re
from dataclasses import dataclass

from signaling.errors import ErrorCode, MessageError
from signaling.sdp import MAX_CANDIDATES, MAX_SDP_BYTES, check_candidate

_LINE = re.compile(r"[am]=[^\x00-\x08\x0a-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class TrickledCandidate:
    """A candidate of a fragment.

    Attributes:
        line: `candidate:...`; None says that no more will come.
        mid: Which media section it is for; None for the first.
    """

    line: str | None
    mid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What a fragment says.

    Attributes:
        ufrags: The ICE user fragments that it names.
        candidates: Its candidates, in order.
    """

    ufrags: frozenset[str]
    candidates: tuple[TrickledCandidate, ...]


def parse_fragment(text: str) -> Fragment:
    """Read a fragment.

    Raises:
        MessageError: `too_large` or `bad_request`, with a text that says which line.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_SDP_BYTES:
        raise MessageError(ErrorCode.TOO_LARGE, f"the fragment is larger than {MAX_SDP_BYTES} bytes")
    ufrags = set[str]()
    candidates: list[TrickledCandidate] = []
    mid: str | None = None
    for number, line in enumerate(text.replace("\r\n", "\n").rstrip("\n").split("\n"), start=1):
        if not _LINE.fullmatch(line):
            raise MessageError(
                ErrorCode.BAD_REQUEST, f"line {number} of the fragment is malformed (RFC 8840, section 9)"
            )
        name, _, value = line.strip().partition(":")
        match name:
            case "a=mid":
                mid = value[:128]
            case "a=ice-ufrag":
                ufrags.add(value)
            case "a=candidate":
                check_candidate(f"candidate:{value}")
                candidates.append(TrickledCandidate(f"candidate:{value}", mid))
            case "a=end-of-candidates":
                candidates.append(TrickledCandidate(None, mid))
            case _ if line.startswith("m="):
                mid = None
            case _:
                pass
    if len(candidates) > MAX_CANDIDATES:
        raise MessageError(ErrorCode.TOO_LARGE, f"the fragment has more than {MAX_CANDIDATES} candidates")
    return Fragment(ufrags=frozenset(ufrags), candidates=tuple(candidates))


def ufrags_of(sdp: str) -> frozenset[str]:
    """The ICE user fragments of a whole description: another one in a fragment asks for an ICE restart."""
    prefix = "a=ice-ufrag:"
    return frozenset(line.removeprefix(prefix).strip() for line in sdp.splitlines() if line.startswith(prefix))
