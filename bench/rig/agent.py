"""The agent that is measured: as the other side it waits 0.2 s for the end of a turn, and not for who has left."""

from agent_worker import Agent
from agent_worker.speech.options import OptionChanges


class Measured(Agent):
    instructions = "Answer."
    options = OptionChanges(min_endpointing_delay=0.2, departure_timeout=1.0)
