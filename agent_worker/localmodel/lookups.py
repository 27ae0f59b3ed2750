"""The brain's own slow tool and its own broken one: a wish -> an output, as a client's tool would give it. Pure.

They are there to be interrupted, and to be seen failing. No call of them goes over the wire: a client would take it
for a call of its own tool.
"""

import json
from datetime import timedelta
from typing import Final

from agent_worker.localmodel import outputs, phrases
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Pause, Plan, Say, Topic
from agent_worker.localmodel.intents import Wish

SECONDS: Final = 2.5
"""For which the slow tool works, after it has asked for a moment."""
ONE_MOMENT: Final = "One moment, I am looking it up."
_PLATFORMS: Final = 9


def train(wish: Wish, context: Context) -> Plan:
    """The next train, made up: it takes a while to find."""
    return (
        Say(ONE_MOMENT, topic=Topic.ACKNOWLEDGEMENT),
        Pause(SECONDS),
        Say(outputs.spoken(_timetable(wish, context), None)),
    )


def mail(_wish: Wish, _context: Context) -> Plan:
    """The user's messages: there is no mailbox, so this fails each time."""
    return (Say(outputs.spoken(json.dumps({"error": "nobody has connected me to a mailbox"}), None)),)


def _timetable(wish: Wish, context: Context) -> str:
    place = phrases.destination(wish.words) or phrases.destination(wish.before.split())
    where = f" to {place}" if place else ""
    leaves = context.moment.wall + timedelta(minutes=7 + context.moment.draw % 23)
    platform = 1 + context.moment.draw // 23 % _PLATFORMS
    text = f"I make this up: the next train{where} leaves at {outputs.clock_text(leaves)} from platform {platform}."
    return json.dumps({"message": text})
