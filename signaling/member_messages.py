"""What members of a room say to each other by way of the server: descriptions, candidates, data, texts, calls.

Pure. Each has two forms: with `to` as a member sends it, with `from` as another one receives it.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.envelope import (
    Attributes,
    Event,
    Generation,
    Identity,
    Message,
    Model,
    Payload,
    Reason,
    Recipients,
    RequestId,
    Text,
    Word,
)
from signaling.errors import ErrorCode

MAX_RPC_MS = 15_000


class To(Message):
    """Addressed to one member of the same room."""

    to: Identity


class From(Event):
    """Relayed from a member of the same room."""

    sender: Identity = Field(validation_alias="from", serialization_alias="from")


class _Negotiation(Message):
    pc: Identity = "main"
    """Which peer connection between the two is meant."""
    gen: Generation = 0
    """Counts how often it was rebuilt, so that what belongs to an earlier one can be dropped."""


class _Description(_Negotiation):
    sdp: str = Field(repr=False)


class Offer(_Description, To):
    """A session description that asks for an answer. Humans offer to agents; agents never offer."""

    t: Literal["offer"] = "offer"


class RelayedOffer(_Description, From):
    """An offer from a member."""

    t: Literal["offer"] = "offer"


class Answer(_Description, To):
    """The answer to the offer of the same `pc` and `gen`."""

    t: Literal["answer"] = "answer"


class RelayedAnswer(_Description, From):
    """An answer from a member."""

    t: Literal["answer"] = "answer"


class _Candidate(_Negotiation):
    nullable = frozenset({"candidate"})
    candidate: Annotated[str, StringConstraints(max_length=1024)] | None = Field(default=None, repr=False)
    """None: no more will come."""
    sdp_mid: Word | None = Field(default=None, validation_alias="sdpMid", serialization_alias="sdpMid")
    sdp_mline_index: Annotated[int, Field(ge=0, lt=1024)] | None = Field(
        default=None, validation_alias="sdpMLineIndex", serialization_alias="sdpMLineIndex"
    )


class Candidate(_Candidate, To):
    """One trickled ICE candidate."""

    t: Literal["candidate"] = "candidate"


class RelayedCandidate(_Candidate, From):
    """A candidate from a member."""

    t: Literal["candidate"] = "candidate"


class _PcRebuild(_Negotiation):
    reason: Reason = ""


class PcRebuild(_PcRebuild, To):
    """Forget the peer connection: a fresh offer comes, or please send one, with `gen` + 1."""

    t: Literal["pc_rebuild"] = "pc_rebuild"


class RelayedPcRebuild(_PcRebuild, From):
    """A member's wish to start over."""

    t: Literal["pc_rebuild"] = "pc_rebuild"


class Renegotiate(To):
    """An agent asks for an offer: it never offers itself."""

    t: Literal["renegotiate"] = "renegotiate"
    pc: Identity = "main"


class RelayedRenegotiate(From):
    """An agent's wish for an offer."""

    t: Literal["renegotiate"] = "renegotiate"
    pc: Identity = "main"


class _Reject(_Negotiation):
    code: Word = ErrorCode.BAD_REQUEST.value
    message: Reason = ""


class Reject(_Reject, To):
    """The answer of an agent to an offer that it cannot take."""

    t: Literal["reject"] = "reject"


class RelayedReject(_Reject, From):
    """An agent cannot take the offer."""

    t: Literal["reject"] = "reject"


class _Data(Message):
    nullable = frozenset({"payload"})
    topic: Word
    payload: Payload = None


class Data(_Data):
    """Any JSON for some members (`to`), or for everybody else; at most 15 000 characters."""

    t: Literal["data"] = "data"
    to: Recipients | None = None


class RelayedData(_Data, From):
    """Data from a member."""

    t: Literal["data"] = "data"


class _Stream(Message):
    op: Literal["open", "chunk", "close"]
    sid: Word
    topic: Word = ""
    attributes: Attributes | None = None
    text: Text | None = None
    n: int | None = None


class Stream(_Stream):
    """A text that grows, such as a transcript; one `sid` from open to close."""

    t: Literal["stream"] = "stream"
    to: Recipients | None = None


class RelayedStream(_Stream, From):
    """A growing text of a member."""

    t: Literal["stream"] = "stream"


class _Rpc(Message):
    nullable = frozenset({"payload"})
    method: Word
    payload: Payload = None
    timeout_ms: Annotated[int, Field(ge=1, le=MAX_RPC_MS)] = 10_000


class Rpc(_Rpc, To):
    """Call a method of another member; it must have an `id`, which the one `rpc_result` (or `error`) answers."""

    t: Literal["rpc"] = "rpc"


class RelayedRpc(_Rpc, From):
    """A member calls; answer with `rpc_result` whose `re` is `call`, within `timeout_ms`."""

    t: Literal["rpc"] = "rpc"
    call: str


class RpcError(Model):
    """Why a call failed; the code is the callee's own word, or `timeout` or `gone`."""

    code: Word
    message: Reason = ""


class _RpcResult(Message):
    nullable = frozenset({"payload"})
    payload: Payload = None
    error: RpcError | None = None


class RpcResult(_RpcResult):
    """The answer to the call `re`."""

    t: Literal["rpc_result"] = "rpc_result"
    re: Word


class RelayedRpcResult(_RpcResult, From):
    """The answer to your `rpc` with the id `re`; `from` is who was called."""

    t: Literal["rpc_result"] = "rpc_result"
    re: RequestId
