"""The server over real sockets: with engines that do as they are told, and with the real ones."""

import asyncio
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from agent_worker.audio import MODEL_RATE, Samples, to_bytes
from agent_worker.cascade.base import Heard, SpokenChunk, TimedWord
from agent_worker.cascade.resample import Resampler
from agent_worker.errors import ConfigError
from agent_worker.localmodel import server as module
from agent_worker.localmodel import texts
from agent_worker.localmodel.connection import Engines
from agent_worker.localmodel.ears import NO_RECOGNISER
from agent_worker.localmodel.server import installed_engines, serve
from agent_worker.localmodel.tones import Tones
from agent_worker.vad.energy import EnergyVad
from tests.support.wav import corpus, load

Json = dict[str, Any]
SECONDS = 20.0
"""Deadline of each wait."""
CHUNK = MODEL_RATE // 10
MANUAL = {"turn_detection": None, "transcription": {"model": "any"}}


class Hums:
    """Speaks each word as half a second of its own level."""

    name = "hums"
    voices = ("hum",)

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        for number, word in enumerate(text.split()):
            for part in range(5):
                words = () if part else (TimedWord(text=word, start_ms=500 * number),)
                yield SpokenChunk(samples=np.full(CHUNK, number + 1, dtype=np.int16), words=words)


class Listens:
    """Hears the sentence whose number is the level of the audio."""

    name = "listens"
    sentences = ("", "tell me a story", "what time is it", "stop", "continue")

    def __init__(self) -> None:
        self._level = 0

    def start(self) -> None:
        self._level = 0

    def feed(self, samples: Samples) -> None:
        if len(samples):
            self._level = max(self._level, int(np.median(samples)))

    def partial(self) -> str:
        return ""

    def finish(self) -> Heard:
        text = self.sentences[self._level]
        return Heard(text=text, raw=text, confidence=1.0)


FAKES = Engines(synthesiser=Hums(), recogniser=Listens, vad=EnergyVad, hears=True)


@cache
def real_engines() -> Engines:
    return installed_engines()


@asynccontextmanager
async def served(engines: Engines = FAKES, record: Path | None = None, port: int = 0) -> AsyncIterator[str]:
    ready = asyncio.Queue[str](1)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve(host="127.0.0.1", port=port, record=record, ready=ready.put_nowait, engines=engines)
        )
        async with asyncio.timeout(SECONDS):
            url = await ready.get()
        try:
            yield url
        finally:
            serving.cancel()


class Client:
    """A client that remembers when each event came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[tuple[float, Json]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> Json:
        async with asyncio.timeout(SECONDS):
            event: Json = json.loads(await self.socket.recv())
        self.seen.append((time.monotonic(), event))
        return event

    async def until(self, kind: str, where: Callable[[Json], bool] = lambda _event: True) -> Json:
        while True:
            event = await self.next()
            if event["type"] == kind and where(event):
                return event

    def of(self, kind: str) -> list[Json]:
        return [event for _, event in self.seen if event["type"] == kind]

    async def manual(self, **session: Any) -> None:
        audio = {"input": MANUAL}
        await self.send("session.update", session={"type": "realtime", "audio": audio, **session})
        await self.until("session.updated")

    async def say(self, samples: Samples) -> None:
        """Append a turn, all at once, and commit it."""
        await self.append(samples)
        await self.send("input_audio_buffer.commit")

    async def append(self, samples: Samples) -> None:
        for start in range(0, len(samples), CHUNK):
            piece = to_bytes(samples[start : start + CHUNK])
            await self.send("input_audio_buffer.append", audio=b64encode(piece).decode())

    async def type(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def reply(self, **response: Any) -> Json:
        """Ask for a reply and wait for all of it; gives `response.done`'s response."""
        await self.send("response.create", response=response)
        done: Json = (await self.until("response.done"))["response"]
        return done


@asynccontextmanager
async def joined(url: str, **options: Any) -> AsyncIterator[Client]:
    async with connect(url, compression=None, max_size=2**25, **options) as socket:
        client = Client(socket)
        assert (await client.next())["type"] == "session.created"
        yield client


def level(number: int, seconds: float = 0.5) -> Samples:
    return np.full(round(seconds * MODEL_RATE), number, dtype=np.int16)


def words_of(response: Json) -> str:
    return " ".join(item["content"][0]["transcript"] for item in response["output"] if item["type"] == "message")


# The door. -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "options", "model", "subprotocol"),
    [
        ("", {}, "local", None),
        ("?model=gpt-realtime-2.1", {"additional_headers": {"Authorization": "Bearer x"}}, "gpt-realtime-2.1", None),
        ("?model=a", {"subprotocols": [Subprotocol("realtime")]}, "a", "realtime"),
        ("", {"subprotocols": ["realtime", "openai-insecure-api-key.ek_x"]}, "local", "realtime"),
    ],
)
async def test_clients_come_in_with_any_key(query: str, options: Json, model: str, subprotocol: str | None) -> None:
    async with served() as url, joined(url + query, **options) as client:
        assert client.seen[0][1]["session"]["model"] == model
        assert client.socket.subprotocol == subprotocol


async def test_other_paths_say_where_to_go() -> None:
    async with served() as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url.replace("/v1/realtime", "/v1/other"))
        assert refused.value.response.status_code == 404
        assert b"/v1/realtime" in (refused.value.response.body or b"")
        with pytest.raises(InvalidStatus) as refused:
            await connect(url.replace("/v1/realtime", "/healthz"))
        assert refused.value.response.status_code == 200


async def test_the_beta_is_refused_in_its_own_words() -> None:
    async with served() as url, connect(url, additional_headers={"OpenAI-Beta": "realtime=v1"}) as socket:
        assert json.loads(await socket.recv())["error"]["code"] == "beta_api_shape_disabled"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
            4000,
            "invalid_request_error.beta_api_shape_disabled",
        )


@pytest.mark.parametrize(
    ("query", "code"), [("?model=", "missing_model"), ("?intent=transcription&model=m", "invalid_model")]
)
async def test_a_wrong_model_is_refused_in_the_clouds_words(query: str, code: str) -> None:
    async with served() as url, connect(url + query) as socket:
        assert json.loads(await socket.recv())["error"]["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, f"invalid_request_error.{code}")


async def test_sessions_are_bounded_and_their_places_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 1)
    async with served() as url:
        async with joined(url), connect(url) as second:
            assert json.loads(await second.recv())["error"]["code"] == "session_limit_reached"
        async with joined(url) as third:
            await third.manual()


@pytest.mark.parametrize("recorded", [False, True])
async def test_a_taken_port_is_said_to_be(recorded: bool, tmp_path: Path) -> None:
    record = tmp_path if recorded else None
    async with served() as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigError, match=rf"127.0.0.1:{port}.*--port"):
            await serve(host="127.0.0.1", port=port, record=record, ready=print, engines=FAKES)


# What goes wrong. ----------------------------------------------------------------------------------------------


async def test_bad_frames_are_answered_and_the_connection_stays() -> None:
    async with served() as url, joined(url) as client:
        for frame, code in (("{", "invalid_json"), (b"\x00", "invalid_event"), ('{"type":"x"}', "invalid_value")):
            await client.socket.send(frame)
            assert (await client.next())["error"]["code"] == code
        await client.send("session.update", event_id="mine", session={})
        error = (await client.next())["error"]
        assert (error["code"], error["event_id"]) == ("missing_required_parameter", "mine")
        await client.manual()
        await client.type("what time is it")
        assert (await client.reply())["status"] == "completed"


async def test_the_longest_append_is_taken_and_a_longer_one_refused() -> None:
    async with served() as url, joined(url) as client:
        await client.manual()
        await client.send("input_audio_buffer.append", audio=b64encode(bytes(15 * 2**20)).decode())
        await client.send("input_audio_buffer.append", audio=b64encode(bytes(15 * 2**20 + 2)).decode())
        assert (await client.next())["error"]["param"] == "audio"
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")


async def test_a_voice_that_fails_costs_one_reply(caplog: pytest.LogCaptureFixture) -> None:
    class Mute(Hums):
        def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
            raise ConfigError("there is no voice")

    engines = Engines(synthesiser=Mute(), recogniser=Listens, vad=EnergyVad, hears=True)
    async with served(engines) as url, joined(url) as client:
        await client.manual()
        assert (await client.reply())["status"] == "failed"
        assert (await client.reply(output_modalities=["text"]))["status"] == "completed"
    assert "there is no voice" in caplog.text


# Conversations. ------------------------------------------------------------------------------------------------


async def test_a_spoken_turn_is_heard_and_answered_by_voice() -> None:
    async with served() as url, joined(url) as client:
        await client.manual()
        await client.say(level(2))
        response = await client.reply(metadata={"request_id": "r1"})
        (completed,) = client.of("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "what time is it"
        assert response["metadata"] == {"request_id": "r1"}
        assert words_of(response).startswith("It is ")
        sound = b"".join(b64decode(event["delta"]) for event in client.of("response.output_audio.delta"))
        words = words_of(response).split()
        assert len(sound) == len(words) * 5 * CHUNK * 2


async def test_words_come_just_before_the_sound_in_which_they_begin() -> None:
    async with served() as url, joined(url) as client:
        await client.manual()
        await client.type("count to five")
        await client.reply()
        sent, spoken = 0, list[str]()
        for _, event in client.seen:
            match event["type"]:
                case "response.output_audio_transcript.delta":
                    spoken.append(event["delta"])
                    assert event["audio_start_ms"] == sent
                case "response.output_audio.delta":
                    sent += len(b64decode(event["delta"])) // 48
                case _:
                    pass
        assert "".join(spoken) == "One, two, three, four, five."


async def test_a_tool_of_the_client_is_called_and_its_output_spoken() -> None:
    tool = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}
    async with served() as url, joined(url) as client:
        await client.manual(tools=[tool])
        await client.say(level(2))
        (call,) = (await client.reply())["output"]
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "get_time", "{}")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "3:42 PM"}
        await client.send("conversation.item.create", item=output)
        assert words_of(await client.reply()) == "It is 3:42 PM."


async def test_speech_is_paced() -> None:
    async with served() as url, joined(url) as client:
        await client.manual()
        await client.type("count to eight")
        await client.reply()
        times = [at for at, event in client.seen if event["type"] == "response.output_audio.delta"]
        assert len(times) == 40
        assert times[9] - times[0] < 0.5
        # 4 s of speech: the last chunk goes (3.9 - 1) / 3 s after the first. A busy machine may be later.
        assert 0.9 < times[-1] - times[0] < 3.0


async def test_cancelling_stops_in_mid_reply_and_continuing_goes_on_from_there() -> None:
    async with served() as url, joined(url) as client:
        await client.manual()
        await client.say(level(1))
        await client.send("response.create")
        for _ in range(12):
            delta = await client.until("response.output_audio.delta")
        await client.send("response.cancel", response_id=delta["response_id"])
        assert (await client.until("response.done"))["response"]["status"] == "cancelled"
        await client.until("rate_limits.updated")
        assert len(client.of("response.output_audio.delta")) < 20
        await asyncio.sleep(0.3)
        # Two words were heard of those that were sent; nothing of that reply comes any more.
        await client.send("conversation.item.truncate", item_id=delta["item_id"], content_index=0, audio_end_ms=1000)
        assert (await client.next())["type"] == "conversation.item.truncated"
        await client.say(level(4))
        await client.send("response.create")
        first = await client.until("response.output_audio_transcript.delta")
        second = await client.until("response.output_audio_transcript.delta")
        assert [first["delta"].strip(), second["delta"].strip()] == texts.STORY.split()[2:4]


async def test_two_sessions_at_once_do_not_meet() -> None:
    async with served() as url, joined(url) as one, joined(url) as two:
        await asyncio.gather(one.manual(), two.manual())
        await one.type("my name is alice")
        await two.type("my name is bob")
        await asyncio.gather(one.reply(), two.reply())
        await one.type("what is my name")
        await two.type("what is my name")
        replies = await asyncio.gather(one.reply(), two.reply())
        assert [words_of(reply) for reply in replies] == ["Your name is Alice.", "Your name is Bob."]


async def test_without_engines_it_hums_and_reads() -> None:
    engines = Engines(synthesiser=Tones(), recogniser=lambda: None, vad=EnergyVad, hears=False)
    async with served(engines) as url, joined(url) as client:
        await client.manual()
        await client.say(level(1))
        assert words_of(await client.reply()) == texts.NO_EARS
        (failed,) = client.of("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["message"] == NO_RECOGNISER
        sound = b"".join(b64decode(event["delta"]) for event in client.of("response.output_audio.delta"))
        assert np.abs(np.frombuffer(sound, dtype="<i2")).max() > 1000


async def test_a_session_leaves_nothing_behind() -> None:
    async with served() as url:
        before = threading.active_count()
        for _ in range(5):
            async with joined(url) as client:
                await client.manual()
                await client.say(level(1))
                await client.send("response.create")
                await client.until("response.output_audio.delta")
        async with asyncio.timeout(5):
            while threading.active_count() > before:
                await asyncio.sleep(0.02)


async def test_what_was_said_is_recorded_where_asked(tmp_path: Path) -> None:
    async with served(record=tmp_path) as url, joined(url) as client:
        await client.manual()
        await client.type("count to three")
        response = await client.reply()
        item_id = response["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=700)
        await client.until("conversation.item.truncated")
        session_id = client.seen[0][1]["session"]["id"]
    base = tmp_path / f"{session_id}_1_{response['id']}"
    samples, rate = load(base.with_suffix(".wav"))
    sent = b"".join(b64decode(event["delta"]) for event in client.of("response.output_audio.delta"))
    assert rate == MODEL_RATE
    assert to_bytes(samples) == sent
    (item,) = json.loads(base.with_suffix(".json").read_text())["items"]
    assert item["truncated_at_ms"] == 700
    assert [word["text"] for word in item["words"]] == ["One,", "two,", "three."]
    events = [json.loads(line) for line in (tmp_path / f"{session_id}.jsonl").read_text().splitlines()]
    assert [event["event"]["type"] for event in events if event["from"] == "client"] == [
        "session.update",
        "conversation.item.create",
        "response.create",
        "conversation.item.truncate",
    ]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert not any(
        isinstance(event["event"].get("delta"), str) and len(event["event"]["delta"]) > 200 for event in events
    )


# The real engines. ---------------------------------------------------------------------------------------------


def spoken(name: str, silence: float = 0.0) -> Samples:
    resampler = Resampler(48_000, MODEL_RATE)
    samples = np.concatenate((resampler.feed(corpus(name)), resampler.finish()))
    return np.concatenate((samples, level(0, silence)))


async def test_a_real_voice_is_understood_by_hand() -> None:
    async with served(real_engines()) as url, joined(url) as client:
        await client.manual()
        await client.say(spoken("s06"))
        assert words_of(await client.reply()) == "Nice to meet you, Alice."
        await client.say(spoken("s07"))
        assert words_of(await client.reply()) == "Your name is Alice."
        heard = [each["transcript"] for each in client.of("conversation.item.input_audio_transcription.completed")]
        assert heard == ["my name is alice", "what is my name"]


async def test_a_real_voice_is_found_by_the_server() -> None:
    async with served(real_engines()) as url, joined(url) as client:
        detection = {"type": "server_vad", "silence_duration_ms": 500}
        audio = {"input": {"turn_detection": detection, "transcription": {"model": "any"}}}
        await client.send("session.update", session={"type": "realtime", "audio": audio})
        await client.append(np.concatenate((level(0, 1.0), spoken("s02", silence=1.0))))
        started = await client.until("input_audio_buffer.speech_started")
        done = await client.until("response.done")
        assert words_of(done["response"]).startswith("It is ")
        assert started["audio_start_ms"] == pytest.approx(1000 + 200 + 50 - 300, abs=150)
        (stopped,) = client.of("input_audio_buffer.speech_stopped")
        assert stopped["audio_end_ms"] == pytest.approx(1000 + 1250, abs=250)
        (completed,) = client.of("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "what time is it"


async def test_a_pause_in_the_middle_of_a_sentence_does_not_end_it() -> None:
    async with served(real_engines()) as url, joined(url) as client:
        detection = {"type": "server_vad", "silence_duration_ms": 300}
        audio = {"input": {"turn_detection": detection, "transcription": {"model": "any"}}}
        await client.send("session.update", session={"type": "realtime", "audio": audio})
        await client.append(np.concatenate((level(0, 1.0), spoken("s30", silence=2.0))))
        await client.until("response.done")
        assert len(client.of("input_audio_buffer.speech_started")) == 1
        (completed,) = client.of("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"].startswith("i would like to order")
        assert completed["transcript"].endswith("large pizza")


async def test_noises_are_no_turns() -> None:
    async with served(real_engines()) as url, joined(url) as client:
        for name in ("n01", "n04", "n11"):
            await client.append(spoken(name, silence=1.0))
        await client.append(spoken("s01", silence=1.0))
        await client.until("response.done")
        assert len(client.of("input_audio_buffer.committed")) == 1


async def test_a_real_story_is_long_and_its_words_are_where_they_sound() -> None:
    async with served(real_engines()) as url, joined(url) as client:
        await client.manual()
        await client.say(spoken("s13"))
        await client.send("response.create")
        asked = time.monotonic()
        delta = await client.until("response.output_audio.delta")
        assert time.monotonic() - asked < 2.0
        for _ in range(30):
            await client.until("response.output_audio.delta")
        await client.send("response.cancel", response_id=delta["response_id"])
        await client.until("response.done")
        starts = [event["audio_start_ms"] for event in client.of("response.output_audio_transcript.delta")]
        said = "".join(event["delta"] for event in client.of("response.output_audio_transcript.delta"))
        assert texts.STORY.startswith(said)
        assert starts == sorted(starts)
        assert len(set(starts)) == len(starts) > 5
