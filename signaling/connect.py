"""The simplest client there is: one HTTP request with an offer in, the agent's answer out.

The server stands in the room for that client, as a participant whose link is a `Call`: it fetches the agent, passes
the offer on, and waits for the answer. Afterwards the client is in the room until it hangs up, is removed, or its
agent's job is over.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from signaling.claims import Claims
from signaling.envelope import Error, Message, Participant
from signaling.errors import ErrorCode, MessageError
from signaling.member_messages import Candidate, Offer, RelayedAnswer, RelayedReject
from signaling.node import Node
from signaling.room_messages import DispatchChanged, Join, Joined, Leave, Left, ParticipantChanged
from signaling.sdp import MAX_CANDIDATES, check_sdp
from signaling.sdpfrag import Fragment, ufrags_of

LISTEN_AGAIN: Final = 5.0
"""Seconds after which somebody who is not there may be."""


class Call:
    """A participant without a socket: what it is sent becomes the outcome of a request.

    Args:
        ended: Called when the room or the agent is done with this participant; may be called more than once.
        wanted: The identity of the agent; None for whichever is there, or comes.

    Attributes:
        joined: How the room was on entering; None until then.
        agent: The identity of the agent in the room; None while there is none.
        answer: The agent's description; None until it came.
        waiting: Why the agent is not there yet, where that is known.
        refused: Why the call failed, or ended.
    """

    def __init__(self, ended: Callable[[], None], wanted: str | None = None) -> None:
        self._ended = ended
        self._wanted = wanted
        self.joined: Joined | None = None
        self.agent: str | None = None
        self.answer: str | None = None
        self.waiting: str | None = None
        self.refused: MessageError | None = None
        self._changed = asyncio.Event()

    def send(self, message: Message) -> None:
        """Take note of what the room says; what is no news for a call is left aside."""
        match message:
            case Joined(participants=participants):
                self.joined = message
                agents = [one.identity for one in participants if one.kind == "agent"]
                self.agent = next((one for one in agents if self._wanted in {None, one}), None)
            case ParticipantChanged(op="joined", participant=Participant(kind="agent", identity=identity)):
                if self._wanted in {None, identity}:
                    self.agent = identity
            case ParticipantChanged(op="left", participant=participant) if participant.identity == self.agent:
                # Once they are connected, an agent whose signaling is lost for a moment goes on talking.
                if self.answer is None:
                    self._refuse(ErrorCode.DISPATCH_FAILED, "the agent has left the room")
            case DispatchChanged(op="failed" | "ended" | "pending", reason=reason) if self.answer is not None:
                self._refuse(ErrorCode.REMOVED, reason or "the agent is gone")
            case DispatchChanged(op="pending", reason=reason):
                self.waiting = reason
            case DispatchChanged(op="failed", reason=reason):
                self._refuse(ErrorCode.DISPATCH_FAILED, reason or "no agent could be fetched")
            case RelayedAnswer(sender=sender, sdp=sdp) if sender == self.agent:
                self.answer = sdp
            case RelayedReject(sender=sender, code=code, message=text) if sender == self.agent:
                known = code in set(ErrorCode)
                self._refuse(ErrorCode(code) if known else ErrorCode.BAD_REQUEST, text or "the agent refused")
            case Error(code=code, message=text) if self.answer is None:
                self._refuse(ErrorCode(code), text)
            case Left(reason=reason):
                self._refuse(ErrorCode.REMOVED, f"the room let nobody stay: {reason}")
            case _:
                return
        self._changed.set()

    def close(self, code: int, reason: str) -> None:
        """The room is done with this participant."""
        self._refuse(ErrorCode.REMOVED, f"the session ended: {reason}")

    def _refuse(self, code: ErrorCode, text: str) -> None:
        self.refused = self.refused or MessageError(code, text)
        self._changed.set()
        self._ended()

    async def wait_for_agent(self) -> str:
        """The agent's identity, as soon as it is in the room.

        Raises:
            MessageError: It will not come.
        """
        while self.agent is None:
            await self._wait()
        return self.agent

    async def wait_for_answer(self) -> str:
        """The agent's description.

        Raises:
            MessageError: It was refused.
        """
        while self.answer is None:
            await self._wait()
        return self.answer

    async def _wait(self) -> None:
        if self.refused is not None:
            raise self.refused
        await self._changed.wait()
        self._changed.clear()


@dataclass(slots=True)
class _Place:
    """Where a client is in its room: its session, its own ICE session, its agent, and how much it trickled."""

    sid: str
    ufrags: frozenset[str]
    agent: str = ""
    candidates: int = 0


class Calls:
    """All clients that came by one request and are still in their rooms.

    Args:
        node: Where the rooms are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings = node.settings.connect
        self._places: dict[str, _Place] = {}

    async def connect(self, claims: Claims, sdp: str, agent: str | None = None) -> tuple[str, str]:
        """Let a client into its room and give its offer to the agent.

        Args:
            claims: Who it is, and which room.
            sdp: Its offer, with all candidates unless it can `trickle` more.
            agent: The identity of the agent, who must be there; None for any, which is fetched if need be.

        Returns:
            The secret name of the session, and the agent's answer.

        Raises:
            MessageError: The offer or the client was refused, or no agent answered in time.
        """
        check_sdp(sdp, "offer")
        if agent is not None:
            _check_heard(agent, self._node.participants(claims.room or "") or ())
        session = secrets.token_urlsafe(24)
        call = Call(lambda: self._forget(session), agent)
        place = self._places[session] = _Place(await self._node.enter(call, claims, Join()), ufrags_of(sdp))
        try:
            async with _deadline(self._settings.agent_timeout, call, "the agent did not come"):
                if call.agent is None and call.joined is not None:
                    self._node.want_agent(call.joined.you, call.joined.room, claims)
                place.agent = await call.wait_for_agent()
            async with _deadline(self._settings.answer_timeout, call, "the agent did not answer"):
                self._node.hear(place.sid, Offer(to=place.agent, sdp=sdp))
                answer = await call.wait_for_answer()
        except BaseException:
            self._forget(session)
            raise
        return session, answer

    def trickle(self, session: str, fragment: Fragment) -> bool:
        """Give its agent what a client found after its offer.

        Returns:
            False, and nothing is taken, for a fragment of another ICE session: aiortc cannot restart ICE.

        Raises:
            MessageError: `not_found`: there is no such session. `too_large`: nothing is taken, the session goes on.
        """
        place = self._place(session)
        if not fragment.ufrags <= place.ufrags:
            return False
        if place.candidates + len(fragment.candidates) > MAX_CANDIDATES:
            raise MessageError(ErrorCode.TOO_LARGE, f"more than {MAX_CANDIDATES} candidates since the offer")
        place.candidates += len(fragment.candidates)
        for one in fragment.candidates:
            self._node.hear(place.sid, Candidate(to=place.agent, candidate=one.line, sdp_mid=one.mid))
        return True

    def check(self, session: str) -> None:
        """Refuse the name of a session that is not.

        Raises:
            MessageError: `not_found`: there is no such session, or not any more.
        """
        self._place(session)

    def hang_up(self, session: str) -> None:
        """The client leaves its room.

        Raises:
            MessageError: `not_found`: there is no such session, or not any more.
        """
        self._place(session)
        self._forget(session)

    def _place(self, session: str) -> _Place:
        try:
            return self._places[session]
        except KeyError:
            raise MessageError(ErrorCode.NOT_FOUND, "there is no such session, or it has ended") from None

    def _forget(self, session: str) -> None:
        place = self._places.pop(session, None)
        if place is not None:
            self._node.hear(place.sid, Leave(reason="left"))


def _check_heard(wanted: str, present: Iterable[Participant]) -> None:
    """Refuse to listen to somebody who is not there, or whom only their own page could send on."""
    found = next((one for one in present if one.identity == wanted), None)
    if found is None:
        text = f"{wanted} is not in the room: come again when it is"
        raise MessageError(ErrorCode.NOT_FOUND, text, retry_after=LISTEN_AGAIN)
    if found.kind != "agent":
        text = f"{wanted} is no agent: the sound of people goes to agents and to the pages of other people alone"
        raise MessageError(ErrorCode.FORBIDDEN, text)


@asynccontextmanager
async def _deadline(seconds: float, call: Call, failure: str) -> AsyncGenerator[None]:
    """Bound a wait for the agent; running out of time is a refusal that says what was waited for."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as exc:
        why = f": {call.waiting}" if call.waiting else ""
        raise MessageError(ErrorCode.DISPATCH_FAILED, f"{failure} within {seconds:g} s{why}") from exc
