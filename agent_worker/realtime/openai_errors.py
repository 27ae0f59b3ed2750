"""What each error of OpenAI's Realtime protocol means for the session: one table, read by the reader of events. Pure.

A code that is not in the table is a warning: what a provider adds tomorrow must not end a conversation.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent_worker.realtime.errors import ErrorPolicy, Refused

MALFORMED: Final = "malformed_event"
"""`ModelError.code` of a frame that could not be read: the one code that is ours and not the provider's."""

POLICIES: Final[Mapping[str, ErrorPolicy]] = MappingProxyType(
    {
        # It is already as it was wanted.
        "response_cancel_not_active": ErrorPolicy.IGNORE,
        "item_create_duplicate_item_id": ErrorPolicy.IGNORE,
        "item_delete_invalid_item_id": ErrorPolicy.IGNORE,
        # One command was no good, or came at the wrong time.
        "conversation_already_has_active_response": ErrorPolicy.FAIL_REQUEST,
        "item_retrieve_invalid_item_id": ErrorPolicy.FAIL_REQUEST,
        "item_truncate_invalid_item_id": ErrorPolicy.FAIL_REQUEST,
        "item_create_invalid_previous_item_id": ErrorPolicy.FAIL_REQUEST,
        "unsupported_content_type": ErrorPolicy.FAIL_REQUEST,
        "input_audio_buffer_commit_empty": ErrorPolicy.FAIL_REQUEST,
        "cannot_update_voice": ErrorPolicy.FAIL_REQUEST,
        "missing_required_parameter": ErrorPolicy.FAIL_REQUEST,
        "unknown_parameter": ErrorPolicy.FAIL_REQUEST,
        "invalid_value": ErrorPolicy.FAIL_REQUEST,
        "invalid_type": ErrorPolicy.FAIL_REQUEST,
        "invalid_event": ErrorPolicy.FAIL_REQUEST,
        "invalid_json": ErrorPolicy.FAIL_REQUEST,
        "unknown_or_invalid_event": ErrorPolicy.FAIL_REQUEST,
        "invalid_session_type": ErrorPolicy.FAIL_REQUEST,
        "rate_limit_exceeded": ErrorPolicy.FAIL_REQUEST,
        "inference_rate_limit_exceeded": ErrorPolicy.FAIL_REQUEST,
        "content_filter": ErrorPolicy.FAIL_REQUEST,
        # Ours alone: a frame that could not be read.
        MALFORMED: ErrorPolicy.WARN,
        # The session is over, or sick.
        "session_expired": ErrorPolicy.RECONNECT,
        "session_limit_reached": ErrorPolicy.RECONNECT,
        "server_error": ErrorPolicy.RECONNECT,
        # No other connection would fare better.
        "invalid_api_key": ErrorPolicy.FATAL,
        "insufficient_permissions": ErrorPolicy.FATAL,
        "account_deactivated": ErrorPolicy.FATAL,
        "insufficient_quota": ErrorPolicy.FATAL,
        "credit_balance_exhausted": ErrorPolicy.FATAL,
        "billing_hard_limit_reached": ErrorPolicy.FATAL,
        "missing_model": ErrorPolicy.FATAL,
        "invalid_model": ErrorPolicy.FATAL,
        "model_not_found": ErrorPolicy.FATAL,
        "beta_api_shape_disabled": ErrorPolicy.FATAL,
    }
)
"""By `error.code`, or by `error.type` of an error without a code that is known."""

_HARMLESS: Final = ("Cancellation failed", "Audio content of ")
"""Messages that begin so say, under codes that differ from server to server, that a reply is over already, or that
an item is already shorter than it is to be cut to."""

_BY_CODE: Final[Mapping[str, Refused]] = MappingProxyType(
    {
        "response_cancel_not_active": Refused.CANCEL,
        "conversation_already_has_active_response": Refused.RESPONSE,
        "item_create_duplicate_item_id": Refused.CREATE,
        "item_create_invalid_previous_item_id": Refused.CREATE,
        "item_delete_invalid_item_id": Refused.DELETE,
        "item_retrieve_invalid_item_id": Refused.RETRIEVE,
        "item_truncate_invalid_item_id": Refused.TRUNCATE,
        "input_audio_buffer_commit_empty": Refused.COMMIT,
        "cannot_update_voice": Refused.VOICE,
    }
)
_LONGEST_FIRST: Final = sorted(Refused, key=lambda refused: -len(refused.value))

ITEM_COMMANDS: Final = frozenset({Refused.CREATE, Refused.DELETE, Refused.RETRIEVE, Refused.TRUNCATE})


def policy_of(code: str, kind: str, message: str, *, answers_request: bool) -> ErrorPolicy:
    """What an error event means for the session.

    `answers_request`: it names the command that it answers, and so says nothing against the session as a whole.
    """
    if message.startswith(_HARMLESS):
        return ErrorPolicy.IGNORE
    policy = POLICIES.get(code) or POLICIES.get(kind, ErrorPolicy.WARN)
    if answers_request and (policy is ErrorPolicy.WARN or (code or kind) == "server_error"):
        return ErrorPolicy.FAIL_REQUEST
    return policy


def policy_of_failure(code: str, kind: str) -> ErrorPolicy:
    """What it means for the session that a reply failed with this error: mostly that this one reply did."""
    policy = POLICIES.get(code) or POLICIES.get(kind, ErrorPolicy.FAIL_REQUEST)
    if policy is ErrorPolicy.FATAL or code == "session_expired":
        return policy
    return ErrorPolicy.FAIL_REQUEST


def event_id_of(refused: Refused, subject: str = "") -> str:
    """The id of the client event that is sent for a command: an error repeats it, and so says what it answers."""
    return f"{refused.value}_{subject}" if subject else refused.value


def command_of(event_id: str | None, code: str) -> tuple[Refused | None, str]:
    """Which command an error answers, and what that was about; by its code alone where no event is named."""
    if event_id:
        for refused in _LONGEST_FIRST:
            if event_id == refused.value:
                return refused, ""
            if event_id.startswith(f"{refused.value}_"):
                return refused, event_id.removeprefix(f"{refused.value}_")
    return _BY_CODE.get(code), ""
