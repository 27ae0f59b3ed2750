"""Trickled fragments: what they say, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import ErrorCode, MessageError
from signaling.sdp import MAX_CANDIDATES
from signaling.sdpfrag import TrickledCandidate, parse_fragment, ufrags_of
from tests.signaling.samples import CANDIDATES, offer

HOST, PUBLIC = CANDIDATES["host"], CANDIDATES["public"]
FRAGMENT = "\r\n".join(
    [
        "a=group:BUNDLE 0",
        "m=audio 9 RTP/AVP 0",
        "a=mid:0",
        "a=ice-ufrag:Cn3J",
        "a=ice-pwd:g0sDoGQwL2WLJHkEtN5CZ9lo",
        f"a={HOST}",
        f"a={PUBLIC}",
        "a=end-of-candidates",
        "",
    ]
)


@pytest.mark.parametrize("text", [FRAGMENT, FRAGMENT.replace("\r\n", "\n")])
def test_what_a_fragment_says(text: str):
    fragment = parse_fragment(text)
    assert fragment.ufrags == {"Cn3J"}
    said = (TrickledCandidate(HOST, "0"), TrickledCandidate(PUBLIC, "0"), TrickledCandidate(None, "0"))
    assert fragment.candidates == said


def test_a_mid_holds_for_its_own_section():
    text = f"m=audio 9 RTP/AVP 0\na=mid:a\na={HOST}\nm=audio 9 RTP/AVP 0\na={PUBLIC}\n"
    assert parse_fragment(text).candidates == (TrickledCandidate(HOST, "a"), TrickledCandidate(PUBLIC))


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", ErrorCode.BAD_REQUEST, "line 1"),
        ("a=mid:0\nhello", ErrorCode.BAD_REQUEST, "line 2"),
        ("a=mid:0\n\na=mid:1", ErrorCode.BAD_REQUEST, "line 2"),
        ("a=candidate:1 1 udp", ErrorCode.BAD_REQUEST, "candidate"),
        ("a=x:" + "y" * 32 * 1024, ErrorCode.TOO_LARGE, "larger"),
        (f"a={HOST}\n" * (MAX_CANDIDATES + 1), ErrorCode.TOO_LARGE, "more than"),
    ],
)
def test_what_is_refused(text: str, code: ErrorCode, says: str):
    with pytest.raises(MessageError, match=says) as refused:
        parse_fragment(text)
    assert refused.value.code == code


def test_as_many_candidates_as_may_be():
    assert len(parse_fragment(f"a={HOST}\n" * MAX_CANDIDATES).candidates) == MAX_CANDIDATES


@given(st.text(max_size=300) | st.lists(st.sampled_from(FRAGMENT.split("\r\n"))).map("\n".join))
def test_nothing_but_a_refusal_comes_of_strange_text(text: str):
    try:
        fragment = parse_fragment(text)
    except MessageError:
        return
    assert len(fragment.candidates) == text.count("a=candidate:") + text.count("a=end-of-candidates")


def test_the_ice_session_of_a_description():
    assert ufrags_of(offer("host")) == {"Cn3J"}
