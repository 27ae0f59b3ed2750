"""A human's connection, for real: two aiortc peers over 127.0.0.1."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from agent_worker.audio import Samples, silence
from agent_worker.errors import ConnectionLostError, ProtocolError
from agent_worker.media import receiver_tap
from agent_worker.media.frames import samples_of
from agent_worker.media.ledger import Part
from agent_worker.media.outbound import VoicePump
from agent_worker.media.playout import Playout, PlayoutEvent, PlayoutFinished
from agent_worker.rooms import peer as peer_module
from agent_worker.rooms.background import Background
from agent_worker.rooms.ice import IceServer, OfferedAddresses, offer_addresses, peer_connection
from agent_worker.rooms.peer import Peer
from tests.support.alignment import align, halved, lags
from tests.support.wav import corpus

pytestmark = pytest.mark.timeout(60)


class Mouth(MediaStreamTrack):
    """The human's microphone: a tone of 500 Hz, in stereo since aiortc takes 3 dB off mono."""

    kind = "audio"

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.silent = silent
        self._slot = 0
        self._start = time.monotonic()

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(max(0.0, self._start + self._slot * 0.02 - time.monotonic()))
        at = np.arange(self._slot * 960, (self._slot + 1) * 960)
        tone = np.rint(8000 * np.sin(2 * np.pi * 500 * at / 48_000)).astype(np.int16)
        frame = AudioFrame.from_ndarray(np.repeat(tone, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._slot * 960, Fraction(1, 48_000)
        self._slot += 1
        return frame


@dataclass
class Human:
    """The other side: a plain aiortc connection that keeps what it hears (48 kHz mono)."""

    connection: RTCPeerConnection
    heard: list[tuple[int, Samples]] = field(default_factory=list)

    def sound(self) -> Samples:
        return np.concatenate([samples for _, samples in self.heard]) if self.heard else silence(0)

    async def listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            assert frame.pts is not None
            self.heard.append((frame.pts, samples_of(frame)))

    async def offer(self) -> str:
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def take(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))


@asynccontextmanager
async def human(*, microphone: bool = True) -> AsyncGenerator[Human]:
    async with asyncio.TaskGroup() as tasks:
        person = Human(peer_connection([]))
        if microphone:
            person.connection.addTrack(Mouth())
        else:
            person.connection.addTransceiver("audio", direction="recvonly")
        person.connection.add_listener("track", lambda track: tasks.create_task(person.listen(track)) and None)
        try:
            yield person
        finally:
            await person.connection.close()


class Tap:
    """A voice that keeps what was pulled from it."""

    def __init__(self, voice: Playout) -> None:
        self.voice = voice
        self.pulled: list[Samples] = []

    def pull(self) -> Samples:
        self.pulled.append(self.voice.pull())
        return self.pulled[-1]

    def sound(self) -> Samples:
        return np.concatenate(self.pulled)


@dataclass
class Agent:
    events: list[PlayoutEvent]
    playout: Playout
    tap: Tap
    pump: VoicePump

    def peer(self) -> Peer:
        return Peer(ice_servers=[], pump=self.pump, addresses=OfferedAddresses.LOOPBACK)


@asynccontextmanager
async def speaking() -> AsyncGenerator[Agent]:
    events: list[PlayoutEvent] = []
    playout = Playout(on_event=events.append)
    tap = Tap(playout)
    pump = VoicePump(tap)
    async with Background() as background:
        background.start(pump.run(), name="pump")
        yield Agent(events, playout, tap, pump)


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def decibels(samples: Samples, against: float) -> float:
    return 20 * float(np.log10(level(samples) / against))


def tone(seconds: float) -> Samples:
    return np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * 24_000)) / 24_000)).astype(np.int16)


async def test_the_agents_voice_arrives_at_its_level_without_gaps() -> None:
    async with speaking() as agent:
        async with human() as person, agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
            agent.playout.write("s", Part("item", 0), tone(2.0))
            agent.playout.end("s")
            await until(lambda: PlayoutFinished("s") in agent.events)
            await asyncio.sleep(0.3)
            statistics = await peer.statistics()
        steps = [second - first for (first, _), (second, _) in zip(person.heard, person.heard[1:], strict=False)]
        missing = sum(steps) // 960 - len(steps)
        assert set(np.array(steps) % 960) == {0}
        # On a machine that stalls, slots may be missing; each of them was counted.
        assert 0 <= missing <= agent.pump.statistics().skipped
        sound = person.sound()
        loud = np.flatnonzero(np.abs(sound) > 1000)
        assert abs((loud[-1] - loud[0]) / 48_000 - 2.0) < 0.02
        assert agent.playout.statistics().played_samples == 2 * 24_000
        assert abs(decibels(sound[loud[0] + 4800 : loud[-1] - 4800], 8000 / np.sqrt(2))) < 1.0
        assert statistics.state == "connected"
        assert statistics.transport.packets_sent > 100
        assert statistics.transport.packets_lost_there == 0
        assert statistics.microphone_dropped > 0, "nobody listened for more than two seconds"


async def test_a_hold_loses_and_repeats_nothing_at_the_listener() -> None:
    """What was heard before and after the holds joins to what was sent, to 20 ms (I-1, I-7)."""
    async with speaking() as agent:
        speech = halved(np.concatenate([corpus(name) for name in ("s13", "s02", "s01", "s15")]))
        async with human() as person, agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
            agent.playout.write("s", Part("item", 0), speech)
            agent.playout.end("s")
            for playing, held in ((0.7, 0.5), (1.2, 1.0)):
                await asyncio.sleep(playing)
                agent.playout.hold()
                await asyncio.sleep(held)
                agent.playout.resume()
            await until(lambda: PlayoutFinished("s") in agent.events)
            await asyncio.sleep(0.3)
        heard = halved(person.sound())
        # What left the playout arrives as one piece: nothing on the way is lost, doubled or moved.
        whole = align(agent.tap.sound(), heard)
        # A piece of a vowel may be found one period of the voice (7 ms) beside itself.
        assert len(lags(whole, alike=0.7, tolerance=0.01)) == 1
        assert min(match.likeness for match in whole) > 0.6
        # Of what was sent, each piece is there, later by the holds before it and by nothing else.
        pieces = align(speech, heard)
        first, second, third = lags(pieces, tolerance=0.01)
        assert second - first == pytest.approx(0.5, abs=0.045)  # a hold begins and ends on slots
        assert third - second == pytest.approx(1.0, abs=0.045)
        assert sum(match.likeness < 0.8 for match in pieces) <= 4, "only the pieces that a hold divides"
        assert agent.playout.statistics().played_samples == len(speech)


async def test_a_hold_is_silence_within_a_few_frames() -> None:
    async with speaking() as agent:
        async with human() as person, agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
            agent.playout.write("s", Part("item", 0), tone(5.0))
            await asyncio.sleep(1.0)
            agent.playout.hold()
            await asyncio.sleep(0.5)
        sound = person.sound()
        loud = np.flatnonzero(np.abs(sound) > 300)
        heard_for = (loud[-1] - loud[0]) / 48_000
        played_for = agent.playout.played_ms("item") / 1000
        assert abs(heard_for - played_for) < 0.02
        assert level(sound[loud[-1] + 960 :]) < 30


async def test_the_humans_microphone_arrives() -> None:
    async with speaking() as agent:
        frames: list[Samples] = []
        async with human() as person, agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
            async with asyncio.timeout(5):
                async for samples in peer.microphone:
                    frames.append(samples)
                    if len(frames) == 60:
                        break
        assert {len(samples) for samples in frames} == {peer.microphone.rate // 50}
        sound = np.concatenate(frames[10:])
        assert abs(decibels(sound, 8000 / np.sqrt(2))) < 1.0
        spectrum = np.abs(np.fft.rfft(sound[: peer.microphone.rate].astype(float)))
        assert np.argmax(spectrum) == pytest.approx(500, abs=2)


async def test_with_an_aiortc_that_is_not_known_people_are_heard_all_the_same(monkeypatch) -> None:
    monkeypatch.setattr(receiver_tap, "is_known", lambda: False)
    async with speaking() as agent:
        heard = silence(0)
        async with human() as person, agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
            assert peer.microphone.rate == 48_000
            async with asyncio.timeout(5):
                async for samples in peer.microphone:
                    heard = np.concatenate((heard, samples))
                    if len(heard) >= 48_000:
                        break
            assert (await peer.statistics()).voice is None
        assert abs(decibels(heard[9600:], 8000 / np.sqrt(2))) < 1.0


async def test_the_microphone_ends_with_the_connection() -> None:
    async with speaking() as agent, human() as person:
        async with agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
        async with asyncio.timeout(1):
            assert all([len(samples) async for samples in peer.microphone])


async def test_who_only_listens_is_served_and_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with speaking() as agent:
        monkeypatch.setattr(peer_module, "SILENT_SECONDS", 0.5)
        async with human(microphone=False) as person, agent.peer() as peer:
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.0):
                    await peer.wait_lost()
            assert len(person.heard) > 50


async def test_a_human_who_hangs_up_is_noticed_at_once() -> None:
    async with speaking() as agent, human() as person, agent.peer() as peer:
        await person.take(await peer.answer(await person.offer()))
        await peer.wait_connected()
        start = time.monotonic()
        await person.connection.close()
        assert await peer.wait_lost() == "closed"
        assert time.monotonic() - start < 1.0


async def test_a_human_whose_machine_died_is_noticed_in_six_seconds() -> None:  # L-4
    async with speaking() as agent, human() as person, agent.peer() as peer:
        await person.take(await peer.answer(await person.offer()))
        await peer.wait_connected()
        await asyncio.sleep(0.5)
        # Its sockets stay silent and nothing says goodbye, as when the power fails.
        for transceiver in person.connection.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                protocol.transport.sendto = lambda *_: None
        start = time.monotonic()
        async with asyncio.timeout(10):
            reason = await peer.wait_lost()
        assert reason == "no packets for 5 s"
        assert 4.5 < time.monotonic() - start < 7.0


async def test_names_and_a_false_end_of_candidates_do_not_keep_it_from_connecting() -> None:
    """A browser without microphone permission offers ".local" names alone: its own checks are answered."""
    async with speaking() as agent, human() as person, agent.peer() as peer:
        offer = await person.offer()
        name = "8a1bd1b5-6a0f-4a0b-8f0e-1b8e9f3c2d11.local"
        hidden = "\r\n".join(
            line.replace(" 127.0.0.1 ", f" {name} ") if line.startswith("a=candidate:") else line
            for line in offer.splitlines()
        )
        assert name in hidden
        assert "a=end-of-candidates" in hidden
        start = time.monotonic()
        await person.take(await peer.answer(f"{hidden}\r\n"))
        await peer.add_candidate(None)
        await peer.wait_connected()
        assert time.monotonic() - start < 1.0, "nothing was asked by multicast"


async def test_candidates_may_come_later_and_even_before_the_offer() -> None:
    async with speaking() as agent, human() as person, agent.peer() as peer:
        lines = (await person.offer()).splitlines()
        (candidate,) = [line for line in lines if line.startswith("a=candidate:")]
        bare = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
        await peer.add_candidate(candidate.removeprefix("a="), "0", 0)
        await peer.add_candidate("")
        await person.take(await peer.answer("\r\n".join(bare) + "\r\n"))
        await peer.wait_connected()


async def test_only_opus_is_spoken() -> None:
    async with speaking() as agent:
        async with human() as person, agent.peer() as peer:
            answer = await peer.answer(await person.offer())
        assert [line.split()[1] for line in answer.splitlines() if line.startswith("a=rtpmap:")] == ["opus/48000/2"]


async def test_video_and_a_second_microphone_are_refused() -> None:
    async with speaking() as agent, human() as person, agent.peer() as peer:
        person.connection.addTransceiver("video")
        person.connection.addTransceiver("audio")
        answer = await peer.answer(await person.offer())
        directions = [line for line in answer.splitlines() if line in ("a=sendrecv", "a=inactive", "a=recvonly")]
        assert directions == ["a=sendrecv", "a=inactive", "a=inactive"]
        await person.take(answer)
        await peer.wait_connected()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda sdp: "hello", "v=0", id="no SDP"),
        pytest.param(lambda sdp: "", "v=0", id="empty"),
        pytest.param(lambda sdp: sdp + "a=x:" + "y" * 40_000 + "\r\n", "larger", id="too large"),
        pytest.param(lambda sdp: sdp.replace("a=fingerprint", "a=thumbprint"), "fingerprint", id="no fingerprint"),
        pytest.param(lambda sdp: sdp.replace("m=audio", "m=video"), "audio", id="no audio"),
        pytest.param(lambda sdp: sdp.replace("opus/48000/2", "speex/16000/1"), "cannot be used", id="no Opus"),
        pytest.param(
            lambda sdp: sdp.replace("a=setup:actpass", "a=setup:nonsense"), "cannot be used", id="no DTLS role"
        ),
        pytest.param(
            lambda sdp: sdp.replace("a=rtpmap:96 opus/48000/2", "a=rtpmap:96 opus/fast"), "cannot", id="clock"
        ),
    ],
)
async def test_an_offer_that_is_none_is_refused(spoil: Callable[[str], str], said: str) -> None:
    async with speaking() as agent, human() as person, agent.peer() as peer:
        offer = await person.offer()
        with pytest.raises(ProtocolError, match=said):
            await peer.answer(spoil(offer))


async def test_one_offer_in_the_life_of_a_connection() -> None:
    async with speaking() as agent, human() as person, agent.peer() as peer:
        offer = await person.offer()
        await peer.answer(offer)
        with pytest.raises(ProtocolError, match="offered already"):
            await peer.answer(offer)


async def test_candidates_are_judged_and_counted() -> None:
    async with speaking() as agent, agent.peer() as peer:
        with pytest.raises(ProtocolError, match="malformed"):
            await peer.add_candidate("candidate:nonsense", "0", 0)
        for port in range(40):
            await peer.add_candidate(f"candidate:1 1 udp 1 127.0.0.1 {10_000 + port} typ host", "0", 0)
        with pytest.raises(ProtocolError, match="more than 40"):
            await peer.add_candidate("candidate:1 1 udp 1 127.0.0.1 20000 typ host", "0", 0)


async def test_what_never_connects_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with speaking() as agent:
        monkeypatch.setattr(peer_module, "CONNECT_SECONDS", 0.3)
        async with human() as person, agent.peer() as peer:
            await peer.answer(await person.offer())
            with pytest.raises(ConnectionLostError, match="TURN"):
                await peer.wait_connected()


async def test_a_human_who_goes_before_it_connects() -> None:
    async with speaking() as agent, human() as person, agent.peer() as peer:
        await peer.answer(await person.offer())
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(peer.wait_lost())
            await peer._connection.close()
            assert await waiting == "closed"
        with pytest.raises(ConnectionLostError, match="never made"):
            await peer.wait_connected()


async def test_the_addresses_offered_are_a_setting() -> None:
    async with speaking() as agent:
        offered: dict[OfferedAddresses, set[str]] = {}
        for addresses in OfferedAddresses:
            async with human() as person, Peer(ice_servers=[], pump=agent.pump, addresses=addresses) as peer:
                answer = await peer.answer(await person.offer())
            offered[addresses] = {
                line.split()[4]
                for line in answer.splitlines()
                if line.startswith("a=candidate:") and "typ host" in line
            }
        assert offered[OfferedAddresses.LOOPBACK] == {"127.0.0.1"}
        assert "127.0.0.1" not in offered[OfferedAddresses.NETWORK]
        assert offered[OfferedAddresses.ALL] == offered[OfferedAddresses.NETWORK] | {"127.0.0.1"}


async def test_a_malformed_ice_server_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async with speaking() as agent:
        server = IceServer(urls=("stun:", "https://example.org"), credential="secret")
        async with (
            human() as person,
            Peer(ice_servers=[server], pump=agent.pump, addresses=OfferedAddresses.LOOPBACK) as peer,
        ):
            await person.take(await peer.answer(await person.offer()))
            await peer.wait_connected()
        assert len(caplog.records) == 2
        assert "secret" not in caplog.text + repr(server)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_thirty_connections_leave_nothing_behind() -> None:
    async with speaking() as agent:

        async def connect() -> None:
            async with human() as person, agent.peer() as peer:
                await person.take(await peer.answer(await person.offer()))
                await peer.wait_connected()

        await connect()  # what is made once for a process
        gc.collect()
        tasks, files = len(asyncio.all_tasks()), open_files()
        for _ in range(30):
            await connect()
        gc.collect()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= tasks
        assert not [thread.name for thread in threading.enumerate() if "decoder" in thread.name]
        assert open_files() <= files
        assert not agent.pump._tracks
