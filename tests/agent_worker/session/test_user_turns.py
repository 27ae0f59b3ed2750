"""Turns between their commit and their words."""

from typing import Any, cast

from agent_worker.history.record import History
from agent_worker.session.user_turns import UserTurns


def following(deleted: list[str], *, transcribes: bool = True) -> UserTurns:
    return UserTurns(
        history=History(),
        seat=cast("Any", None),
        emit=lambda _: None,
        post=lambda _: None,
        start=lambda _: None,
        words_within=lambda: 1.5,
        transcribes=transcribes,
        delete=deleted.append,
    )


async def test_a_turn_without_a_name_is_forgotten_when_it_gets_one():
    deleted: list[str] = []
    turns = following(deleted)
    turns.committed()
    turns.named("known")
    old, older = turns.committed(), turns.committed()
    turns.forget()
    new = turns.committed()
    for item_id in ("first", "second", "third"):
        turns.named(item_id)
    assert deleted == ["first", "second"]
    assert (old.known.is_set(), older.known.is_set(), new.known.is_set()) == (True, True, False)


async def test_without_words_a_turn_is_known_when_it_is_named():
    deleted: list[str] = []
    turns = following(deleted, transcribes=False)
    turn = turns.committed()
    turns.named("it")
    assert turn.known.is_set()
    assert deleted == []
