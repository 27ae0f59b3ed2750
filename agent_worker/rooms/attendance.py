"""Who is in a signaled room, which of their media connections counts, and what they typed: messages in, actions out.

Pure. A human offers, we answer; a rebuilt connection comes as an offer with a higher `gen`, and everything of a
lower one is dropped. Each connection that is opened gets a number, its `link`, by which late news of it is known.
"""

from dataclasses import dataclass, field
from typing import Final, assert_never

from agent_worker.rooms.base import (
    DataReceived,
    HumanConnected,
    HumanDisconnected,
    HumanJoined,
    HumanLeft,
    HumanMuted,
    Microphone,
    RoomEvent,
    TextReceived,
)
from signaling.messages import (
    Answer,
    FromClient,
    Joined,
    Moderate,
    Participant,
    ParticipantChanged,
    PcRebuild,
    Reject,
    RelayedCandidate,
    RelayedData,
    RelayedOffer,
    RelayedPcRebuild,
    RelayedStream,
)

__all__ = [
    "AddCandidate",
    "Announce",
    "Attendance",
    "Close",
    "Heard",
    "LinkAnswered",
    "LinkConnected",
    "LinkEvent",
    "LinkLost",
    "LinkRefused",
    "Open",
    "Say",
]

CHAT_TOPIC: Final = "chat"
SERVER: Final = "@server"
"""Who sends what came by `POST /v1/rooms/{room}/data`."""
MAX_EARLY_CANDIDATES: Final = 40
"""Kept for an offer that is still on its way; more than any offer may have are dropped."""
MAX_TYPED: Final = 15_000
"""Characters of one message that is typed; the rest is dropped."""
MAX_TYPING: Final = 8
"""Texts that one human can have begun; the oldest is forgotten for another."""
MAX_REASON: Final = 500
"""Characters of a reason on the wire."""
CALLER_PREFIX: Final = "caller-"
"""Whoever came by `POST /v1/rooms/{room}/connect` is called so. They have no socket: we say when they are gone."""
SOCKETLESS: Final = frozenset({"whip", "whep"})
"""The kinds of others who have none."""


# What happens to connections. ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkAnswered:
    """We have an answer to the offer."""

    link: int
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkConnected:
    """Sound goes both ways."""

    link: int
    microphone: Microphone


@dataclass(frozen=True, slots=True)
class LinkLost:
    """It is over, or never came to be."""

    link: int
    reason: str


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """The offer cannot be taken."""

    link: int
    code: str
    message: str


LinkEvent = LinkAnswered | LinkConnected | LinkLost | LinkRefused
Heard = Joined | ParticipantChanged | RelayedOffer | RelayedCandidate | RelayedPcRebuild | RelayedStream | RelayedData
"""The messages that matter here."""


# What is to be done. ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Make a connection for this human in place of the one that there may be, and answer the offer."""

    link: int
    identity: str
    sdp: str = field(repr=False)
    candidates: tuple[RelayedCandidate, ...]
    """Those that came before the offer."""


@dataclass(frozen=True, slots=True)
class AddCandidate:
    """Give a candidate to a connection."""

    link: int
    candidate: RelayedCandidate


@dataclass(frozen=True, slots=True)
class Close:
    """End a connection."""

    link: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the session."""

    event: RoomEvent


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the room."""

    message: FromClient


Action = Open | AddCandidate | Close | Announce | Say


@dataclass(slots=True)
class _Human:
    sid: str
    pc: str = ""
    gen: int = -1
    """Of the last offer that was taken; what is lower is stale."""
    link: int | None = None
    connected: bool = False
    muted: bool = False
    is_listener: bool = False
    """They hear us and are not heard (WHEP): the session knows nothing of them."""
    is_socketless: bool = False
    """They are in the room by their connection alone."""
    is_away: bool = False
    """The server does not know them since it came back, but we may still hear them."""
    early: list[RelayedCandidate] = field(default_factory=list[RelayedCandidate])
    typing: dict[str, str] = field(default_factory=dict[str, str])
    """Text so far, by the stream's id."""


@dataclass(slots=True)
class Attendance:
    """The humans of one room."""

    _humans: dict[str, _Human] = field(default_factory=dict[str, _Human])
    _links: int = 0

    @property
    def links(self) -> dict[str, int]:
        """The generation of each connection that stands, by identity."""
        return {name: human.gen for name, human in self._humans.items() if human.connected and human.gen >= 0}

    def receive(self, event: Heard | LinkEvent) -> list[Action]:
        """Something happened; what is to be done, in order."""
        match event:
            case LinkAnswered() | LinkConnected() | LinkLost() | LinkRefused():
                identity = next((name for name, human in self._humans.items() if human.link == event.link), None)
                return [] if identity is None else self._on_link(identity, self._humans[identity], event)
            case Joined():
                return self._on_joined(event)
            case ParticipantChanged():
                return self._on_participant(event)
            case RelayedData(sender=sender, topic=topic, payload=payload) if sender == SERVER:
                return [Announce(DataReceived(identity=SERVER, topic=topic, payload=payload))]
            case _:
                human = self._humans.get(event.sender)
                return [] if human is None else self._on_relayed(human, event)

    def _on_relayed(
        self,
        human: _Human,
        message: RelayedOffer | RelayedCandidate | RelayedPcRebuild | RelayedStream | RelayedData,
    ) -> list[Action]:
        match message:
            case RelayedOffer():
                return self._on_offer(human, message)
            case RelayedCandidate():
                return self._on_candidate(human, message)
            case RelayedPcRebuild(gen=gen):
                return self._disconnect(message.sender, human, "rebuilt") if gen >= human.gen else []
            case RelayedStream():
                return self._on_stream(human, message)
            case RelayedData(topic=topic, payload=payload):
                if topic != CHAT_TOPIC:
                    return [Announce(DataReceived(identity=message.sender, topic=topic, payload=payload))]
                text = payload.get("text") if isinstance(payload, dict) else payload
                return self._typed(message.sender, text) if isinstance(text, str) else []
            case _:
                assert_never(message)

    # Coming and going. -------------------------------------------------------------------------------------------

    def _on_joined(self, joined: Joined) -> list[Action]:
        """We are in, or in again. Who is not in the list but connected may only be slower than we in coming back."""
        present = {person.identity: person for person in joined.participants if person.kind != "agent"}
        actions: list[Action] = []
        for identity, human in list(self._humans.items()):
            if identity in present:
                continue
            if human.link is None:
                actions += self._leave(identity, human, "left")
            else:
                human.is_away = True
        for person in present.values():
            actions += self._come(person, kept=person.identity in joined.kept or joined.resumed)
        return actions

    def _on_participant(self, changed: ParticipantChanged) -> list[Action]:
        person = changed.participant
        if person.kind == "agent":
            return []
        if changed.op != "left":
            return self._come(person, kept=changed.kept or False)
        human = self._humans.get(person.identity)
        if human is None or human.sid != person.sid:
            return []
        return self._leave(person.identity, human, changed.reason or "left")

    def _come(self, person: Participant, *, kept: bool) -> list[Action]:
        human = self._humans.get(person.identity)
        if human is None:
            human = self._humans[person.identity] = _Human(
                sid=person.sid,
                is_listener=person.kind == "whep",
                is_socketless=person.kind in SOCKETLESS or person.identity.startswith(CALLER_PREFIX),
            )
            if human.is_listener:
                return []
            joined = Announce(HumanJoined(identity=person.identity, name=person.name))
            return [joined, *self._mute(person, human)]
        human.is_away = False
        if kept:
            human.sid = person.sid
        elif human.sid != person.sid:
            # The same human in a new session: it counts its connections anew, and the old one holds until then.
            human.sid, human.gen = person.sid, -1
            human.early.clear()
            human.typing.clear()
        return self._mute(person, human)

    def _mute(self, person: Participant, human: _Human) -> list[Action]:
        """A moderator's word is kept here, too: the microphone of who does not heed it is not heard."""
        microphones = [track for track in person.tracks if track.source == "mic"]
        muted = bool(microphones) and all(track.muted for track in microphones)
        changed, human.muted = muted is not human.muted, muted
        return [Announce(HumanMuted(identity=person.identity, muted=muted))] if changed else []

    def _leave(self, identity: str, human: _Human, reason: str) -> list[Action]:
        del self._humans[identity]
        closed = self._disconnect(identity, human, reason)
        return closed if human.is_listener else [*closed, Announce(HumanLeft(identity=identity, reason=reason))]

    # Connections. ------------------------------------------------------------------------------------------------

    def _on_offer(self, human: _Human, offer: RelayedOffer) -> list[Action]:
        if offer.pc == human.pc and offer.gen <= human.gen:
            if offer.gen < human.gen:
                return []
            again = "this connection was offered already: offer a new one, with a higher gen"
            return [Say(Reject(to=offer.sender, pc=offer.pc, gen=offer.gen, message=again))]
        actions = self._disconnect(offer.sender, human, "rebuilt")
        self._links += 1
        early = tuple(one for one in human.early if (one.pc, one.gen) == (offer.pc, offer.gen))
        human.pc, human.gen, human.link = offer.pc, offer.gen, self._links
        human.early.clear()
        actions.append(Open(link=self._links, identity=offer.sender, sdp=offer.sdp, candidates=early))
        return actions

    def _on_candidate(self, human: _Human, candidate: RelayedCandidate) -> list[Action]:
        if candidate.pc == human.pc and candidate.gen == human.gen:
            return [] if human.link is None else [AddCandidate(human.link, candidate)]
        is_early = candidate.pc != human.pc or candidate.gen > human.gen
        if is_early and len(human.early) < MAX_EARLY_CANDIDATES:
            human.early.append(candidate)
        return []

    def _on_link(self, identity: str, human: _Human, event: LinkEvent) -> list[Action]:
        match event:
            case LinkAnswered(sdp=sdp):
                return [Say(Answer(to=identity, pc=human.pc, gen=human.gen, sdp=sdp))]
            case LinkConnected(microphone=microphone):
                human.connected = True
                connected = Announce(HumanConnected(identity=identity, microphone=microphone))
                return [] if human.is_listener else [connected]
            case LinkRefused(code=code, message=message):
                human.link = None
                refusal = Reject(to=identity, pc=human.pc, gen=human.gen, code=code, message=message[:MAX_REASON])
                return [Say(refusal), *self._go_with_link(identity, human, message)]
            case LinkLost(reason=reason):
                lost = self._silence(identity, human, reason)
                rebuild = PcRebuild(to=identity, pc=human.pc, gen=human.gen, reason=reason[:MAX_REASON])
                return [*lost, *(self._go_with_link(identity, human, reason) or [Say(rebuild)])]
            case _:
                assert_never(event)

    def _disconnect(self, identity: str, human: _Human, reason: str) -> list[Action]:
        if human.link is None:
            return []
        return [Close(human.link), *self._silence(identity, human, reason)]

    def _silence(self, identity: str, human: _Human, reason: str) -> list[Action]:
        was_connected = human.connected and not human.is_listener
        human.link, human.connected = None, False
        return [Announce(HumanDisconnected(identity=identity, reason=reason))] if was_connected else []

    def _go_with_link(self, identity: str, human: _Human, reason: str) -> list[Action]:
        """Some are in the room by their connection alone."""
        if human.is_away:
            return self._leave(identity, human, reason)
        if human.is_socketless:
            return [Say(Moderate(op="remove", identity=identity, reason=reason[:MAX_REASON]))]
        return []

    # What is typed. ----------------------------------------------------------------------------------------------

    def _on_stream(self, human: _Human, piece: RelayedStream) -> list[Action]:
        match piece.op:
            case "open":
                if piece.topic == CHAT_TOPIC:
                    if len(human.typing) >= MAX_TYPING:
                        del human.typing[next(iter(human.typing))]
                    human.typing[piece.sid] = (piece.text or "")[:MAX_TYPED]
                return []
            case "chunk":
                if piece.sid in human.typing:
                    human.typing[piece.sid] = (human.typing[piece.sid] + (piece.text or ""))[:MAX_TYPED]
                return []
            case "close":
                return self._typed(piece.sender, human.typing.pop(piece.sid, ""))
            case _:
                assert_never(piece.op)

    def _typed(self, identity: str, text: str) -> list[Action]:
        text = text.strip()[:MAX_TYPED]
        return [Announce(TextReceived(identity=identity, text=text))] if text else []
