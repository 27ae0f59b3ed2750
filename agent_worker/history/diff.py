"""What must be told a model so that its copy of the conversation equals ours (R-4). Pure.

local items, model's items -> differences -> deletions first, then insertions from the beginning to the end
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item

ROOT: Final = "root"
"""What stands before the first item (`conversation.item.create`, previous_item_id)."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Take this item out."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """Put this item behind another, or at the head behind `ROOT`."""

    item: Item
    after: str


Change = Deletion | Insertion


def differences(
    theirs: Sequence[Item], ours: Sequence[Item], *, fixed: Collection[str] = frozenset()
) -> list[Change]:
    """The changes that turn their items into ours, to be made in this order.

    An item that reads otherwise is taken out and put in again under its own id; so is an output whose call is,
    because no model keeps an output without its call. Nothing refers to what is not there at that point.

    Args:
        theirs: The model's items, in its order; no id twice.
        ours: The items that it is to have; no id twice.
        fixed: Ids of items that both have and that are to stay as and where they are, because they hold more than we
            could put in again (sound).

    """
    ours_by_id = {item.id: item for item in ours}
    stays = {item.id for item in theirs if item.id in fixed and item.id in ours_by_id}
    kept = _common_around(theirs, ours, stays) | stays
    kept -= _orphans(theirs, kept) - stays
    changes: list[Change] = [Deletion(item.id) for item in reversed(theirs) if item.id not in kept]
    after = ROOT
    for item in ours:
        if item.id not in kept:
            changes.append(Insertion(item=item, after=after))
        after = item.id
    return changes


def _orphans(theirs: Sequence[Item], kept: Collection[str]) -> set[str]:
    """Outputs that would lose the call that they answer."""
    leaving = {item.call_id for item in theirs if isinstance(item, FunctionCall) and item.id not in kept}
    return {item.id for item in theirs if isinstance(item, FunctionCallOutput) and item.call_id in leaving}


def _common_around(theirs: Sequence[Item], ours: Sequence[Item], stays: Collection[str]) -> set[str]:
    """The ids of what can stay on the same side of all that must: that is what the others are put around."""
    ours_by_id = {item.id: item for item in ours if item.id in stays}
    posts = _common([ours_by_id[item.id] for item in theirs if item.id in stays], list(ours_by_id.values()))
    common: set[str] = set()
    for their_part, our_part in zip(_parts(theirs, posts, stays), _parts(ours, posts, stays), strict=True):
        common |= _common(their_part, our_part)
    return common


def _parts(items: Sequence[Item], posts: Collection[str], stays: Collection[str]) -> list[list[Item]]:
    """What stands between these posts, without what stays anyway."""
    parts: list[list[Item]] = [[]]
    for item in items:
        if item.id in posts:
            parts.append([])
        elif item.id not in stays:
            parts[-1].append(item)
    return parts


def _common(theirs: Sequence[Item], ours: Sequence[Item]) -> set[str]:
    """The ids of a longest common subsequence. What both begin and end with costs nothing."""
    start = 0
    while start < min(len(theirs), len(ours)) and theirs[start] == ours[start]:
        start += 1
    end = 0
    while end < min(len(theirs), len(ours)) - start and theirs[-1 - end] == ours[-1 - end]:
        end += 1
    common = {item.id for item in (*ours[:start], *ours[len(ours) - end :])}
    return common | _longest(theirs[start : len(theirs) - end], ours[start : len(ours) - end])


def _longest(theirs: Sequence[Item], ours: Sequence[Item]) -> set[str]:
    lengths = [[0] * (len(ours) + 1) for _ in range(len(theirs) + 1)]
    for row in range(len(theirs) - 1, -1, -1):
        for column in range(len(ours) - 1, -1, -1):
            lengths[row][column] = (
                lengths[row + 1][column + 1] + 1
                if theirs[row] == ours[column]
                else max(lengths[row + 1][column], lengths[row][column + 1])
            )
    found: set[str] = set()
    row = column = 0
    while row < len(theirs) and column < len(ours):
        if theirs[row] == ours[column]:
            found.add(ours[column].id)
            row, column = row + 1, column + 1
        elif lengths[row + 1][column] >= lengths[row][column + 1]:
            row += 1
        else:
            column += 1
    return found
