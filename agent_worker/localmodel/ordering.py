"""Takes orders for show, where the client has no tool for them: words -> question, confirmation, order. Pure.

What is being ordered stands in the agent's own last sentence, and is read from it: so an order that is half taken
survives a new connection, to which a client replays nothing but words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent_worker.localmodel import texts
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Say, Topic
from agent_worker.localmodel.intents import Intent, Wish, agrees, refuses
from agent_worker.localmodel.memory import Memory
from agent_worker.localmodel.phrases import Ordered, is_food, orders
from agent_worker.localmodel.words import digits, in_words, normal, plural, vocabulary

WHAT: Final = "What would you like to order? A pizza, a coffee or a salad?"
NOT_ORDERED: Final = "All right, I do not order that."
MOST: Final = 99
"""Of one thing."""
_INSTEAD: Final = f"{NOT_ORDERED} {WHAT}"
_SIZE_OF: Final = "{}: what size would you like? Small, medium or large."
_RIGHT: Final = "{}: is that right?"
_PLACED: Final = "I pretend to order {}: nobody here cooks. The number is {}."
_CANCEL: Final = "Shall I cancel your order {}?"
_SHORTEST_NUMBER: Final = 2
"""Digits: a single one counts things."""
_MOST_WORDS: Final = 3
"""Of a thing that is not known to be food."""
_SIZED: Final = vocabulary("pizza coffee tea latte cappuccino juice cola soda beer")
"""What comes in sizes."""
_MORE: Final = re.compile(r"^(?:(?:yes|okay|oh|please|i|would|like|want|can|have) )*(?:and|also|plus|another|add)\b")
_CORRECTING: Final = vocabulary("no sorry actually wait make rather instead not meant mean")

_OPEN_READ: Final = re.compile(r"(?:^|[.!?:] )([^.!?:]+): (?:what size would you like|is that right)\?")
_PLACED_READ: Final = re.compile(r"I pretend to order ([^:]+): nobody here cooks\. The number is ([\d ]+)\.")
_CANCEL_READ: Final = re.compile(r"Shall I cancel your order [\d ]+\?")


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was taken: what, in words, and its number with spaces between the digits."""

    things: str
    number: str


def order(wish: Wish, _context: Context) -> Say:
    """Begin an order."""
    return _ask(tuple(found for found in orders(wish.words) if found.item is not None))


def status(wish: Wish, context: Context) -> Say:
    """How far the last order has come."""
    placed = last(context.memory)
    unknown = _unknown(wish, placed)
    if unknown is not None:
        return unknown
    if placed is None:
        return Say("There is no order yet.")
    return Say(f"Your order {placed.number}, {placed.things}, is being made.")


def cancel(wish: Wish, context: Context) -> Say:
    """Take the last order back, after asking."""
    placed = last(context.memory)
    unknown = _unknown(wish, placed)
    if unknown is not None:
        return unknown
    if placed is None:
        return Say("There is no order to cancel.")
    return Say(_CANCEL.format(placed.number), topic=Topic.QUESTION)


def last(memory: Memory) -> Placed | None:
    """The last order that was taken, unless it was cancelled since."""
    for line in memory.agent_lines:
        if texts.CANCELLED in line.said.text:
            return None
        found = _PLACED_READ.search(line.said.text)
        if found is not None:
            return Placed(found[1], found[2])
    return None


def is_open(asked: str) -> bool:
    """Whether the agent's last sentence leaves an order to be completed, or cancelled."""
    return _CANCEL_READ.search(asked) is not None or _open(asked) is not None


def again(asked: str) -> Say:
    """The same question once more."""
    cancelling = _CANCEL_READ.search(asked)
    return Say(cancelling[0], topic=Topic.QUESTION) if cancelling is not None else _ask(_open(asked) or ())


def answered(asked: str, text: str, wishes: Sequence[Wish], context: Context) -> Say | None:
    """What follows from an answer.

    Args:
        asked: What the agent said last.
        text: The answer.
        wishes: What it is understood to mean.
        context: The situation.

    Returns:
        The next thing to say; None when nothing was asked, or when this is no answer to it.

    """
    if _CANCEL_READ.search(asked) is not None:
        return _cancelled(wishes)
    items = _open(asked)
    if items is not None:
        return _completed(items, text, wishes, context)
    placed = _PLACED_READ.search(asked)
    words = normal(text).split()
    if placed is None or not words or words[0] not in _CORRECTING:
        return None
    changed = _changed(_read(placed[1]), text, wishes)
    return None if changed is None else _ask(changed)


def _cancelled(wishes: Sequence[Wish]) -> Say | None:
    if agrees(wishes):
        return Say(texts.CANCELLED, topic=Topic.ORDER)
    return Say("All right, your order stays.") if refuses(wishes) else None


def _completed(items: tuple[Ordered, ...], text: str, wishes: Sequence[Wish], context: Context) -> Say | None:
    if agrees(wishes):
        return _ask(items) if not items or _lacks_size(items) else _place(items, context)
    if refuses(wishes):
        return Say(_INSTEAD, topic=Topic.QUESTION) if items else Say(NOT_ORDERED)
    if any(wish.intent is Intent.ORDER_CANCEL for wish in wishes):
        return Say(NOT_ORDERED)
    changed = _changed(items, text, wishes)
    return None if changed is None else _ask(changed)


def _changed(items: tuple[Ordered, ...], text: str, wishes: Sequence[Wish]) -> tuple[Ordered, ...] | None:
    """The order as it is now; None when what was said is not about it."""
    if any(wish.intent is not Intent.ORDER for wish in wishes):
        return None
    named = tuple(found for found in orders(normal(text).split()) if found != Ordered())
    free = not items and len(text.split()) <= _MOST_WORDS
    things = tuple(found for found in named if found.item is not None and (wishes or free or is_food(found.item)))
    if things:
        if items and _MORE.search(normal(text)):
            return (*items, *things)
        return _corrected(items, things)
    detail = next((found for found in named if found.item is None), None)
    if detail is None or not items:
        return None
    return tuple(_detailed(item, detail, is_last=item is items[-1]) for item in items)


def _corrected(items: tuple[Ordered, ...], things: tuple[Ordered, ...]) -> tuple[Ordered, ...]:
    """The order with these things in the place of those of the same name; of other names, in the place of all."""
    named = {thing.item: thing for thing in things}
    if not any(item.item in named for item in items):
        return things
    kept = [_kept(named.pop(item.item), item) if item.item in named else item for item in items]
    return (*kept, *named.values())


def _kept(thing: Ordered, before: Ordered) -> Ordered:
    """The corrected thing, with what was said of it before and is not said otherwise now."""
    return replace(thing, size=thing.size or before.size, extras=thing.extras or before.extras)


def _detailed(item: Ordered, detail: Ordered, *, is_last: bool) -> Ordered:
    """The thing with a detail: a size goes to all that lack one, anything else to what was named last."""
    lacks = _lacks_size((item,))
    size = detail.size if detail.size is not None and (lacks or is_last) else item.size
    if not is_last:
        return replace(item, size=size)
    return replace(item, size=size, quantity=detail.quantity or item.quantity, extras=(*item.extras, *detail.extras))


def _ask(items: tuple[Ordered, ...]) -> Say:
    """The next question about what is ordered so far."""
    if any(item.quantity is not None and not 1 <= item.quantity <= MOST for item in items):
        return Say(f"I take orders of one to {in_words(MOST)}. {WHAT}", topic=Topic.QUESTION)
    if not items:
        return Say(WHAT, topic=Topic.QUESTION)
    said = _capital(described(items))
    return Say((_SIZE_OF if _lacks_size(items) else _RIGHT).format(said), topic=Topic.QUESTION)


def _place(items: tuple[Ordered, ...], context: Context) -> Say:
    number = " ".join(str(100 + context.moment.draw % 900))
    return Say(_PLACED.format(described(items), number), topic=Topic.ORDER)


def _unknown(wish: Wish, placed: Placed | None) -> Say | None:
    """That there is no order of the number that was named."""
    asked = digits(wish.words) or ""
    if len(asked) < _SHORTEST_NUMBER or (placed is not None and placed.number.replace(" ", "") == asked):
        return None
    yours = f" Yours is {placed.number}." if placed is not None else ""
    return Say(f"I know no order {' '.join(asked)}.{yours}")


def _open(asked: str) -> tuple[Ordered, ...] | None:
    """What the agent's last sentence says of an order that is being taken; None when there is none."""
    found = _OPEN_READ.search(asked)
    if found is not None:
        return _read(found[1])
    return () if WHAT in asked else None


def _read(things: str) -> tuple[Ordered, ...]:
    return orders(normal(things).split())


def _lacks_size(items: Sequence[Ordered]) -> bool:
    return any(item.size is None and item.item is not None and item.item.split()[-1] in _SIZED for item in items)


def described(items: Sequence[Ordered]) -> str:
    """In words: "two large pizzas with cheese and a coffee"."""
    parts = [_described(item) for item in items]
    return f"{', and '.join(parts)}" if len(parts) > 1 else "".join(parts)


def _described(item: Ordered) -> str:
    count, name = item.quantity or 1, item.item or ""
    sized = f"{item.size} {name}" if item.size else name
    extras = f" with {' and '.join(item.extras)}" if item.extras else ""
    if count == 1 and name.endswith("s"):
        return f"some {sized}{extras}"
    if count == 1:
        return f"{'an' if sized[:1] in 'aeiou' else 'a'} {sized}{extras}"
    return f"{in_words(count)} {sized.removesuffix(name)}{plural(name)}{extras}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
