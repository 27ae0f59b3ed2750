"""Fakes as a product: test an agent without a network, a key, a microphone, or waiting."""

from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply, SentCommand
from agent_worker.rooms.loopback import Human, LoopbackRoom
from agent_worker.testing.breaking import BreakingModel
from agent_worker.testing.virtual_time import DeadlockError, VirtualTimeLoop, run_in_virtual_time
from agent_worker.vad.energy import EnergyVad

__all__ = [
    "BreakingModel",
    "DeadlockError",
    "EnergyVad",
    "Human",
    "LoopbackRoom",
    "ScriptedModel",
    "ScriptedReply",
    "SentCommand",
    "VirtualTimeLoop",
    "run_in_virtual_time",
]
