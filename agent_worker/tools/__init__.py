"""WHAT THE AGENT CAN DO: functions as the model sees them, and the model's calls as the functions see them.

function -> function_tool (mark) -> schema -> `ToolSpec` to the model
the model's call -> run -> an answer that it can go on with
"""

from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import function_tool
from agent_worker.tools.mcp_server import MCPServer

__all__ = ["MCPServer", "RunContext", "function_tool"]
