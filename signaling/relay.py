"""What one member sends to another: checked, cleaned of candidates that nobody should connect to, and signed `from`.

Pure. Descriptions and candidates of a human on their way to an agent are filtered, because an agent sends packets to
whatever it is given; an agent's own are its operator's, and what humans exchange stays between their browsers.
"""

from typing import assert_never

from signaling.member_messages import (
    Answer,
    Candidate,
    Data,
    From,
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
    RelayedStream,
    Renegotiate,
    Stream,
)
from signaling.sdp import CandidatePolicy, check_candidate, check_sdp, filter_sdp, is_usable

Addressed = Offer | Answer | Candidate | PcRebuild | Renegotiate | Reject
"""What goes to one member."""
Broadcast = Data | Stream
"""What goes to some members, or to all others."""


def check(message: Addressed) -> None:
    """Refuse what would harm the receiver.

    Raises:
        MessageError: `bad_request` or `too_large`.
    """
    match message:
        case Offer():
            check_sdp(message.sdp, "offer")
        case Answer():
            check_sdp(message.sdp, "answer")
        case Candidate():
            check_candidate(message.candidate or "")
        case PcRebuild() | Renegotiate() | Reject():
            pass
        case _:
            assert_never(message)


def relay(message: Addressed, sender: str, policy: CandidatePolicy | None) -> From | None:
    """The form in which the receiver gets a checked message; None when nothing of it is left.

    Args:
        message: As the sender sent it.
        sender: The sender's identity.
        policy: How candidates are filtered; None leaves them alone.
    """
    match message:
        case Offer(pc=pc, gen=gen):
            return RelayedOffer(sender=sender, pc=pc, gen=gen, sdp=_filtered(message.sdp, policy))
        case Answer(pc=pc, gen=gen):
            return RelayedAnswer(sender=sender, pc=pc, gen=gen, sdp=_filtered(message.sdp, policy))
        case Candidate(pc=pc, gen=gen, candidate=candidate):
            if candidate and policy is not None and not is_usable(candidate, policy):
                return None
            return RelayedCandidate(
                sender=sender,
                pc=pc,
                gen=gen,
                candidate=candidate,
                sdp_mid=message.sdp_mid,
                sdp_mline_index=message.sdp_mline_index,
            )
        case PcRebuild(pc=pc, gen=gen):
            return RelayedPcRebuild(sender=sender, pc=pc, gen=gen, reason=message.reason)
        case Renegotiate(pc=pc):
            return RelayedRenegotiate(sender=sender, pc=pc)
        case Reject(pc=pc, gen=gen):
            return RelayedReject(sender=sender, pc=pc, gen=gen, code=message.code, message=message.message)
        case _:
            assert_never(message)


def broadcast(message: Broadcast, sender: str) -> From:
    """The form in which others get data or a piece of text."""
    match message:
        case Data():
            return RelayedData(sender=sender, topic=message.topic, payload=message.payload)
        case Stream():
            return RelayedStream(
                sender=sender,
                op=message.op,
                sid=message.sid,
                topic=message.topic,
                attributes=message.attributes,
                text=message.text,
                n=message.n,
            )
        case _:
            assert_never(message)


def _filtered(sdp: str, policy: CandidatePolicy | None) -> str:
    return sdp if policy is None else filter_sdp(sdp, policy)
