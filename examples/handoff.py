"""Two agents: a receptionist who listens to what is wanted, and a booking clerk who takes over.

Talk to it:  python -m agent_worker start examples/handoff.py
"""

from agent_worker import Agent, RunContext, function_tool


class Clerk(Agent):
    """Books a table. It has its own instructions and tools, and knows all that was said before."""

    instructions = "You book tables. Ask for the day and the number of guests, then book. Be brief."

    async def on_enter(self) -> None:
        if not self.session.resumed:
            self.session.generate_reply(instructions="Ask for when and for how many guests the table is to be.")

    @function_tool
    async def book_table(self, day: str, guests: int, context: RunContext) -> None:
        """Book a table.

        Args:
            day: The day, such as "Friday".
            guests: For how many people.
        """
        # Said word for word, and not to be interrupted: a model might put it differently.
        context.session.say(
            f"Your table for {guests} on {day} is booked. You can cancel until noon of that day.",
            allow_interruptions=False,
        )


class Receptionist(Agent):
    """Greets, and hands over."""

    instructions = "You are the receptionist of a restaurant. When the guest wants a table, call book."

    async def on_enter(self) -> None:
        if not self.session.resumed:
            self.session.say("Welcome to the Blue Door. This call is recorded.")
            self.session.generate_reply(instructions="Ask how you can help.")

    @function_tool
    async def book(self) -> Agent:
        """The guest wants a table: hand over to the booking clerk."""
        return Clerk()


agent = Receptionist()
