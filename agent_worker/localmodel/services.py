"""What the brain does by itself where the client has no tool for it: timers and the weather. Pure.

Timers are real: the session says by itself when one is over. The weather is made up, and says so.
"""

import re
from typing import Final

from agent_worker.localmodel import phrases, texts
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import ForgetReminders, Plan, Remind, Say
from agent_worker.localmodel.intents import Wish

_ERRAND: Final = re.compile(r"\bremind me to ((?:(?!in\b|at\b)[a-z]+ ?){1,8}?)(?= in\b|$)")
_O_CLOCK: Final = re.compile(r"\b(?:am|pm|clock|at|tomorrow|morning|noon|midnight)\b")
LONGEST_TIMER: Final = 3600.0
"""Seconds: a session lasts no longer."""


def timer(wish: Wish, _context: Context) -> Plan:
    """Set a timer. One that corrects another takes its place."""
    seconds = phrases.duration(wish.words)
    if seconds is None or seconds <= 0:
        return (Say(texts.NO_ALARM if _O_CLOCK.search(wish.text) else texts.HOW_LONG),)
    if seconds > LONGEST_TIMER:
        return (Say("I can keep timers for an hour at most."),)
    length = _length(seconds)
    errand = _ERRAND.search(wish.text)
    about = f" You wanted to {errand[1]}." if errand is not None else ""
    remind = Remind(seconds, f"{texts.TIMER_OVER} It was set for {length}.{about}")
    said = Say(f"Your timer is set for {length}.")
    return (ForgetReminders(), remind, said) if wish.before else (remind, said)


def timer_left(_wish: Wish, context: Context) -> Say:
    """How long the next timer will take."""
    left = context.situation.reminders
    if not left:
        return Say("There is no timer.")
    length = _length(left[0])
    return Say(f"There {'is' if length.startswith('1 ') else 'are'} {length} left.")


def timer_cancelled(_wish: Wish, context: Context) -> Say:
    """All timers are taken off."""
    timers = len(context.situation.reminders)
    if not timers:
        return Say("There is no timer to cancel.")
    return Say("Your timer is cancelled." if timers == 1 else f"Your {timers} timers are cancelled.")


def weather(wish: Wish, context: Context) -> Say:
    """A forecast, made up."""
    before = wish.before.split()
    place = phrases.place(wish.words) or phrases.place(before)
    when = phrases.when(wish.words) or phrases.when(before)
    where = f" in {place}" if place else ""
    made_up = texts.WEATHERS[sum(map(ord, f"{where}{when}{context.moment.wall:%j}")) % len(texts.WEATHERS)]
    will = "will be" if when and when not in ("today", "now") else "is"
    return Say(f"I have no real forecast, so I make one up: {when or 'today'}{where} it {will} {made_up}.")


def _length(seconds: float) -> str:
    """A length of time as people say it: "2 minutes and 5 seconds"."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    parts = [(minutes, "minute"), (rest, "second")]
    return " and ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
