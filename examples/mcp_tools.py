"""An agent with tools that others have written: those of a Model Context Protocol server.

Needs:       pip install 'agent-worker[mcp]'
Talk to it:  python -m agent_worker start examples/mcp_tools.py
"""

import sys
from pathlib import Path

from agent_worker import Agent, MCPServer

STOCK = Path(__file__).with_name("stock_server.py")


class Shopkeeper(Agent):
    instructions = "You answer questions about what is in stock, with your tools. Be brief."
    mcp_servers = (MCPServer.stdio(sys.executable, str(STOCK), name="stock"),)

    async def on_enter(self) -> None:
        if not self.session.resumed:
            self.session.generate_reply(instructions="Greet the customer and ask what they are looking for.")


agent = Shopkeeper()
