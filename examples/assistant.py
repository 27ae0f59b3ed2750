"""A voice assistant: instructions, two tools, and a greeting.

Talk to it:  make demo
Or by hand:  python -m agent_worker start examples/assistant.py
"""

from datetime import datetime
from typing import Literal

from agent_worker import Agent, function_tool


class Assistant(Agent):
    instructions = (
        "You are a friendly voice assistant. Answer in one or two short spoken sentences. "
        "You can tell the time and take food orders with your tools."
    )

    async def on_enter(self) -> None:
        if self.session.resumed:  # the process before this one died, and the conversation goes on
            self.session.say("Sorry, I was away for a moment.")
        else:
            self.session.generate_reply(instructions="Greet the user and offer your help.")

    @function_tool
    async def get_time(self) -> str:
        """Tell the current time of day."""
        return f"It is {datetime.now().astimezone():%-I:%M %p}."

    @function_tool
    async def place_order(
        self, item: str, size: Literal["small", "medium", "large"] = "medium", quantity: int = 1
    ) -> str:
        """Place an order for food or drink.

        Args:
            item: What is ordered, such as "pizza".
            size: How big it is to be.
            quantity: How many of it.
        """
        return f"Ordered: {quantity} {size} {item}. It will be ready in twenty minutes."
