"""Fakes as a product: test an agent without a network, a key, a microphone, or waiting."""

from agent_worker.realtime.script_follower import ScriptFollower
from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply, SentCommand
from agent_worker.realtime.scripted_steps import (
    Breaks,
    Connects,
    Emits,
    Expects,
    Hears,
    Refuses,
    Replies,
    ScriptError,
    Stalls,
    ToolAnswers,
    Types,
    Waits,
    anything,
    call,
    containing,
)
from agent_worker.rooms.loopback import Human, LoopbackRoom
from agent_worker.testing.breaking import BreakingModel
from agent_worker.testing.rehearsal import Rehearsed, rehearse
from agent_worker.testing.tone_voice import ToneVoice
from agent_worker.testing.virtual_time import DeadlockError, VirtualTimeLoop, run_in_virtual_time
from agent_worker.vad.energy import EnergyVad

__all__ = [
    "BreakingModel",
    "Breaks",
    "Connects",
    "DeadlockError",
    "Emits",
    "EnergyVad",
    "Expects",
    "Hears",
    "Human",
    "LoopbackRoom",
    "Refuses",
    "Rehearsed",
    "Replies",
    "ScriptError",
    "ScriptFollower",
    "ScriptedModel",
    "ScriptedReply",
    "SentCommand",
    "Stalls",
    "ToneVoice",
    "ToolAnswers",
    "Types",
    "VirtualTimeLoop",
    "Waits",
    "anything",
    "call",
    "containing",
    "rehearse",
    "run_in_virtual_time",
]
