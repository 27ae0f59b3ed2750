"""A voice agent worker for WebRTC rooms. What an application needs is here; fakes for tests are in `testing`."""

from agent_worker.agent import Agent, StopResponse
from agent_worker.errors import (
    AgentWorkerError,
    ConfigError,
    ConnectionLostError,
    ProtocolError,
    RealtimeError,
    RealtimeLostError,
    RoomLostError,
    SpeechError,
    ToolError,
)
from agent_worker.session import AgentSession, OptionChanges, Priority, SpeechHandle, SpeechOptions, TurnMode
from agent_worker.tools import MCPServer, RunContext, function_tool

__all__ = [
    "Agent",
    "AgentSession",
    "AgentWorkerError",
    "ConfigError",
    "ConnectionLostError",
    "MCPServer",
    "OptionChanges",
    "Priority",
    "ProtocolError",
    "RealtimeError",
    "RealtimeLostError",
    "RoomLostError",
    "RunContext",
    "SpeechError",
    "SpeechHandle",
    "SpeechOptions",
    "StopResponse",
    "ToolError",
    "TurnMode",
    "function_tool",
]
