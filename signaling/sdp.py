"""Session descriptions of strangers: judged before any WebRTC library sees them, and cleaned of candidates.

Pure. aiortc takes garbage text and descriptions without a fingerprint in silence, and needs seconds for thousands of
candidates, so the grammar, the needed lines and the counts are checked here (RFC 8866, RFC 8839, RFC 8122).
"""

import ipaddress
import re
from collections.abc import Iterator
from enum import Enum
from typing import Literal

from signaling.errors import ErrorCode, MessageError

MAX_SDP_BYTES = 32 * 1024
MAX_MEDIA_SECTIONS = 8
MAX_CANDIDATES = 40

SdpKind = Literal["offer", "answer"]
OneWay = Literal["sendonly", "recvonly"]

_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f]*")
_MEDIA = re.compile(r"m=[a-z]+ \d{1,5}(/\d+)? [A-Za-z0-9/-]+( \S+)+ *")
_FINGERPRINT = re.compile(r"a=fingerprint:[A-Za-z0-9-]+ [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15,63} *")
_DIRECTION = re.compile(r"a=(sendrecv|sendonly|recvonly|inactive) *")
_UFRAG = re.compile(r"a=ice-ufrag:[A-Za-z0-9+/=_-]{4,256} *")
_PWD = re.compile(r"a=ice-pwd:[A-Za-z0-9+/=_-]{22,256} *")
_CANDIDATE = re.compile(
    r"candidate:\S{1,32} [1-9]\d{0,2} (?P<transport>[A-Za-z]{3,8}) \d{1,10} (?P<address>[A-Za-z0-9.:%_-]{1,255})"
    r" (?P<port>\d{1,5}) typ (host|srflx|prflx|relay)( \S+)* *"
)


class CandidatePolicy(Enum):
    """Which ICE candidates of a human an agent may be made to send packets to."""

    LOCAL = "local"
    """Any address: everybody is on this machine, or it is a development server."""
    LAN = "lan"
    """Public and private addresses, never this machine's own."""
    PUBLIC = "public"
    """Public addresses alone: the default of a server that strangers reach."""


def _refuse(text: str) -> MessageError:
    return MessageError(ErrorCode.BAD_REQUEST, text)


def _sections(lines: list[str]) -> Iterator[list[str]]:
    """The session part, then each media section."""
    section: list[str] = []
    for line in lines:
        if line.startswith("m="):
            yield section
            section = []
        section.append(line)
    yield section


def _lines(sdp: str) -> list[str]:
    lines = sdp.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _is_candidate(text: str) -> bool:
    match = _CANDIDATE.fullmatch(text)
    return match is not None and int(match["port"]) <= 65535


def check_sdp(sdp: str, kind: SdpKind) -> None:
    """Refuse a description that is too large, is no SDP, or cannot become a protected audio connection.

    Args:
        sdp: The description as received.
        kind: What it claims to be; for the text of the error alone.

    Raises:
        MessageError: `too_large` or `bad_request`, with a text that says which line or what is missing.
    """
    if len(sdp.encode("utf-8", "surrogatepass")) > MAX_SDP_BYTES:
        raise MessageError(ErrorCode.TOO_LARGE, f"the {kind}'s SDP is larger than {MAX_SDP_BYTES} bytes")
    lines = _lines(sdp)
    if not lines or lines[0] != "v=0":
        raise _refuse(f"the {kind} is no SDP: its first line must be v=0")
    for number, line in enumerate(lines, start=1):
        if not _LINE.fullmatch(line):
            raise _refuse(f"line {number} of the {kind}'s SDP is malformed (RFC 8866, section 5)")
        if line.startswith("m=") and not _MEDIA.fullmatch(line):
            raise _refuse(f"line {number} of the {kind}'s SDP is a malformed m-line")
        if line.startswith("a=candidate:") and not _is_candidate(line[2:]):
            raise _refuse(f"line {number} of the {kind}'s SDP is a malformed candidate (RFC 8839)")
    _check_counts(lines, kind)
    _check_needed(lines, kind)


def _check_counts(lines: list[str], kind: SdpKind) -> None:
    if sum(line.startswith("m=") for line in lines) > MAX_MEDIA_SECTIONS:
        raise _refuse(f"the {kind} has more than {MAX_MEDIA_SECTIONS} media sections")
    if sum(line.startswith("a=candidate:") for line in lines) > MAX_CANDIDATES:
        raise _refuse(f"the {kind} has more than {MAX_CANDIDATES} candidates")


def _check_needed(lines: list[str], kind: SdpKind) -> None:
    session, *media = _sections(lines)
    for letter in "ost":
        if not any(line.startswith(f"{letter}=") for line in session):
            raise _refuse(f"the {kind}'s SDP has no {letter}= line")
    audio = [section for section in media if section[0].startswith("m=audio ")]
    if not audio:
        raise _refuse(f"the {kind} has no audio section (m=audio)")
    bundled = any(line.startswith("a=group:BUNDLE ") for line in session)
    # In a bundle the transport is described once, in the section that carries it (RFC 8843, section 7).
    described = lines if bundled else session + audio[0]
    needed = {"a=fingerprint": _FINGERPRINT, "a=ice-ufrag": _UFRAG, "a=ice-pwd": _PWD}
    for name, pattern in needed.items():
        if not any(pattern.fullmatch(line) for line in described):
            raise _refuse(f"the {kind} has no valid {name} for its audio section")


def check_candidate(candidate: str) -> None:
    """Refuse a trickled candidate that is malformed; the empty one (end of candidates) is fine.

    Raises:
        MessageError: `bad_request`.
    """
    if candidate and not _is_candidate(candidate.removeprefix("a=")):
        raise _refuse("the candidate is malformed (RFC 8839, section 5.1)")


def is_usable(candidate: str, policy: CandidatePolicy) -> bool:
    """Whether an agent may be given this (well-formed, non-empty) candidate of a human.

    Names (`.local`, mDNS) are never usable: an agent's machine cannot resolve them and stalls a second trying.
    """
    match = _CANDIDATE.fullmatch(candidate.removeprefix("a="))
    if match is None:
        return False
    try:
        address = ipaddress.ip_address(match["address"].split("%")[0])
    except ValueError:
        return False
    if policy is CandidatePolicy.LOCAL:
        return True
    if match["transport"].lower() != "udp" or int(match["port"]) < 1024:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    if special or address.is_reserved:
        return False
    return address.is_global or policy is CandidatePolicy.LAN


def filter_sdp(sdp: str, policy: CandidatePolicy) -> str:
    """The description without the candidates that the policy forbids.

    When none is left, `a=end-of-candidates` goes too: with it aiortc waits for ever, without it the same description
    connects through peer-reflexive candidates.
    """
    lines = _lines(sdp)
    kept = [line for line in lines if not line.startswith("a=candidate:") or is_usable(line, policy)]
    if not any(line.startswith("a=candidate:") for line in kept):
        kept = [line for line in kept if line.strip() != "a=end-of-candidates"]
    if kept == lines:
        return sdp
    return "\r\n".join(kept) + "\r\n"


def one_way(sdp: str, way: OneWay) -> str:
    """A checked offer, narrowed so that sound goes one way (RFC 3264, section 5.1); its answer goes the other.

    Raises:
        MessageError: `bad_request`: no audio section of it goes that way.
    """
    session, *media = _sections(_lines(sdp))
    default = _direction(session) or "sendrecv"
    narrowed = [line for line in session if not _DIRECTION.fullmatch(line)]
    serves = False
    for section in media:
        offered = _direction(section) or default
        goes = offered in {way, "sendrecv"}
        serves = serves or (goes and section[0].startswith("m=audio "))
        narrowed += [line for line in section if not _DIRECTION.fullmatch(line)]
        narrowed.append(f"a={way if goes else offered}")
    if not serves:
        raise _refuse(f"no audio section of the offer is {way} or sendrecv")
    return "\r\n".join(narrowed) + "\r\n"


def _direction(section: list[str]) -> str | None:
    found = [match[1] for line in section if (match := _DIRECTION.fullmatch(line))]
    return found[-1] if found else None
