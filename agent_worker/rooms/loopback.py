"""A room inside this process, without a network: a session's other side in tests and examples.

A script plays the humans: it gives them samples to say and reads what they heard and were told. Time is that of
the running loop's clock alone, so on a virtual-time loop an hour of conversation passes in seconds.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from agent_worker.audio import FRAME_SECONDS, WIRE_RATE, Samples, samples_in, silence
from agent_worker.clock import now
from agent_worker.errors import RoomLostError
from agent_worker.media.inbound import Microphone
from agent_worker.media.outbound import PumpStatistics
from agent_worker.rooms.background import Background
from agent_worker.rooms.base import (
    DataReceived,
    HumanConnected,
    HumanDisconnected,
    HumanJoined,
    HumanLeft,
    HumanMuted,
    Respond,
    RoomClosed,
    RoomEvent,
    RpcCall,
    TextReceived,
    Voice,
)
from agent_worker.rooms.methods import Methods
from agent_worker.rooms.statistics import RoomStatistics

_FRAME: Final = samples_in(FRAME_SECONDS, WIRE_RATE)
_KEPT_FRAMES: Final = 60 * 60 * 50  # an hour of what a human hears
_EVENTS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One frame of the agent's voice: 20 ms at 24 kHz, heard from `at` on (loop seconds)."""

    at: float
    samples: Samples = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Something the agent told, at `at` (loop seconds), `to` these; () is everybody."""

    at: float
    topic: str
    payload: Any
    to: tuple[str, ...] = ()


class Text:
    """A text that the agent wrote in front of everybody. Fits `rooms.base.TextWriter`.

    Attributes:
        topic: What it is.
        attributes: What is said about it; those given at its end are added.
        text: All that was written.
        closed: Whether it is complete.
    """

    def __init__(self, topic: str, attributes: dict[str, str]) -> None:
        self.topic = topic
        self.attributes = dict(attributes)
        self.text = ""
        self.closed = False

    def write(self, text: str) -> None:
        """See `TextWriter.write`. What is written after the end is left off."""
        if not self.closed:
            self.text += text

    def close(self, attributes: dict[str, str] | None = None) -> None:
        """See `TextWriter.close`."""
        if not self.closed:
            self.closed = True
            self.attributes |= attributes or {}


class Human:
    """Somebody in the room, played by a script.

    Attributes:
        heard: What the agent said to them, frame by frame, while they were connected.
    """

    def __init__(self, room: "LoopbackRoom", identity: str, name: str) -> None:
        self.identity = identity
        self.name = name
        self.heard: deque[Heard] = deque(maxlen=_KEPT_FRAMES)
        self._room = room
        self._microphone: Microphone | None = None
        self._saying: deque[Samples] = deque()
        self._muted = False

    def connect(self) -> None:
        """Their media connection stands: from the next slot on they hear, and their microphone is heard."""
        self._microphone = Microphone()
        self._room.post(HumanConnected(identity=self.identity, microphone=self._microphone))

    def say(self, samples: Samples) -> None:
        """Speak, after what is being said already. Their microphone is silent, but open, at other times.

        Args:
            samples: Mono int16 at 48 kHz.
        """
        self._saying.append(samples)

    def stop_saying(self) -> None:
        """Fall silent at once."""
        self._saying.clear()

    def mute(self, muted: bool = True) -> None:
        """While muted no frames come from their microphone; what they say meanwhile waits."""
        self._muted = muted

    def moderate(self, *, muted: bool) -> None:
        """A moderator switches their microphone off or on; their machine may send on all the same."""
        self._room.post(HumanMuted(identity=self.identity, muted=muted))

    def type(self, text: str) -> None:
        """Send the agent a text."""
        self._room.post(TextReceived(identity=self.identity, text=text))

    def send_data(self, topic: str, payload: Any) -> None:
        """Tell the agent something, under a topic of the application's."""
        self._room.post(DataReceived(identity=self.identity, topic=topic, payload=payload))

    async def call(self, method: str, payload: Any = None, *, seconds: float = 10.0) -> Any:
        """Call a method of the agent; gives back its answer.

        Raises:
            CallError: There is none, and why.
        """
        call = RpcCall(identity=self.identity, method=method, payload=payload, seconds=seconds)
        return await self._room.methods.answer(call)

    def disconnect(self, reason: str = "closed") -> None:
        """Lose the media connection; they stay in the room and may connect again."""
        if self._microphone is not None:
            self._microphone.end()
            self._microphone = None
            self._room.post(HumanDisconnected(identity=self.identity, reason=reason))

    def leave(self, reason: str = "left") -> None:
        """Leave the room."""
        self.disconnect(reason)
        self._room.humans.pop(self.identity, None)
        self._room.post(HumanLeft(identity=self.identity, reason=reason))

    def heard_samples(self) -> Samples:
        """All that they heard, at 24 kHz, in one piece."""
        return np.concatenate([frame.samples for frame in self.heard]) if self.heard else silence(0)

    def serve(self, at: float, frame: Samples) -> None:
        """One slot of the room's time: hear a frame, and let the microphone hear 20 ms."""
        if self._microphone is None:
            return
        self.heard.append(Heard(at=at, samples=frame))
        if not self._muted:
            self._microphone.put(self._next_frame())

    def _next_frame(self) -> Samples:
        frame = silence(_FRAME)
        filled = 0
        while filled < _FRAME and self._saying:
            piece = self._saying.popleft()
            taken = piece[: _FRAME - filled]
            frame[filled : filled + len(taken)] = taken
            filled += len(taken)
            if len(taken) < len(piece):
                self._saying.appendleft(piece[len(taken) :])
        return frame


class LoopbackRoom:
    """The room, seen by both sides. Fits `rooms.base.Room` and `rooms.base.Door`.

    Attributes:
        humans: Who is there, by identity.
        attributes: What the agent has published about itself.
        attribute_changes: Each publication with its time, in order.
        data: What the agent told them, in order.
        texts: What the agent wrote, in order.
        methods: What the agent answers when it is called for it: see `Human.call`.
    """

    def __init__(self) -> None:
        self.humans: dict[str, Human] = {}
        self.attributes: dict[str, str] = {}
        self.attribute_changes: list[tuple[float, dict[str, str | None]]] = []
        self.data: list[Data] = []
        self.texts: list[Text] = []
        self.methods = Methods()
        self._events: asyncio.Queue[RoomEvent] = asyncio.Queue(maxsize=_EVENTS)
        self._closed = False
        self._slots = 0

    # The humans' side. ---------------------------------------------------------------------------------------

    def enter(self, identity: str = "human", name: str = "", *, connect: bool = True) -> Human:
        """Somebody comes in; with `connect` their media connection stands at once.

        Raises:
            ValueError: That identity is in the room already.
        """
        if identity in self.humans:
            raise ValueError(f"{identity!r} is in the room already")
        human = Human(self, identity, name or identity)
        self.humans[identity] = human
        self.post(HumanJoined(identity=identity, name=human.name))
        if connect:
            human.connect()
        return human

    def close(self, reason: str = "room closed") -> None:
        """End the room for everybody."""
        if not self._closed:
            for human in list(self.humans.values()):
                human.leave(reason)
            self.post(RoomClosed(reason=reason))
            self._closed = True

    def post(self, event: RoomEvent) -> None:
        """Let something happen in the room. Nothing happens any more once it is closed.

        Raises:
            asyncio.QueueFull: The agent has not read its events for long: a mistake of the script or the session.
        """
        if not self._closed:
            self._events.put_nowait(event)

    # The agent's side. ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def join(self, voice: Voice) -> AsyncGenerator["LoopbackRoom"]:
        """See `Door.join`."""
        if self._closed:
            raise RoomLostError("the room is closed")
        async with Background() as background:
            background.start(self._pump(voice), name="loopback room")
            yield self

    async def events(self) -> AsyncIterator[RoomEvent]:
        """See `Room.events`."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, RoomClosed):
                return

    def set_attributes(self, attributes: dict[str, str | None]) -> None:
        """See `Room.set_attributes`."""
        self.attribute_changes.append((now(), dict(attributes)))
        for key, value in attributes.items():
            if value is None:
                self.attributes.pop(key, None)
            else:
                self.attributes[key] = value

    def send_data(self, topic: str, payload: Any, to: Sequence[str] = ()) -> None:
        """See `Room.send_data`."""
        self.data.append(Data(at=now(), topic=topic, payload=payload, to=tuple(to)))

    def open_text(self, topic: str, attributes: dict[str, str]) -> Text:
        """See `Room.open_text`."""
        text = Text(topic, attributes)
        self.texts.append(text)
        return text

    def answer_calls(self, method: str, respond: Respond) -> None:
        """See `Room.answer_calls`."""
        self.methods.add(method, respond)

    async def statistics(self) -> RoomStatistics:
        """See `Room.statistics`. Nothing is encoded here and there is no network: the slots are all there is."""
        return RoomStatistics(voice=PumpStatistics(slots=self._slots, listeners=len(self.humans)))

    async def _pump(self, voice: Voice) -> None:
        start = now()
        slot = 0
        while True:
            frame = voice.pull()
            self._slots += 1
            for human in list(self.humans.values()):
                human.serve(start + slot * FRAME_SECONDS, frame)
            slot += 1
            await asyncio.sleep(max(0.0, start + slot * FRAME_SECONDS - now()))
