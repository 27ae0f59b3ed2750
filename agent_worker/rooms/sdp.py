"""Candidates that this machine cannot use, taken out of a description before aiortc sees it. Pure.

aiortc would resolve names by multicast and stall a second for each description. And one that says
"end of candidates" without a usable candidate would never connect, while the same one without that line connects
by the checks that the other side sends (peer-reflexive candidates, RFC 8445 section 7.3.1.3).
"""

import ipaddress


def has_address(candidate: str) -> bool:
    """Whether a candidate line (with or without "a=" and "candidate:") holds an IP address, not a name."""
    fields = candidate.split()
    if len(fields) < 8:
        return False
    try:
        ipaddress.ip_address(fields[4])
    except ValueError:
        return False
    return True


def without_names(sdp: str) -> str:
    """The description without candidates that are names (".local", mDNS), and without a false "end of candidates"."""
    lines = sdp.splitlines()
    kept = [line for line in lines if not line.startswith("a=candidate:") or has_address(line)]
    if not has_candidate(sdp="\n".join(kept)):
        kept = [line for line in kept if line.strip() != "a=end-of-candidates"]
    return "\r\n".join(kept) + "\r\n"


def has_candidate(sdp: str) -> bool:
    """Whether a description offers any candidate."""
    return any(line.startswith("a=candidate:") for line in sdp.splitlines())
