"""A tool that takes its time: the agent says so, and the user need not wonder whether anybody is there.

Talk to it:  python -m agent_worker start examples/slow_tool.py
"""

import asyncio

from agent_worker import Agent, RunContext, ToolError, function_tool


class Clerk(Agent):
    instructions = "You answer questions about parcels. Ask for the parcel's number, then call find_parcel. Be brief."

    async def on_enter(self) -> None:
        if not self.session.resumed:
            self.session.generate_reply(instructions="Greet the caller and ask for the number of the parcel.")

    @function_tool(filler="One moment, I am looking that up.", filler_after=0.8, timeout=20)
    async def find_parcel(self, number: int) -> str:
        """Find out where a parcel is.

        Args:
            number: The parcel's number.
        """
        await asyncio.sleep(3.0)  # In real life: a database that is far away.
        if number < 100:
            # The model reads this, and asks for another number.
            raise ToolError("There is no parcel with this number: it has three digits or more.")
        return "It arrives tomorrow before noon."

    @function_tool
    async def cancel_delivery(self, number: int, context: RunContext) -> str:
        """Send a parcel back.

        Args:
            number: The parcel's number.
        """
        # From here on nothing may cut the agent; raises if the caller has said "no, wait" already.
        context.disallow_interruptions()
        return f"Parcel {number} goes back to its sender."


agent = Clerk()
