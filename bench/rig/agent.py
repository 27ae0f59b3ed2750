"""The agent that is measured: it takes 0.2 s of silence for the end of a turn, as the other side does."""

from agent_worker import Agent
from agent_worker.speech.options import OptionChanges


class Measured(Agent):
    instructions = "Answer."
    options = OptionChanges(min_endpointing_delay=0.2)
