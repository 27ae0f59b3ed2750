"""Which worker is asked for a job, of those who are there.

Pure; what `reserve` decides by in every engine. Jobs hold slots from the moment they are offered, so that two offers
never overfill a worker. The choice is that of two at random, the less loaded one: nearly as even as always taking the
least loaded, without the herd that rushes there between two reports (Mitzenmacher, 2001).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signaling.engine.base import FRESH, NobodyFree, Reserved, Want

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A worker as it may be asked.

    Attributes:
        held: The jobs that hold a slot of it.
        reported: Those of its last status: their load is in `load`.
        quiet: Seconds since that status.
    """

    worker: str
    agent: str
    max_jobs: int
    is_connected: bool = True
    state: str = "available"
    load: float = 0.0
    held: Collection[str] = ()
    reported: Collection[str] = ()
    quiet: float = 0.0

    @property
    def effective_load(self) -> float:
        """The load that it reports, and what the jobs will add that it does not feel yet."""
        return self.load + len(set(self.held) - set(self.reported)) / self.max_jobs

    @property
    def is_able(self) -> bool:
        """Whether it may be asked: connected, heard of lately, willing, and with a free slot."""
        alive = self.is_connected and self.quiet <= FRESH
        return alive and self.state == "available" and len(self.held) < self.max_jobs


def place(want: Want, candidates: Sequence[Candidate], random: "Random") -> Reserved | NobodyFree:
    """Whom to ask.

    A job that asks for no particular agent ("") prefers workers without a name of their own.
    """
    able = [one for one in candidates if one.is_able and one.worker not in want.tried]
    if any(one.worker == want.first for one in able):
        assert want.first is not None
        return Reserved(want.first)
    named = [one for one in able if one.agent == want.agent]
    pool = named if named or want.agent else able
    if not pool:
        return NobodyFree(why_nobody(want.agent, candidates))
    pair = random.sample(pool, min(2, len(pool)))
    return Reserved(min(pair, key=lambda one: one.effective_load).worker)


def why_nobody(agent: str, candidates: Sequence[Candidate]) -> str:
    """What keeps a job waiting, in words for the people who wait."""
    connected = [one for one in candidates if one.is_connected]
    if any(agent in {"", one.agent} for one in connected):
        return "every worker is busy"
    if agent:
        return f"no worker is connected that runs the agent {agent}"
    return "no worker is connected: start one with python -m agent_worker start AGENT"
