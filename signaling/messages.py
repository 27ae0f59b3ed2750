"""The wire, whole: each message of `/v1/rtc` and `/v1/worker`, how text becomes one, the constants of both sides.

Pure, and the one module of this package that agent_worker may import. Text from a stranger goes through a `parse_*`
function and is a frozen model afterwards, or a `MessageError` that says what was wrong; `encode` is the way back.
"""

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from signaling.envelope import (
    MAX_FIRST_FRAME_BYTES,
    MAX_FRAME_BYTES,
    Error,
    Event,
    Ice,
    IceServer,
    Message,
    Ok,
    Participant,
    Ping,
    Pong,
    RoomInfo,
    Track,
    encode,
    error_of,
    parse,
)
from signaling.errors import CLOSE_CODES, ErrorCode, MessageError
from signaling.member_messages import (
    Answer,
    Candidate,
    Data,
    Offer,
    PcRebuild,
    Reject,
    RelayedAnswer,
    RelayedCandidate,
    RelayedData,
    RelayedOffer,
    RelayedPcRebuild,
    RelayedReject,
    RelayedRenegotiate,
    RelayedRpc,
    RelayedRpcResult,
    RelayedStream,
    Renegotiate,
    Rpc,
    RpcError,
    RpcResult,
    Stream,
)
from signaling.room_messages import (
    ChangeTrack,
    ClientInfo,
    DispatchChanged,
    FromClient,
    IcePushed,
    Join,
    Joined,
    Leave,
    Left,
    Moderate,
    ParticipantChanged,
    PingSettings,
    RefreshToken,
    Resume,
    RoomChanged,
    ServerInfo,
    ToClient,
    TokenPushed,
    Update,
)
from signaling.sdp import check_candidate, check_sdp, filter_sdp
from signaling.worker_messages import (
    HEARTBEAT_MS,
    LEASE_MS,
    Drain,
    Draining,
    FromWorker,
    JobAccept,
    JobAssign,
    JobOffer,
    JobReject,
    JobTerminate,
    JobUpdate,
    Register,
    Registered,
    RunningJob,
    Status,
    ToWorker,
)

SUBPROTOCOL: Final = "voice.v1"
PROTOCOL_VERSION: Final = 1
TOKEN_AUDIENCE: Final = "voice"  # noqa: S105 - no secret
TOKEN_ALGORITHM: Final = "HS256"  # noqa: S105 - no secret
DEV_API_KEY: Final = "devkey"
DEV_API_SECRET: Final = "dev-secret-for-this-machine-only-0123456789"  # noqa: S105 - refused outside --dev

_from_client: TypeAdapter[FromClient] = TypeAdapter(Annotated[FromClient, Field(discriminator="t")])
_to_client: TypeAdapter[ToClient] = TypeAdapter(Annotated[ToClient, Field(discriminator="t")])
_from_worker: TypeAdapter[FromWorker] = TypeAdapter(Annotated[FromWorker, Field(discriminator="t")])
_to_worker: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="t")])


def worker_claims(api_key: str, worker: str, *, expires_at: int) -> dict[str, Any]:
    """The claims of the token with which a worker registers; sign them with the API secret (`TOKEN_ALGORITHM`).

    Args:
        api_key: The id of the API key; it becomes `iss`.
        worker: The worker's id; it becomes `sub`.
        expires_at: Unix seconds, at most 24 hours ahead.
    """
    grants = {"agent": True}
    return {"iss": api_key, "sub": worker, "aud": TOKEN_AUDIENCE, "exp": expires_at, "grants": grants}


def parse_from_client(text: str | bytes) -> FromClient:
    """What a participant sent on `/v1/rtc`.

    Raises:
        MessageError: `bad_request` or `too_large`.
    """
    return parse(_from_client, text)


def parse_to_client(text: str | bytes) -> ToClient:
    """What the server sent on `/v1/rtc`. A client does well to log an unknown message and go on.

    Raises:
        MessageError: It is malformed, or of a type that this side does not know.
    """
    return parse(_to_client, text)


def parse_from_worker(text: str | bytes) -> FromWorker:
    """What a worker sent on `/v1/worker`.

    Raises:
        MessageError: `bad_request` or `too_large`.
    """
    return parse(_from_worker, text)


def parse_to_worker(text: str | bytes) -> ToWorker:
    """What the server sent on `/v1/worker`. A worker does well to log an unknown message and go on.

    Raises:
        MessageError: It is malformed, or of a type that this side does not know.
    """
    return parse(_to_worker, text)


__all__ = [
    "CLOSE_CODES",
    "DEV_API_KEY",
    "DEV_API_SECRET",
    "HEARTBEAT_MS",
    "LEASE_MS",
    "MAX_FIRST_FRAME_BYTES",
    "MAX_FRAME_BYTES",
    "PROTOCOL_VERSION",
    "SUBPROTOCOL",
    "TOKEN_ALGORITHM",
    "TOKEN_AUDIENCE",
    "Answer",
    "Candidate",
    "ChangeTrack",
    "ClientInfo",
    "Data",
    "DispatchChanged",
    "Drain",
    "Draining",
    "Error",
    "ErrorCode",
    "Event",
    "FromClient",
    "FromWorker",
    "Ice",
    "IcePushed",
    "IceServer",
    "JobAccept",
    "JobAssign",
    "JobOffer",
    "JobReject",
    "JobTerminate",
    "JobUpdate",
    "Join",
    "Joined",
    "Leave",
    "Left",
    "Message",
    "MessageError",
    "Moderate",
    "Offer",
    "Ok",
    "Participant",
    "ParticipantChanged",
    "PcRebuild",
    "Ping",
    "PingSettings",
    "Pong",
    "RefreshToken",
    "Register",
    "Registered",
    "Reject",
    "RelayedAnswer",
    "RelayedCandidate",
    "RelayedData",
    "RelayedOffer",
    "RelayedPcRebuild",
    "RelayedReject",
    "RelayedRenegotiate",
    "RelayedRpc",
    "RelayedRpcResult",
    "RelayedStream",
    "Renegotiate",
    "Resume",
    "RoomChanged",
    "RoomInfo",
    "Rpc",
    "RpcError",
    "RpcResult",
    "RunningJob",
    "ServerInfo",
    "Status",
    "Stream",
    "ToClient",
    "ToWorker",
    "TokenPushed",
    "Track",
    "Update",
    "check_candidate",
    "check_sdp",
    "encode",
    "error_of",
    "filter_sdp",
    "parse",
    "parse_from_client",
    "parse_from_worker",
    "parse_to_client",
    "parse_to_worker",
    "worker_claims",
]
