"""The quiet assistant, who listens to everybody in the room."""

from agent_worker.turns.listen import Listen
from tests.support.agents.quiet import Quiet


class AllEars(Quiet):
    def __init__(self) -> None:
        super().__init__(options={"listen": Listen.ALL})
