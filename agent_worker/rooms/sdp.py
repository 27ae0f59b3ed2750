"""What is taken out of a description before aiortc sees it, and what is added to aiortc's answer. Pure.

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


def with_fec(answer: str) -> str:
    """The answer, asking for each Opus frame to be sent a second time, coarsely, in the packet after it.

    Browsers send this copy (in-band FEC, RFC 7587 section 6.1) where it is asked for and packets are lost. aiortc
    has no setting for it.
    """
    lines = answer.splitlines()
    described = {line.partition(" ")[0].removeprefix("a=fmtp:") for line in lines if line.startswith("a=fmtp:")}
    said: list[str] = []
    for line in lines:
        said.append(line)
        payload_type, _, codec = line.removeprefix("a=rtpmap:").partition(" ")
        if line.startswith("a=rtpmap:") and codec.startswith("opus/") and payload_type not in described:
            said.append(f"a=fmtp:{payload_type} minptime=10;useinbandfec=1")
    return "\r\n".join(said) + "\r\n"
