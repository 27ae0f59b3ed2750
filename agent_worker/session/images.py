"""What the user shows (M-7): pictures become messages of both histories; at most one each second, old ones go."""

import asyncio
from collections import deque
from typing import Final, Literal
from uuid import uuid4

from agent_worker import clock
from agent_worker.errors import SpeechError
from agent_worker.history.items import Image, Message, Role
from agent_worker.media.jpeg import Picture, encoded
from agent_worker.session.histories import Histories
from agent_worker.tools.pictures import is_picture

KEPT: Final = 5
"""Pictures that stay in both histories, unless it is said otherwise."""
OF_A_TOOL: Final = "[What the tool {name} shows.]"
APART_SECONDS: Final = 1.0
ENCODED_WITHIN_SECONDS: Final = 5.0


class Images:
    """The pictures of one session.

    Args:
        histories: Where they are kept.

    """

    def __init__(self, histories: Histories) -> None:
        self._histories = histories
        self._shown: deque[str] = deque()
        self._last_at: float | None = None

    async def show(
        self, picture: Picture | bytes, *, detail: Literal["auto", "low", "high"], text: str, keep: int
    ) -> bool:
        """Show a picture; see `AgentSession.send_image`."""
        now = clock.now()
        if self._last_at is not None and now - self._last_at < APART_SECONDS:
            return False
        # Noted before the encoder works, so that a second picture meanwhile is left out.
        self._last_at = now
        data = await _file(picture)
        self._tell(text, (Image(data, detail=detail),), keep)
        return True

    def of_tool(self, name: str, images: tuple[Image, ...]) -> None:
        """Show what a tool has brought, as soon as it has: a model looks at nothing in a tool's output itself."""
        self._tell(OF_A_TOOL.format(name=name), images, KEPT)

    def _tell(self, text: str, images: tuple[Image, ...], keep: int) -> None:
        message = Message(id=f"item_{uuid4().hex[:20]}", role=Role.USER, text=text, images=images)
        self._histories.tell(message)
        self._shown.append(message.id)
        while len(self._shown) > max(1, keep):
            self._histories.forget(self._shown.popleft())


async def _file(picture: Picture | bytes) -> bytes:
    if isinstance(picture, bytes):
        if not is_picture(picture):
            msg = "a picture given as bytes is a JPEG or a PNG file, and this is neither"
            raise SpeechError(msg)
        return picture
    try:
        async with asyncio.timeout(ENCODED_WITHIN_SECONDS):
            return await asyncio.to_thread(encoded, picture)
    except ValueError as error:
        raise SpeechError(str(error)) from error
