"""Everybody else in the room, and with whom we have a connection: what the room tells in, connections out. Pure.

The rules are the page's: everybody speaks with every agent, and the six humans who came first with each other. Who
came later offers; agents never do. Of two offers of the same generation that cross, the polite side gives way.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from signaling.messages import Joined, Participant, ParticipantChanged

__all__ = ["Company", "Wanted", "takes_offer"]

MAX_MESH: Final = 6
"""Humans who hear each other: each voice goes to each of them."""
CALLER_PREFIX: Final = "caller-"
"""People who came by `POST /v1/rooms/{room}/connect`: they have a way to the agent and none to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A connection that there shall be.

    Attributes:
        identity: With whom.
        era: Names it: with another one, what there was is forgotten.
        begins: We offer; else they are waited for.
        answers: Whether their offers are taken.
        is_polite: Of two offers that cross, ours gives way.
    """

    identity: str
    era: str
    begins: bool
    answers: bool
    is_polite: bool


@dataclass(slots=True)
class _Person:
    participant: Participant
    place: int
    era: str


@dataclass(slots=True)
class Company:
    """The others, in the order in which they came.

    Attributes:
        me: Our identity.
    """

    me: str = ""
    _people: dict[str, _Person] = field(default_factory=dict[str, _Person])
    _arrivals: int = 0
    _place: int = 0

    @property
    def others(self) -> tuple[Participant, ...]:
        """All of them."""
        return tuple(one.participant for one in sorted(self._people.values(), key=lambda one: one.place))

    def enter(self, joined: Joined, standing: Collection[str] = ()) -> tuple[list[Participant], list[Participant]]:
        """We are in the room, or in again by a new session.

        Args:
            joined: What we were told.
            standing: With whom a connection stands: they are here even if a server that was restarted does not know.

        Returns:
            Who is new, and who is gone.
        """
        self.me = joined.you.identity
        before, self._people = self._people, {}
        for one in joined.participants:
            known = before.get(one.identity)
            same = known is not None and (known.participant.sid == one.sid or one.identity in joined.kept)
            era = known.era if known is not None and same else one.sid
            self._arrivals += 1
            self._people[one.identity] = _Person(one, self._arrivals, era)
        for identity, known in before.items():
            if identity not in self._people and identity in standing:
                self._people[identity] = known
        self._arrivals += 1
        self._place = self._arrivals
        new = [one.participant for name, one in self._people.items() if name not in before]
        return new, [one.participant for name, one in before.items() if name not in self._people]

    def receive(self, changed: ParticipantChanged) -> tuple[list[Participant], list[Participant]]:
        """Somebody came, changed or went; who is new, and who is gone."""
        one = changed.participant
        known = self._people.get(one.identity)
        if one.identity == self.me:
            return [], []
        if changed.op == "left":
            if known is None or known.participant.sid != one.sid:
                return [], []  # the end of a session of before
            del self._people[one.identity]
            return [], [one]
        same = known is not None and known.participant.sid == one.sid
        if known is not None and same:
            known.participant = one
            return [], []
        self._arrivals += 1
        era = known.era if known is not None and changed.kept else one.sid
        self._people[one.identity] = _Person(one, self._arrivals, era)
        return ([] if known is not None else [one]), []

    def wanted(self) -> dict[str, Wanted]:
        """The connections that there shall be, by identity."""
        humans = sorted(
            [(one.place, name) for name, one in self._people.items() if _can_mesh(one.participant)]
            + [(self._place, self.me)]
        )[:MAX_MESH]
        mesh = {name for _, name in humans}
        return {
            name: Wanted(
                identity=name,
                era=one.era,
                begins=one.participant.kind == "agent" or one.place < self._place,
                answers=one.participant.kind != "agent",
                is_polite=self.me < name,
            )
            for name, one in self._people.items()
            if one.participant.kind == "agent" or (self.me in mesh and name in mesh)
        }


def takes_offer(gen: int, *, known: int, offering: bool, is_polite: bool) -> bool:
    """Whether an offer is taken in place of what there is.

    Args:
        gen: Its generation.
        known: That of our connection, or of our own offer; -1 for none.
        offering: Our own offer of that generation waits for its answer.
        is_polite: Ours gives way.
    """
    return offering and is_polite if gen == known else gen > known


def _can_mesh(one: Participant) -> bool:
    return one.kind == "human" and not one.identity.startswith(CALLER_PREFIX)
