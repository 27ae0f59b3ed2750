"""To whom an agent listens when several humans are there: a choice of its application."""

from enum import StrEnum


class Listen(StrEnum):
    """Whose turns are heard. Whatever the choice, audio of two humans is never mixed into one turn."""

    LINKED = "linked"
    """One human's: the first who came, or the one the session was made for; when they leave, the next one's."""
    ACTIVE = "active"
    """Those of whoever speaks: whose voice begins first has the turn, and is alone heard until it is over."""
    ALL = "all"
    """Everybody's: who speaks in another's turn is heard behind it."""
