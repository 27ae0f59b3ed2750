"""What each error of the protocol means: a row for each code that the service is known to send."""

import json

import pytest

from agent_worker.realtime.base import ErrorPolicy, ModelError, Refused, ResponseEnded
from agent_worker.realtime.openai_errors import MALFORMED, POLICIES
from agent_worker.realtime.openai_events import read
from agent_worker.realtime.openai_wire import Codec

IGNORE, WARN, FAIL, RECONNECT, FATAL = ErrorPolicy

# code: what an error event of it means, and what it means that a reply failed with it
ROWS: dict[str, tuple[ErrorPolicy, ErrorPolicy]] = {
    "response_cancel_not_active": (IGNORE, FAIL),
    "item_create_duplicate_item_id": (IGNORE, FAIL),
    "item_delete_invalid_item_id": (IGNORE, FAIL),
    "conversation_already_has_active_response": (FAIL, FAIL),
    "item_retrieve_invalid_item_id": (FAIL, FAIL),
    "item_truncate_invalid_item_id": (FAIL, FAIL),
    "item_create_invalid_previous_item_id": (FAIL, FAIL),
    "unsupported_content_type": (FAIL, FAIL),
    "input_audio_buffer_commit_empty": (FAIL, FAIL),
    "cannot_update_voice": (FAIL, FAIL),
    "missing_required_parameter": (FAIL, FAIL),
    "unknown_parameter": (FAIL, FAIL),
    "invalid_value": (FAIL, FAIL),
    "invalid_type": (FAIL, FAIL),
    "invalid_event": (FAIL, FAIL),
    "invalid_json": (FAIL, FAIL),
    "unknown_or_invalid_event": (FAIL, FAIL),
    "invalid_session_type": (FAIL, FAIL),
    "rate_limit_exceeded": (FAIL, FAIL),
    "inference_rate_limit_exceeded": (FAIL, FAIL),
    "content_filter": (FAIL, FAIL),
    MALFORMED: (WARN, FAIL),
    "session_expired": (RECONNECT, RECONNECT),
    "session_limit_reached": (RECONNECT, FAIL),
    "server_error": (RECONNECT, FAIL),
    "invalid_api_key": (FATAL, FATAL),
    "insufficient_permissions": (FATAL, FATAL),
    "account_deactivated": (FATAL, FATAL),
    "insufficient_quota": (FATAL, FATAL),
    "credit_balance_exhausted": (FATAL, FATAL),
    "billing_hard_limit_reached": (FATAL, FATAL),
    "missing_model": (FATAL, FATAL),
    "invalid_model": (FATAL, FATAL),
    "model_not_found": (FATAL, FATAL),
    "beta_api_shape_disabled": (FATAL, FATAL),
}


def error(
    code: str | None = None, *, kind: str = "", message: str = "No.", event_id: str | None = None
) -> ModelError:
    body = {"type": kind, "code": code, "message": message, "event_id": event_id}
    event = read(json.dumps({"type": "error", "error": body}))
    assert isinstance(event, ModelError)
    return event


def failure(code: str) -> ErrorPolicy:
    details = {"type": "failed", "error": {"type": "x", "code": code}}
    response = {"id": "r", "status": "failed", "status_details": details}
    event = read(json.dumps({"type": "response.done", "response": response}))
    assert isinstance(event, ResponseEnded)
    return event.policy


@pytest.mark.parametrize(("code", "event", "reply"), [(code, *row) for code, row in ROWS.items()])
def test_an_error_means_this(code: str, event: ErrorPolicy, reply: ErrorPolicy) -> None:
    assert error(code).policy is event
    assert failure(code) is reply


def test_every_code_has_a_row() -> None:
    assert set(ROWS) == set(POLICIES)


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        pytest.param(error("tomorrows_code"), WARN, id="an unknown one is a warning"),
        pytest.param(error("tomorrows_code", event_id="commit"), FAIL, id="an unknown one that answers a command"),
        pytest.param(error("server_error", event_id="commit"), FAIL, id="it could not do this one thing"),
        pytest.param(error(kind="insufficient_quota"), FATAL, id="by its type alone"),
        pytest.param(error("odd", kind="insufficient_quota"), FATAL, id="by its type under an unknown code"),
        pytest.param(error(message="Cancellation failed: no active response found"), IGNORE, id="the reply is over"),
        pytest.param(
            error("invalid_value", message="Audio content of 9250ms is already shorter than 57340ms"),
            IGNORE,
            id="the item is shorter already",
        ),
        pytest.param(error(), WARN, id="one that says nothing"),
    ],
)
def test_what_is_not_said_by_a_code(said: ModelError, policy: ErrorPolicy) -> None:
    assert said.policy is policy


@pytest.mark.parametrize(
    ("said", "refused", "item_id", "request_id"),
    [
        (error("x", event_id="response_r1"), Refused.RESPONSE, None, "r1"),
        (error("x", event_id="cancel_resp_1"), Refused.CANCEL, None, None),
        (error("x", event_id="retrieve_item_1"), Refused.RETRIEVE, "item_1", None),
        (error("x", event_id="create_clear_1"), Refused.CREATE, "clear_1", None),
        (error("x", event_id="clear_playback"), Refused.CLEAR_PLAYBACK, None, None),
        (error("x", event_id="clear"), Refused.CLEAR, None, None),
        (error("x", event_id="settings"), Refused.SETTINGS, None, None),
        (error("x", event_id="event_of_the_server"), None, None, None),
        (
            error("item_retrieve_invalid_item_id", message="the item 'a b' is not"),
            Refused.RETRIEVE,
            "a b",
            None,
        ),
        (error("item_delete_invalid_item_id"), Refused.DELETE, None, None),
    ],
)
def test_an_error_names_what_was_refused(
    said: ModelError, refused: Refused | None, item_id: str | None, request_id: str | None
) -> None:
    assert (said.refused, said.item_id, said.request_id) == (refused, item_id, request_id)


def test_a_refused_voice_says_what_takes_it() -> None:
    body = {"type": "invalid_request_error", "code": "cannot_update_voice", "message": "No.", "event_id": "voice"}
    (event,) = Codec().decode(json.dumps({"type": "error", "error": body}))
    assert isinstance(event, ModelError)
    assert "A new session takes the new voice" in event.message
