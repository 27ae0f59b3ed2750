"""What people's pages may call: a room's call -> a function of the application -> its answer."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from agent_worker.errors import ConfigError
from agent_worker.rooms.base import Respond, Room, RpcCall

OWN_PREFIX: Final = "agent."
"""Methods called so are the session's own."""
MAX_NAME: Final = 128

Procedure = Callable[[RpcCall], object]
"""Gives back a JSON value of at most 15 000 characters, or is a coroutine function that does."""


class Procedures:
    """Remembers the methods, and offers them in the room once there is one."""

    def __init__(self) -> None:
        self._known: dict[str, Procedure] = {}
        self._room: Room | None = None

    def add(self, name: str, function: Procedure) -> None:
        """Answer calls of this name so, now and in the room that is entered later.

        Raises:
            ConfigError: Nothing can be called so.

        """
        if not 0 < len(name) <= MAX_NAME or name.startswith(OWN_PREFIX):
            msg = (
                f"no method can be called {name!r}: give it a name of 1 to {MAX_NAME} characters that does not begin"
                f" with {OWN_PREFIX!r}, which is kept for the session's own"
            )
            raise ConfigError(msg)
        self._known[name] = function
        if self._room is not None:
            self._room.answer_calls(name, _responding(function))

    def enter(self, room: Room) -> None:
        """The session is in this room now."""
        self._room = room
        for name, function in self._known.items():
            room.answer_calls(name, _responding(function))


def _responding(function: Procedure) -> Respond:
    async def respond(call: RpcCall) -> Any:
        answer = function(call)
        return await answer if inspect.isawaitable(answer) else answer

    return respond
