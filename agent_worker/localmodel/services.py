"""What the brain does by itself where the client has no tool for it: timers, orders, the weather, other people. Pure.

Timers are real: the session says by itself when one is over. Orders and the weather are made up, and say so; what was
ordered is remembered by the conversation alone. Other people are the same brain with another voice.
"""

import re
from typing import Final

from agent_worker.localmodel import phrases, texts
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Plan, Remind, Say, Topic
from agent_worker.localmodel.intents import Wish

LONGEST_TIMER: Final = 3600.0
"""Seconds: a session lasts no longer."""
_TEAMS: Final = {
    "billing": "ash",
    "sales": "ballad",
    "support": "ash",
    "human": "ballad",
}
"""Who there is, and whose voice they have."""
_BACK: Final = re.compile(r"\bback\b|\bassistant\b")
_NUMBER: Final = re.compile(r"The number is ([\d ]+)\.")


def timer(wish: Wish, _context: Context) -> Plan:
    """Set a timer."""
    seconds = phrases.duration(wish.words)
    if seconds is None or seconds <= 0:
        return (Say("For how long? Say, for example: set a timer for two minutes."),)
    if seconds > LONGEST_TIMER:
        return (Say("I can keep timers for an hour at most."),)
    length = _length(seconds)
    return (Remind(seconds, f"{texts.TIMER_OVER} It was set for {length}."), Say(f"Your timer is set for {length}."))


def timer_left(_wish: Wish, context: Context) -> Say:
    """How long the next timer will take."""
    left = context.situation.reminders
    return Say(f"There are {_length(left[0])} left." if left else "There is no timer.")


def timer_cancelled(_wish: Wish, context: Context) -> Say:
    """All timers are taken off."""
    return Say("Your timer is cancelled." if context.situation.reminders else "There is no timer to cancel.")


def weather(wish: Wish, context: Context) -> Say:
    """A forecast, made up."""
    place, when = phrases.place(wish.words), phrases.when(wish.words)
    where = f" in {place}" if place else ""
    made_up = texts.WEATHERS[sum(map(ord, f"{where}{when}{context.moment.wall:%j}")) % len(texts.WEATHERS)]
    will = "will be" if when and when not in ("today", "now") else "is"
    return Say(f"I have no real forecast, so I make one up: {when or 'today'}{where} it {will} {made_up}.")


def order(wish: Wish, context: Context) -> Say:
    """Take an order, for show."""
    wanted = phrases.ordered(wish.words)
    if wanted.item is None or wanted.item == "order":
        return Say("What would you like to order? A pizza, a coffee or a salad?", topic=Topic.QUESTION)
    count = wanted.quantity or 1
    size = f"{wanted.size} " if wanted.size else ""
    item = wanted.item if count == 1 else f"{wanted.item}s"
    extras = f" with {' and '.join(wanted.extras)}" if wanted.extras else ""
    number = " ".join(str(100 + context.moment.draw % 900))
    return Say(
        f"I pretend to order {count} {size}{item}{extras}: nobody here cooks. The number is {number}.",
        topic=Topic.ORDER,
    )


def order_status(_wish: Wish, context: Context) -> Say:
    """How far the last order has come."""
    taken = context.memory.order
    found = _NUMBER.search(taken.said.text) if taken is not None else None
    return Say(f"Your order {found[1]} is being made." if found is not None else "There is no order yet.")


def cancel_order(_wish: Wish, context: Context) -> Say:
    """Take the last order back."""
    if context.memory.order is None:
        return Say("There is no order to cancel.")
    return Say(texts.CANCELLED, topic=Topic.ORDER)


def transfer(wish: Wish, _context: Context) -> Say:
    """Somebody else goes on: the same brain with another voice, and back."""
    if _BACK.search(wish.text):
        return Say("Hello, this is your assistant again. What can I do for you?", topic=Topic.HANDOFF)
    team = next((team for team in _TEAMS if team in wish.text), "human")
    who = "a colleague of the assistant" if team == "human" else team
    return Say(
        f"Hello, this is {who} now, in the same machine. What can I do for you? Say go back for the assistant.",
        topic=Topic.HANDOFF,
        voice=_TEAMS[team],
    )


def _length(seconds: float) -> str:
    """A length of time as people say it: "2 minutes and 5 seconds"."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    parts = [(minutes, "minute"), (rest, "second")]
    return " and ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
