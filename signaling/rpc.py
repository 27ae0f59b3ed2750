"""Calls between members that wait for their answers: each is answered once, or is told why not.

Pure; a part of the registry.
"""

from dataclasses import dataclass
from typing import Final

from signaling.errors import ErrorCode, MessageError
from signaling.member_messages import RelayedRpcResult, RpcError, RpcResult
from signaling.timers import Timers

MAX_PENDING: Final = 32
"""Calls of one member that are not answered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCall:
    """Somebody waits for an answer.

    Attributes:
        caller: The session that waits.
        request: The id of its request.
        callee: The session that was asked.
        identity: The callee's.
    """

    caller: str
    request: int | str
    callee: str
    identity: str

    def answered(self, result: RpcResult) -> RelayedRpcResult:
        """The callee's answer as the caller gets it."""
        return RelayedRpcResult(sender=self.identity, re=self.request, payload=result.payload, error=result.error)

    def failed(self, code: str, text: str) -> RelayedRpcResult:
        """What the caller is told where no answer will come."""
        return RelayedRpcResult(sender=self.identity, re=self.request, error=RpcError(code=code, message=text))


class PendingCalls:
    """All calls of one server that are not answered yet, by an id of ours."""

    def __init__(self) -> None:
        self._calls: dict[str, PendingCall] = {}
        self._timers = Timers[str]()

    @property
    def deadline(self) -> float | None:
        """When the next one has waited too long."""
        return self._timers.earliest

    def open(self, call: str, pending: PendingCall, until: float) -> None:
        """Wait for an answer.

        Raises:
            MessageError: `rate_limited`: the caller waits for many already.
        """
        if sum(other.caller == pending.caller for other in self._calls.values()) >= MAX_PENDING:
            raise MessageError(
                ErrorCode.RATE_LIMITED, f"{MAX_PENDING} calls are not answered yet: wait", retry_after=1.0
            )
        self._calls[call] = pending
        self._timers.set(call, until)

    def answer(self, call: str, callee: str) -> PendingCall:
        """The call that a session answers; it is over by that.

        Raises:
            MessageError: `not_found`.
        """
        pending = self._calls.get(call)
        if pending is None or pending.callee != callee:
            raise MessageError(ErrorCode.NOT_FOUND, "there is no such call, or nobody waits for it any more")
        return self._drop(call)

    def expire(self, now: float) -> list[PendingCall]:
        """Those that have waited too long; they are over by this."""
        expired: list[PendingCall] = []
        while (call := self._timers.pop_due(now)) is not None:
            expired.append(self._calls.pop(call))
        return expired

    def drop(self, sid: str) -> list[PendingCall]:
        """Stop waiting for a session that is gone, and on behalf of it; all calls that this ends."""
        ended = [call for call, pending in self._calls.items() if sid in {pending.caller, pending.callee}]
        return [self._drop(call) for call in ended]

    def _drop(self, call: str) -> PendingCall:
        self._timers.cancel(call)
        return self._calls.pop(call)
