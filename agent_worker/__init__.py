"""A voice agent worker for WebRTC rooms. What an application needs is here; fakes for tests are in `testing`."""

from agent_worker.agent import Agent, StopResponse
from agent_worker.errors import (
    AgentWorkerError,
    CallError,
    ConfigError,
    ConnectionLostError,
    ProtocolError,
    RealtimeError,
    RealtimeLostError,
    RoomLostError,
    SpeechError,
    ToolError,
)
from agent_worker.rooms.base import RpcCall
from agent_worker.session import AgentSession, Job, OptionChanges, Priority, SpeechHandle, SpeechOptions, TurnMode
from agent_worker.tools import MCPServer, RunContext, function_tool

__all__ = [
    "Agent",
    "AgentSession",
    "AgentWorkerError",
    "CallError",
    "ConfigError",
    "ConnectionLostError",
    "Job",
    "MCPServer",
    "OptionChanges",
    "Priority",
    "ProtocolError",
    "RealtimeError",
    "RealtimeLostError",
    "RoomLostError",
    "RpcCall",
    "RunContext",
    "SpeechError",
    "SpeechHandle",
    "SpeechOptions",
    "StopResponse",
    "ToolError",
    "TurnMode",
    "function_tool",
]
