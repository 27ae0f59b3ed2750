"""What a stranger's session description must be, and which of its candidates survive."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import ErrorCode, MessageError
from signaling.sdp import (
    MAX_CANDIDATES,
    MAX_MEDIA_SECTIONS,
    MAX_SDP_BYTES,
    CandidatePolicy,
    OneWay,
    check_candidate,
    check_sdp,
    filter_sdp,
    is_usable,
    one_way,
)
from tests.signaling.samples import CANDIDATES, FINGERPRINT, offer

AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111"


@pytest.mark.parametrize(
    "sdp",
    [
        offer(),
        offer(*CANDIDATES),
        offer("host").replace("\r\n", "\n"),
        offer("host") + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n",
        offer("host").replace("s=-", "s=Grüße"),
        # The transport of a bundle is described in the section that carries it, which need not be the audio one.
        offer().replace(AUDIO, f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n{AUDIO}"),
        # Fingerprint and credentials for the whole session.
        offer().replace(FINGERPRINT + "\r\n", "").replace("t=0 0", f"t=0 0\r\n{FINGERPRINT}"),
    ],
    ids=["bare", "all candidates", "LF", "data channel", "utf-8", "bundled video first", "session level"],
)
def test_what_peers_really_send_passes(sdp: str):
    check_sdp(sdp, "offer")


@pytest.mark.parametrize(
    ("sdp", "code", "says"),
    [
        ("", ErrorCode.BAD_REQUEST, "v=0"),
        ("hello", ErrorCode.BAD_REQUEST, "v=0"),
        ("v=0", ErrorCode.BAD_REQUEST, "no o= line"),
        ("\r\n" + offer(), ErrorCode.BAD_REQUEST, "v=0"),
        (offer().replace("s=-\r\n", ""), ErrorCode.BAD_REQUEST, "no s= line"),
        (offer() + "garbage\r\n", ErrorCode.BAD_REQUEST, "line 18"),
        (offer().replace("s=-", "s=a\x00b"), ErrorCode.BAD_REQUEST, "line 3"),
        (offer().replace("\r\ns=-", "\r\n\r\ns=-"), ErrorCode.BAD_REQUEST, "line 3"),
        (offer().replace("m=audio 9 ", "m=audio nine "), ErrorCode.BAD_REQUEST, "m-line"),
        (offer().replace("m=audio", "m=video"), ErrorCode.BAD_REQUEST, "no audio section"),
        (offer().replace(FINGERPRINT + "\r\n", ""), ErrorCode.BAD_REQUEST, "a=fingerprint"),
        (offer().replace("AB:AB", "AB:XY"), ErrorCode.BAD_REQUEST, "a=fingerprint"),
        (offer().replace("ice-ufrag:Cn3J", "ice-ufrag:C"), ErrorCode.BAD_REQUEST, "a=ice-ufrag"),
        (offer().replace("g0sDoGQwL2WLJHkEtN5CZ9lo", "short"), ErrorCode.BAD_REQUEST, "a=ice-pwd"),
        (offer() + "a=candidate:what is this\r\n", ErrorCode.BAD_REQUEST, "candidate"),
        (offer() + f"a={CANDIDATES['host']}\r\n".replace("50000", "70000"), ErrorCode.BAD_REQUEST, "candidate"),
        (offer(*["host"] * (MAX_CANDIDATES + 1)), ErrorCode.BAD_REQUEST, "more than 40 candidates"),
        (offer() + f"{AUDIO}\r\n" * MAX_MEDIA_SECTIONS, ErrorCode.BAD_REQUEST, "more than 8 media sections"),
        (offer() + "a=" + "x" * MAX_SDP_BYTES, ErrorCode.TOO_LARGE, "32768 bytes"),
        # Two bytes each: it is the bytes that count.
        (offer() + "a=" + "ü" * (MAX_SDP_BYTES // 2), ErrorCode.TOO_LARGE, "32768 bytes"),
    ],
)
def test_what_would_harm_is_refused_with_its_reason(sdp: str, code: ErrorCode, says: str):
    with pytest.raises(MessageError) as refused:
        check_sdp(sdp, "offer")
    assert refused.value.code is code
    assert says in refused.value.text


def test_the_limits_themselves_are_allowed():
    check_sdp(offer(*["host"] * MAX_CANDIDATES), "offer")
    check_sdp(offer() + f"{AUDIO}\r\n" * (MAX_MEDIA_SECTIONS - 1), "offer")
    padding = MAX_SDP_BYTES - len(offer()) - len("a=")
    check_sdp(offer() + "a=" + "x" * padding, "offer")


def test_without_a_bundle_the_audio_section_itself_must_be_protected():
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" + FINGERPRINT + "\r\n"
    separate = offer().replace("a=group:BUNDLE 0\r\n", "").replace(FINGERPRINT + "\r\n", "") + video
    with pytest.raises(MessageError, match="a=fingerprint"):
        check_sdp(separate, "offer")


@given(st.text(max_size=300))
def test_no_text_does_more_than_being_refused(text: str):
    with pytest.raises(MessageError):
        check_sdp(text, "answer")


@given(st.integers(0, len(offer("host", "public")) - 1), st.text(max_size=3))
def test_a_mutated_offer_passes_or_is_refused(at: int, replacement: str):
    whole = offer("host", "public")
    with contextlib.suppress(MessageError):
        check_sdp(whole[:at] + replacement + whole[at + 1 :], "offer")


@pytest.mark.parametrize(
    ("policy", "usable"),
    [
        (CandidatePolicy.LOCAL, set(CANDIDATES) - {"mdns"}),
        (CandidatePolicy.LAN, {"host", "public", "public6", "private6", "mapped6"}),
        (CandidatePolicy.PUBLIC, {"public", "public6"}),
    ],
)
def test_which_candidates_an_agent_may_be_given(policy: CandidatePolicy, usable: set[str]):
    assert {name for name, text in CANDIDATES.items() if is_usable(text, policy)} == usable


def test_filtering_keeps_the_rest_to_the_letter():
    assert filter_sdp(offer("host", "loopback"), CandidatePolicy.LOCAL) == offer("host", "loopback")
    assert filter_sdp(offer("host", "public", "mdns"), CandidatePolicy.PUBLIC) == offer("public")


def test_end_of_candidates_goes_with_the_last_candidate():
    assert filter_sdp(offer("mdns"), CandidatePolicy.LOCAL) == offer(end=False)
    assert filter_sdp(offer(), CandidatePolicy.LOCAL) == offer(end=False)


@pytest.mark.parametrize("candidate", ["", *CANDIDATES.values(), "a=" + CANDIDATES["host"]])
def test_good_candidates(candidate: str):
    check_candidate(candidate)


@pytest.mark.parametrize(
    "candidate",
    [
        "x",
        "candidate:",
        "candidate:1 1 udp x 1.2.3.4 5000 typ host",
        "candidate:1 1 udp 1 a;b 5 typ host",
        "candidate:1 1 udp 1 1.2.3.4 65536 typ host",
    ],
)
def test_bad_candidates(candidate: str):
    with pytest.raises(MessageError) as refused:
        check_candidate(candidate)
    assert refused.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("session", "section", "way"),
    [
        ("", "", "sendonly"),
        ("", "a=sendrecv\r\n", "recvonly"),
        ("", "a=sendonly\r\n", "sendonly"),
        ("a=recvonly\r\n", "", "recvonly"),
        ("a=inactive\r\n", "a=sendonly\r\n", "sendonly"),
    ],
)
def test_an_offer_is_narrowed_to_one_way(session: str, section: str, way: OneWay):
    said = offer("host").replace("a=sendrecv\r\n", section).replace("t=0 0\r\n", f"t=0 0\r\n{session}")
    narrowed = one_way(said, way)
    assert narrowed == offer("host").replace("a=sendrecv\r\n", "") + f"a={way}\r\n"
    check_sdp(narrowed, "offer")


@pytest.mark.parametrize(
    ("said", "way"), [("inactive", "sendonly"), ("recvonly", "sendonly"), ("sendonly", "recvonly")]
)
def test_an_offer_that_goes_the_other_way_is_refused(said: str, way: OneWay):
    with pytest.raises(MessageError, match=way):
        one_way(offer().replace("a=sendrecv", f"a={said}"), way)


def test_a_video_that_goes_the_right_way_is_no_voice():
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\n"
    with pytest.raises(MessageError, match="no audio section"):
        one_way(offer().replace("a=sendrecv", "a=recvonly") + video, "sendonly")
    assert one_way(offer() + video, "recvonly").endswith(video)
