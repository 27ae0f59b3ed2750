"""Who else there is to talk to, where the client has no tool for a transfer: the same brain with another voice. Pure.

Who is speaking is read from the words with which they took over, so that it survives a new connection.
"""

import re
from dataclasses import dataclass
from typing import Final

from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Say, Topic
from agent_worker.localmodel.intents import Wish
from agent_worker.localmodel.memory import Memory
from agent_worker.localmodel.voices import unlike

BACK: Final = "Hello, this is your assistant again. What can I do for you?"
_TAKES_OVER: Final = "Hello, this is {} now, in the same machine. {} Say go back for the assistant."
_TOOK_OVER: Final = re.compile(r"Hello, this is (.+?) now, in the same machine\.")
_BACK: Final = re.compile(r"\bback\b|\bassistant\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Somebody to be handed over to."""

    asked: str
    """What somebody says who wants to talk to them: a regular expression."""
    name: str
    voice: int
    """The number of their voice."""
    opening: str
    examples: tuple[str, ...]
    """What they are good at."""


TEAMS: Final = (
    Team(
        asked=r"\bbilling\b",
        name="billing",
        voice=1,
        opening="Is it about an order?",
        examples=("what did I order", "cancel my order", "what is twelve times nine"),
    ),
    Team(
        asked=r"\bsales\b",
        name="sales",
        voice=2,
        opening="What would you like to order?",
        examples=("I would like to order a large pizza", "two coffees please", "what did I order"),
    ),
    Team(
        asked=r"\bsupport\b",
        name="support",
        voice=1,
        opening="What is the trouble?",
        examples=("speak slower", "can you hear me", "where is my order"),
    ),
    Team(
        asked=r"",
        name="a colleague of the assistant",
        voice=2,
        opening="What can I do for you?",
        examples=("what time is it", "tell me a story", "I would like to order a pizza"),
    ),
)
"""The last one is whoever else was asked for: people in flesh and blood are not here."""


def transfer(wish: Wish, context: Context) -> Say:
    """Somebody else goes on, and back."""
    if _BACK.search(wish.text):
        if speaking(context.memory) is None:
            return Say("You are talking to the assistant. What can I do for you?")
        return Say(BACK, topic=Topic.HANDOFF, voice=context.situation.voice)
    team = next(team for team in TEAMS if re.search(team.asked, wish.text))
    return Say(
        _TAKES_OVER.format(team.name, team.opening),
        topic=Topic.HANDOFF,
        voice=unlike(context.situation.voice, team.voice),
    )


def speaking(memory: Memory) -> Team | None:
    """Who the user was handed over to last; None: nobody, or back again."""
    for line in memory.agent_lines:
        took_over = _TOOK_OVER.search(line.said.text)
        if took_over is not None:
            return next((team for team in TEAMS if took_over[1] == team.name), None)
        if BACK in line.said.text:
            return None
    return None


def voice(context: Context) -> str | None:
    """The voice of whoever is speaking; None: the session's own."""
    team = speaking(context.memory)
    return None if team is None else unlike(context.situation.voice, team.voice)
