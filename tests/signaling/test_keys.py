"""API keys as people write them."""

import pytest

from signaling.keys import KeysError, parse_keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", {}),
        ("one: s3cret", {"one": "s3cret"}),
        ("two:b,one:a", {"two": "b", "one": "a"}),
        ("# old\none: a\n\n  two : b==  \n", {"one": "a", "two": "b=="}),
        ("one: a:b", {"one": "a:b"}),
    ],
)
def test_keys_are_read_in_their_order(text: str, keys: dict[str, str]):
    assert list(parse_keys(text).items()) == list(keys.items())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hush", "entry 1"),
        ("one: a\n: hush", "entry 2"),
        ("one: a, one: hush", "id one"),
        ("a: hush hush", "entry 1"),
    ],
)
def test_what_is_wrong_is_named_and_the_secret_is_not(text: str, says: str):
    with pytest.raises(KeysError) as refused:
        parse_keys(text)
    assert says in str(refused.value)
    assert "hush" not in str(refused.value)
