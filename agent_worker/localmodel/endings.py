"""Whether somebody who falls silent is in the middle of a sentence: the words so far -> wait, or not. Pure."""

from typing import Final

from agent_worker.localmodel.intents import Intent, understand
from agent_worker.localmodel.words import normal, vocabulary

_OPEN: Final = vocabulary("a an the to for of in at with from and or but because so um uh er my your")
"""Words that no wish ends with, whatever it is so far: "order a" is one already, and is not complete."""
_HALF: Final = vocabulary("i you we is are was would like want set roll tell me what please actually well")
"""Words that a sentence may end with when it is a wish."""


def is_open(partial: str) -> bool:
    """Whether more is to come."""
    words = normal(partial).split()
    if not words:
        return False
    wishes = understand(partial)
    if words[-1] == "order":  # "where is my order" is complete, "I would like to order" is not
        return all(wish.intent is Intent.ORDER for wish in wishes)
    return words[-1] in _OPEN or (words[-1] in _HALF and not wishes)
