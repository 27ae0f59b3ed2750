"""What others in the room may call an agent for (`rpc` on the wire): a name in, a JSON value out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agent_worker.errors import AgentWorkerError
from signaling.messages import FromClient, RpcError, RpcResult

__all__ = ["Methods", "Respond"]

_logger = logging.getLogger(__name__)

Respond = Callable[[], Awaitable[dict[str, Any]]]
"""Makes the answer to a call."""
RESPOND_SECONDS: Final = 5.0
MAX_AT_ONCE: Final = 8
"""Calls that are being answered; further ones are refused."""


class Methods:
    """The methods of one agent.

    Args:
        say: Queues a message to the room.
    """

    def __init__(self, say: Callable[[Callable[[], FromClient]], None]) -> None:
        self._say = say
        self._known: dict[str, Respond] = {}
        self._answering = 0

    def add(self, method: str, respond: Respond) -> None:
        """From now on calls of this method are answered so."""
        self._known[method] = respond

    def call(self, call: str, method: str, tasks: asyncio.TaskGroup) -> None:
        """Somebody calls; the answer is made in these tasks."""
        respond = self._known.get(method)
        if respond is None:
            self._refuse(call, "unsupported_method", f"this agent has no method {method}")
        elif self._answering >= MAX_AT_ONCE:
            self._refuse(call, "busy", f"more than {MAX_AT_ONCE} calls at once: ask again later")
        else:
            self._answering += 1
            tasks.create_task(self._answer(call, method, respond))

    async def _answer(self, call: str, method: str, respond: Respond) -> None:
        try:
            async with asyncio.timeout(RESPOND_SECONDS):
                payload = await respond()
        except (AgentWorkerError, TimeoutError) as error:
            _logger.warning("a call of %s cannot be answered: %r", method, error)
            self._refuse(call, "failed", str(error) or f"no answer within {RESPOND_SECONDS:g} s")
        else:
            self._say(lambda: RpcResult(re=call, payload=payload))
        finally:
            self._answering -= 1

    def _refuse(self, call: str, code: str, message: str) -> None:
        self._say(lambda: RpcResult(re=call, error=RpcError(code=code, message=message)))
