"""Why an OpenAI-compatible server did not let us in, in a sentence that says what to do next. Pure.

The server accepts every WebSocket and then refuses by an error event, by a close whose reason is
"<error type>.<error code>", or, behind a gateway, by an HTTP status.
"""

from collections.abc import Mapping
from typing import Final

from agent_worker.errors import RealtimeError

_CHECK_KEY: Final = "Check that the API key is whole, belongs to this server and has not been revoked."
_CHECK_BILLING: Final = "Check the plan and the billing of the account that the API key belongs to."
_CHECK_MODEL: Final = "Check the model's name, and that the account may use it."

_NEXT_STEP: Final[Mapping[str, str]] = {
    "invalid_api_key": _CHECK_KEY,
    "account_deactivated": _CHECK_KEY,
    "insufficient_permissions": "Give the API key the permission to use the Realtime API, or use another key.",
    "insufficient_quota": _CHECK_BILLING,
    "credit_balance_exhausted": _CHECK_BILLING,
    "billing_hard_limit_reached": _CHECK_BILLING,
    "model_not_found": _CHECK_MODEL,
    "invalid_model": _CHECK_MODEL,
    "missing_model": "Name a model: model=... or ?model=... in the address.",
    "beta_api_shape_disabled": "The address is one of the beta protocol; use that of the GA protocol (/v1/realtime).",
    "not_found": "Check the path of the address (usually /v1/realtime) and the model's name.",
    "bad_request": "Check the address and its query.",
    "rate_limit_exceeded": "Try again later, or ask the provider for a higher limit.",
}
_OTHERWISE: Final = (
    "Check the session's settings (voice, tools, transcription model) against what this server offers."
)

_FIRST_REFUSING_CLOSE: Final = 3000
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "invalid_api_key",
    403: "insufficient_permissions",
    404: "not_found",
    429: "rate_limit_exceeded",
}


def refusal(address: str, *, code: str, message: str) -> RealtimeError:
    """The error of a request to `address` that was answered with this code and message."""
    said = message.strip().rstrip(".") or code or "no reason given"
    next_step = _NEXT_STEP.get(code, _OTHERWISE)
    return RealtimeError(f"The realtime model at {address} refused: {said}. {next_step}", code=code)


def refusal_by_close(address: str, *, close_code: int | None, reason: str) -> RealtimeError | None:
    """The same for a close frame; None when its code speaks of a lost connection rather than of a refusal.

    Codes from 3000 on belong to applications (RFC 6455 section 7.4.2): 3000 is a bad key, 4000 a bad model.
    """
    if close_code is None or close_code < _FIRST_REFUSING_CLOSE:
        return None
    return refusal(address, code=reason.rpartition(".")[2], message=f"{reason} (close code {close_code})".strip())


def refusal_by_status(address: str, *, status: int) -> RealtimeError | None:
    """The same for the HTTP answer to the WebSocket handshake; None for a server that is unwell and may recover."""
    code = _BY_STATUS.get(status)
    if code is None:
        return None
    return refusal(address, code=code, message=f"HTTP status {status}")
