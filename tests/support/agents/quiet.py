"""The example's assistant without its greeting: calls in tests begin at once."""

from examples.assistant import Assistant


class Quiet(Assistant):
    async def on_enter(self) -> None:
        pass
