"""A voice agent worker for WebRTC rooms. What an application needs is here; fakes for tests are in `testing`.

Each name is imported when it is first asked for: a worker's supervisor is in this package too, and holds no WebRTC.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
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

if not TYPE_CHECKING:  # a type checker would take every name for one that is here
    _ELSEWHERE: Final = {
        "Agent": "agent",
        "StopResponse": "agent",
        "RpcCall": "rooms.base",
        "MCPServer": "tools",
        "RunContext": "tools",
        "function_tool": "tools",
    } | dict.fromkeys(
        ("AgentSession", "Job", "OptionChanges", "Priority", "SpeechHandle", "SpeechOptions", "TurnMode"), "session"
    )

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
