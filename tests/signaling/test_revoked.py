"""The deny list of tokens."""

from signaling.revoked import MAX_REVOKED, Revoked


def test_a_token_is_barred_until_it_has_expired_anyway():
    revoked = Revoked()
    revoked.add("a", until=100.0, wall=50.0)
    assert revoked.bars("a", wall=99.0)
    assert not revoked.bars("a", wall=100.0)
    assert not revoked.bars("b", wall=60.0)
    assert not revoked.bars(None, wall=60.0)


def test_the_list_is_bounded_and_loses_the_one_that_expires_first():
    revoked = Revoked()
    for number in range(MAX_REVOKED + 1):
        revoked.add(str(number), until=100.0 + number, wall=50.0)
    assert len(revoked) == MAX_REVOKED
    assert not revoked.bars("0", wall=60.0)
    assert revoked.bars("1", wall=60.0)
    revoked.add("last", until=1e9, wall=1e8)
    assert len(revoked) == 1, "what has expired is forgotten"
