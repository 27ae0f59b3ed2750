import pytest

from agent_worker.rooms.sdp import has_address, has_candidate, with_fec, without_names

REAL = "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host"
LOCAL = "a=candidate:2 1 udp 2130706431 3f2a1c9e-0b1d-4c55-9a54-0d9d2f6f1a11.local 40001 typ host"
HEAD = ["v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
END = "a=end-of-candidates"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param([REAL, END], [REAL, END], id="nothing to do"),
        pytest.param([REAL, LOCAL, END], [REAL, END], id="a name beside an address"),
        pytest.param([LOCAL, END], [], id="names alone: the end goes too"),
        pytest.param([END], [], id="an end without candidates"),
        pytest.param([LOCAL], [], id="names alone, more to come"),
        pytest.param(
            [REAL.replace("192.0.2.7", "2001:db8::7")], [REAL.replace("192.0.2.7", "2001:db8::7")], id="IPv6"
        ),
    ],
)
def test_only_candidates_with_an_address_stay(given: list[str], kept: list[str]) -> None:
    sdp = without_names("\r\n".join([*HEAD, *given]) + "\r\n")
    assert sdp == "\r\n".join([*HEAD, *kept]) + "\r\n"
    assert has_candidate(sdp) == (REAL in kept or any("2001" in line for line in kept))


@pytest.mark.parametrize(
    ("line", "has"),
    [(REAL, True), (REAL.removeprefix("a="), True), (LOCAL, False), ("candidate:1 1 udp", False), ("", False)],
)
def test_candidates_with_an_address(line: str, has: bool) -> None:
    assert has_address(line) is has


def test_an_answer_asks_for_the_copies_of_opus_and_of_nothing_else() -> None:
    answer = "\r\n".join([*HEAD, "a=rtpmap:111 opus/48000/2", "a=rtpmap:0 PCMU/8000", "a=rtcp-mux"]) + "\r\n"
    asking = with_fec(answer)
    assert asking.splitlines() == [
        *HEAD,
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtcp-mux",
    ]
    assert with_fec(asking) == asking, "what is described already stays"
