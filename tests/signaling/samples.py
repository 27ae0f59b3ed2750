"""Session descriptions as browsers and aiortc make them, for tests that never connect anything."""

FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)

CANDIDATES = {
    "host": "candidate:1 1 udp 2122260223 192.168.1.20 50000 typ host generation 0 ufrag abcd network-cost 999",
    "loopback": "candidate:2 1 udp 2122260223 127.0.0.1 50001 typ host",
    "mdns": "candidate:3 1 udp 2122260223 f9b1c7d4-1111-4222-8333-444455556666.local 50002 typ host",
    "public": "candidate:4 1 udp 1686052607 93.184.216.34 50003 typ srflx raddr 192.168.1.20 rport 50000",
    "tcp": "candidate:5 1 tcp 1518280447 93.184.216.34 9 typ host tcptype active",
    "low_port": "candidate:6 1 udp 1686052607 93.184.216.34 53 typ host",
    "link_local": "candidate:7 1 udp 2122260223 169.254.10.1 50004 typ host",
    "multicast": "candidate:8 1 udp 2122260223 224.0.0.251 5353 typ host",
    "public6": "candidate:9 1 udp 2122260223 2606:2800:220:1:248:1893:25c8:1946 50005 typ host",
    "private6": "candidate:10 1 udp 2122260223 fd00::1 50006 typ host",
    "mapped6": "candidate:11 1 udp 2122260223 ::ffff:10.0.0.1 50007 typ host",
}


def offer(*candidates: str, end: bool = True) -> str:
    """A browser's offer of one microphone, with these candidates (names of `CANDIDATES`)."""
    lines = [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=extmap-allow-mixed",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
        "c=IN IP4 0.0.0.0",
        *(f"a={CANDIDATES[name]}" for name in candidates),
        *(["a=end-of-candidates"] if end else []),
        "a=ice-ufrag:Cn3J",
        "a=ice-pwd:g0sDoGQwL2WLJHkEtN5CZ9lo",
        FINGERPRINT,
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
    ]
    return "\r\n".join(lines) + "\r\n"


ANSWER = offer("loopback").replace("a=setup:actpass", "a=setup:active")
