"""The room inside the process, in virtual time."""

import asyncio

import numpy as np
import pytest

from agent_worker.audio import Samples, silence
from agent_worker.errors import RoomLostError
from agent_worker.media.ledger import Part
from agent_worker.media.playout import Playout, PlayoutEvent
from agent_worker.rooms.base import (
    Door,
    HumanConnected,
    HumanDisconnected,
    HumanJoined,
    HumanLeft,
    Room,
    RoomClosed,
    RoomEvent,
    TextReceived,
)
from agent_worker.rooms.loopback import Human, LoopbackRoom
from tests.agent_worker.media.virtual import run


class Silent:
    def pull(self) -> Samples:
        return silence(480)


def ramp(samples: int) -> Samples:
    return (np.arange(samples) % 20_000 + 1).astype(np.int16)


async def read(room: Room, events: list[RoomEvent]) -> None:
    events += [event async for event in room.events()]


def test_it_is_a_room_and_a_door() -> None:
    door: Door = LoopbackRoom()

    async def main() -> None:
        async with door.join(Silent()) as room:
            room.set_attributes({"agent.state": "listening"})

    run(main())


def test_a_human_hears_the_agents_voice_from_when_they_connect() -> None:
    events: list[PlayoutEvent] = []

    async def main() -> Human:
        playout = Playout(on_event=events.append)
        playout.write("s", Part("item", 0), ramp(100 * 480))
        playout.end("s")
        room = LoopbackRoom()
        async with room.join(playout):
            await asyncio.sleep(0.99)
            human = room.enter("alice")
            await asyncio.sleep(1.0)
        return human

    human = run(main())
    np.testing.assert_array_equal(human.heard_samples(), ramp(100 * 480)[50 * 480 :])
    np.testing.assert_allclose([frame.at for frame in human.heard], 1.0 + 0.02 * np.arange(50), atol=1e-6)


def test_the_agent_hears_a_microphone_that_never_stops() -> None:
    async def main() -> Samples:
        room = LoopbackRoom()
        heard: list[Samples] = []

        async def listen() -> None:
            async for event in room.events():
                if isinstance(event, HumanConnected):
                    heard.extend([samples async for samples in event.microphone])

        async with room.join(Silent()), asyncio.TaskGroup() as tasks:
            tasks.create_task(listen())
            human = room.enter()
            await asyncio.sleep(0.09)
            human.say(ramp(1000))
            human.say(ramp(1000))
            await asyncio.sleep(0.2)
            human.say(ramp(50_000))
            await asyncio.sleep(0.02)
            human.stop_saying()
            await asyncio.sleep(0.08)
            human.mute()
            await asyncio.sleep(1.0)
            human.mute(False)
            await asyncio.sleep(0.1)
            room.close()
        return np.concatenate(heard)

    heard = run(main())
    assert len(heard) % 960 == 0
    spoken = np.flatnonzero(heard)
    np.testing.assert_array_equal(heard[spoken[:2000]], np.concatenate((ramp(1000), ramp(1000))))
    np.testing.assert_array_equal(heard[spoken[2000:]], ramp(960))
    assert spoken[1999] - spoken[0] == 1999, "one after the other without a gap"
    assert len(heard) == 25 * 960, "none while muted"


def test_what_happens_in_the_room_is_told_in_order() -> None:
    async def main() -> list[RoomEvent]:
        room = LoopbackRoom()
        events: list[RoomEvent] = []
        async with room.join(Silent()), asyncio.TaskGroup() as tasks:
            tasks.create_task(read(room, events))
            alice = room.enter("alice", "Alice", connect=False)
            alice.connect()
            alice.type("hello")
            alice.disconnect("no packets for 5 s")
            alice.disconnect()
            alice.connect()
            room.enter("bob", connect=False)
            room.close("over")
            room.close("again")
            alice.type("nobody reads this")
        return events

    told = [
        (type(event), getattr(event, "identity", ""), getattr(event, "reason", getattr(event, "text", "")))
        for event in run(main())
    ]
    assert told == [
        (HumanJoined, "alice", ""),
        (HumanConnected, "alice", ""),
        (TextReceived, "alice", "hello"),
        (HumanDisconnected, "alice", "no packets for 5 s"),
        (HumanConnected, "alice", ""),
        (HumanJoined, "bob", ""),
        (HumanDisconnected, "alice", "over"),
        (HumanLeft, "alice", "over"),
        (HumanLeft, "bob", "over"),
        (RoomClosed, "", "over"),
    ]


def test_what_the_agent_says_about_itself_is_kept() -> None:
    async def main() -> LoopbackRoom:
        room = LoopbackRoom()
        async with room.join(Silent()) as joined:
            joined.set_attributes({"agent.state": "listening", "agent.name": "a"})
            await asyncio.sleep(1.0)
            joined.set_attributes({"agent.state": "speaking", "agent.name": None})
            joined.send_data("interruption", {"resumed": True})
            text = joined.open_text("transcript", {"role": "agent"})
            text.write("Hel")
            text.write("lo.")
            text.close({"interrupted": "true"})
            text.close({"interrupted": "false"})
            text.write(" Not this.")
        return room

    room = run(main())
    assert room.attributes == {"agent.state": "speaking"}
    assert [round(at, 3) for at, _ in room.attribute_changes] == [0.0, 1.0]
    assert [(data.at, data.topic, data.payload) for data in room.data] == [(1.0, "interruption", {"resumed": True})]
    (text,) = room.texts
    assert (text.topic, text.text, text.closed) == ("transcript", "Hello.", True)
    assert text.attributes == {"role": "agent", "interrupted": "true"}


def test_a_closed_room_cannot_be_joined() -> None:
    async def main() -> None:
        room = LoopbackRoom()
        room.close()
        async with room.join(Silent()):
            pytest.fail("joined")

    with pytest.raises(RoomLostError, match="closed"):
        run(main())


def test_nobody_is_twice_in_a_room() -> None:
    async def main() -> None:
        room = LoopbackRoom()
        room.enter("alice")
        with pytest.raises(ValueError, match="alice"):
            room.enter("alice")

    run(main())
