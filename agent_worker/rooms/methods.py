"""What others in the room may call an agent for (`rpc` on the wire): a call in, a JSON value or a CallError out."""

import asyncio
import logging
from typing import Any, Final

from pydantic import ValidationError

from agent_worker.errors import CallError
from agent_worker.rooms.base import Respond, RpcCall
from signaling.messages import RelayedRpc, RpcError, RpcResult

__all__ = ["Methods"]

_logger = logging.getLogger(__name__)

MAX_AT_ONCE: Final = 32
"""Calls that are being answered; further ones are refused."""
MAX_CODE: Final = 128
MAX_MESSAGE: Final = 500
"""Characters of a refusal on the wire."""


class Methods:
    """The methods of one agent."""

    def __init__(self) -> None:
        self._known: dict[str, Respond] = {}
        self._answering = 0

    def add(self, method: str, respond: Respond) -> None:
        """From now on calls of this method are answered so."""
        self._known[method] = respond

    async def answer(self, call: RpcCall) -> Any:
        """The answer to a call, while somebody waits for it.

        Raises:
            CallError: There is none; what it was is in our log, where the caller need not know.
        """
        respond = self._known.get(call.method)
        if respond is None:
            raise CallError(f"this agent has no method {call.method}", code="unsupported_method")
        if self._answering >= MAX_AT_ONCE:
            raise CallError(f"more than {MAX_AT_ONCE} calls at once: ask again later", code="busy")
        self._answering += 1
        deadline = asyncio.timeout(call.seconds)
        try:
            async with deadline:
                answer = await respond(call)
        except CallError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                _logger.warning("! a call of %s is not answered within %g s", call.method, call.seconds)
                raise CallError(f"no answer within {call.seconds:g} s", code="timeout") from None
            _logger.exception("! the method %s failed", call.method)
            raise CallError(f"{call.method} failed", code="application_error") from None
        finally:
            self._answering -= 1
        return _fitting(call.method, answer)

    async def result(self, call: RelayedRpc) -> RpcResult:
        """What is said to a call on the wire."""
        try:
            payload = await self.answer(
                RpcCall(
                    identity=call.sender, method=call.method, payload=call.payload, seconds=call.timeout_ms / 1000
                )
            )
        except CallError as refusal:
            error = RpcError(code=refusal.code[:MAX_CODE], message=str(refusal)[:MAX_MESSAGE])
            return RpcResult(re=call.call, error=error)
        return RpcResult(re=call.call, payload=payload)


def _fitting(method: str, answer: Any) -> Any:
    try:
        return RpcResult(re="", payload=answer).payload
    except ValidationError as error:
        why = error.errors(include_input=False)[0]["msg"]
        _logger.error("! what %s answers does not fit the wire: %s", method, why)
        raise CallError(f"{method} failed", code="application_error") from None
