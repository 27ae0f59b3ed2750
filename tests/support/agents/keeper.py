"""The quiet assistant, who writes down what was said when the call is over; that takes a moment."""

import asyncio
import os
from pathlib import Path

from tests.support.agents.quiet import Quiet


class Keeper(Quiet):
    async def on_enter(self) -> None:
        self.session.add_shutdown_callback(self.store)

    async def store(self, reason: str) -> None:
        await asyncio.sleep(2.5)
        said = [message.text for message in self.session.history.messages()]
        Path(os.environ["KEPT"]).write_text("\n".join([reason, *said]))
