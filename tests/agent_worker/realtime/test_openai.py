"""The WebSocket shell against real servers on 127.0.0.1 that play along, refuse, break off, stall or babble."""

import asyncio
import base64
import json
import logging
import ssl
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent_worker.errors import ConfigError, RealtimeError, RealtimeLostError
from agent_worker.realtime import openai_connection
from agent_worker.realtime.base import (
    AppendAudio,
    CommitAudio,
    CreateResponse,
    ItemDeleted,
    Modality,
    ModelError,
    OutputAudio,
    RealtimeConnection,
    RealtimeEvent,
    ResponseEnded,
    SessionSettings,
    SettingsApplied,
    TurnDetection,
    UnknownEvent,
    UpdateSession,
)
from agent_worker.realtime.dialects import AZURE, AZURE_PREVIEW, BETA
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.realtime.openai_events import MALFORMED

KEY = "sk-a-key-that-must-not-be-seen"
SETTINGS = SessionSettings(instructions="Be kind.")
Story = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def served(story: Story, **options: Any) -> AsyncGenerator[str, None]:
    """A server that lives through `story` with each client; gives its address."""

    async def live(socket: ServerConnection) -> None:
        try:
            await story(socket)
        except ConnectionClosed:
            return

    async with serve(live, "127.0.0.1", 0, **options) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'wss' if options.get('ssl') else 'ws'}://127.0.0.1:{port}/v1/realtime"


async def send(socket: ServerConnection, type_: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": type_, "event_id": "event_1", **fields}))


async def receive(socket: ServerConnection) -> dict[str, Any]:
    return json.loads(await socket.recv())


async def open_session(socket: ServerConnection) -> dict[str, Any]:
    """The server's side of the opening; returns the session.update."""
    await send(socket, "session.created", session={"id": "sess_1"})
    update = await receive(socket)
    assert update["type"] == "session.update"
    await send(socket, "session.updated", session=update["session"])
    return update


def audio_delta(pcm: bytes) -> str:
    return json.dumps(
        {
            "type": "response.output_audio.delta",
            "event_id": "event_1",
            "response_id": "resp_1",
            "item_id": "item_1",
            "output_index": 0,
            "content_index": 0,
            "delta": base64.b64encode(pcm).decode(),
        }
    )


async def enter(model: OpenAIRealtimeModel) -> None:
    async with model.connect(SETTINGS):
        pass


async def read(connection: RealtimeConnection, count: int) -> list[RealtimeEvent]:
    events: list[RealtimeEvent] = []
    async with asyncio.timeout(10):
        async for event in connection.events():
            events.append(event)
            if len(events) == count:
                break
    return events


class TestOpening:
    async def test_created_update_updated_and_only_then_audio(self) -> None:
        frames: list[dict[str, Any]] = []
        requests: list[Request] = []

        async def story(socket: ServerConnection) -> None:
            assert socket.request is not None
            requests.append(socket.request)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.1)
            frames.append(await open_session(socket))
            frames.extend([await receive(socket) for _ in range(3)])
            await send(socket, "conversation.item.deleted", item_id="all seen")

        async with served(story) as url:
            model = OpenAIRealtimeModel(url=f"{url}?call_id=c%201", api_key=f"{KEY}\n", voice="marin")
            async with model.connect(SETTINGS) as connection:
                connection.send(AppendAudio(b"\0\0"))
                connection.send(CommitAudio())
                connection.send(CreateResponse(request_id="r1"))
                await read(connection, 1)
        assert [frame["type"] for frame in frames] == [
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "response.create",
        ]
        assert frames[0]["session"]["instructions"] == "Be kind."
        assert frames[0]["session"]["audio"]["output"]["voice"] == "marin"
        (request,) = requests
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert "permessage-deflate" not in request.headers.get("Sec-WebSocket-Extensions", "")
        path = urlsplit(request.path)
        assert path.path == "/v1/realtime"
        assert parse_qs(path.query) == {"call_id": ["c 1"], "model": ["gpt-realtime-2.1"]}

    @pytest.mark.parametrize(
        ("query", "model", "query_sent"),
        [
            ("", "m 1", {"model": ["m 1"]}),
            ("?model=theirs", "ours", {"model": ["theirs"]}),
            ("?api-version=1", "", {"api-version": ["1"]}),
        ],
    )
    async def test_the_model_is_named_in_the_address(
        self, query: str, model: str, query_sent: dict[str, list[str]]
    ) -> None:
        paths: list[str] = []

        async def story(socket: ServerConnection) -> None:
            assert socket.request is not None
            paths.append(socket.request.path)
            assert "Authorization" not in socket.request.headers
            await open_session(socket)

        async with served(story) as url:
            await enter(OpenAIRealtimeModel(url=url + query, model=model))
        assert parse_qs(urlsplit(paths[0]).query) == query_sent

    async def test_what_a_server_says_besides_does_not_disturb(self) -> None:
        async def story(socket: ServerConnection) -> None:
            await send(socket, "conversation.created", conversation={})
            await socket.send("garbage")
            await send(socket, "x_vendor.hello")
            await open_session(socket)

        async with served(story) as url:
            await enter(OpenAIRealtimeModel(url=url))

    async def test_a_session_without_transcription_says_so(self) -> None:
        async with (
            served(open_session) as url,
            OpenAIRealtimeModel(url=url).connect(SessionSettings(transcription_model=None)) as connection,
        ):
            assert not connection.capabilities.user_transcription

    async def test_a_session_says_what_it_can_do_with_its_settings(self) -> None:
        settings = SessionSettings(modality=Modality.TEXT, turn_detection=TurnDetection.SERVER_HEARS)
        async with served(open_session) as url, OpenAIRealtimeModel(url=url).connect(settings) as connection:
            told = connection.capabilities
        assert not told.audio_output
        assert told.voice_events
        assert not told.server_interrupts
        assert told.max_session_seconds is None

    async def test_a_session_says_how_long_it_lasts(self) -> None:
        async def story(socket: ServerConnection) -> None:
            await send(socket, "session.created", session={"id": "s", "expires_at": time.time() + 3600})
            await receive(socket)
            await send(socket, "session.updated", session={})
            await socket.wait_closed()

        async with served(story) as url, OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
            lasts = connection.capabilities.max_session_seconds
        assert lasts is not None
        assert 3000 < lasts <= 3601

    async def test_azure_is_asked_as_azure_wants_it(self) -> None:
        requests: list[Request] = []

        async def story(socket: ServerConnection) -> None:
            assert socket.request is not None
            requests.append(socket.request)
            await open_session(socket)

        async with served(story) as url:
            await enter(OpenAIRealtimeModel(url=url, model="mine", api_key=KEY, dialect=AZURE))
            await enter(OpenAIRealtimeModel(url=url, model="mine", api_key=KEY, dialect=AZURE_PREVIEW))
            await enter(OpenAIRealtimeModel(url=url, model="mine", api_key=KEY, dialect=BETA))
        assert [request.headers.get("api-key") for request in requests] == [KEY, KEY, None]
        assert [request.headers.get("Authorization") for request in requests] == [None, None, f"Bearer {KEY}"]
        assert [request.headers.get("OpenAI-Beta") for request in requests] == [None, None, "realtime=v1"]
        assert [parse_qs(urlsplit(request.path).query) for request in requests] == [
            {"model": ["mine"]},
            {"api-version": ["2025-04-01-preview"], "deployment": ["mine"]},
            {"model": ["mine"]},
        ]

    async def test_no_proxy_is_taken_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "socks_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.delenv("no_proxy", raising=False)
        async with served(open_session) as url:
            await enter(OpenAIRealtimeModel(url=url))

    async def test_the_credential_is_asked_for_at_each_connect(self) -> None:
        keys = iter(["one", "two"])
        seen: list[str] = []

        async def mint() -> str:
            return next(keys)

        async def story(socket: ServerConnection) -> None:
            assert socket.request is not None
            seen.append(socket.request.headers["Authorization"])
            await open_session(socket)

        async with served(story) as url:
            model = OpenAIRealtimeModel(url=url, api_key=mint)
            await enter(model)
            await enter(model)
        assert seen == ["Bearer one", "Bearer two"]

    async def test_tls_is_verified_as_the_caller_says(self, tmp_path: Path) -> None:
        server_side, client_side = certified(tmp_path)
        async with served(open_session, ssl=server_side) as url:
            await enter(OpenAIRealtimeModel(url=url, ssl=client_side))
            with pytest.raises(RealtimeLostError, match=r"wss://127\.0\.0\.1:\d+/v1/realtime .*certificate"):
                await enter(OpenAIRealtimeModel(url=url))


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a fresh certificate for 127.0.0.1, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server_side, ssl.create_default_context(cafile=str(folder / "cert.pem"))


REFUSALS = [
    pytest.param(
        {"type": "invalid_request_error", "code": "invalid_api_key", "message": f"Incorrect API key: {KEY}."},
        3000,
        "invalid_api_key",
        r"refused: Incorrect API key: \[key\]\. Check that the API key",
        id="a bad key, with an error event",
    ),
    pytest.param(
        None,
        3000,
        "invalid_api_key",
        r"invalid_request_error\.invalid_api_key \(close code 3000\)\. Check that the API key",
        id="a bad key, by its close code alone",
    ),
    pytest.param(
        {"type": "invalid_request_error", "code": "model_not_found", "message": "No such model"},
        4004,
        "model_not_found",
        "refused: No such model. Check the model's name",
        id="no such model",
    ),
    pytest.param(
        {"type": "insufficient_quota", "code": "insufficient_quota", "message": "Quota exceeded"},
        4000,
        "insufficient_quota",
        "Quota exceeded. Check the plan and the billing",
        id="nothing left to pay with",
    ),
    pytest.param(
        {"type": "invalid_request_error", "code": "invalid_value", "message": "Invalid voice"},
        1000,
        "invalid_value",
        "Invalid voice. Check the session's settings",
        id="settings that it does not take",
    ),
]


class TestRefusal:
    @pytest.mark.parametrize(("error", "close_code", "code", "says"), REFUSALS)
    async def test_it_says_what_to_do_and_never_the_key(
        self,
        error: dict[str, Any] | None,
        close_code: int,
        code: str,
        says: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)

        async def story(socket: ServerConnection) -> None:
            if error is not None:
                await send(socket, "error", error=error)
            await socket.close(close_code, f"invalid_request_error.{code}")

        async with served(story, logger=logging.getLogger("quiet server")) as url:
            logging.getLogger("quiet server").setLevel(logging.CRITICAL)
            model = OpenAIRealtimeModel(url=url, api_key=KEY)
            with pytest.raises(RealtimeError, match=says) as refused:
                await enter(model)
        assert refused.value.code == code
        assert url in str(refused.value)
        assert KEY not in str(refused.value) + repr(model) + caplog.text

    async def test_a_close_reason_that_quotes_the_key_does_not_show_it(self) -> None:
        async def story(socket: ServerConnection) -> None:
            await socket.close(3000, f"no such key: {KEY}")

        async with served(story) as url:
            with pytest.raises(RealtimeError, match=r"no such key: \[key\]") as refused:
                await enter(OpenAIRealtimeModel(url=url, api_key=KEY))
        assert KEY not in "".join(traceback.format_exception(refused.value))

    @pytest.mark.parametrize(
        ("status", "kind", "says"),
        [
            (HTTPStatus.UNAUTHORIZED, RealtimeError, "HTTP status 401. Check that the API key"),
            (HTTPStatus.FORBIDDEN, RealtimeError, "HTTP status 403. Give the API key the permission"),
            (HTTPStatus.NOT_FOUND, RealtimeError, "HTTP status 404. Check the path"),
            (
                HTTPStatus.SERVICE_UNAVAILABLE,
                RealtimeLostError,
                "cannot be reached: it answered with HTTP status 503",
            ),
        ],
    )
    async def test_by_a_gateway(self, status: HTTPStatus, kind: type[Exception], says: str) -> None:
        def answer(socket: ServerConnection, _request: Request) -> Response:
            return socket.respond(status, "no\n")

        async with served(open_session, process_request=answer) as url:
            with pytest.raises(kind, match=says):
                await enter(OpenAIRealtimeModel(url=url))

    async def test_a_key_that_cannot_be_minted(self) -> None:
        async def mint() -> str:
            raise KeyError("vault is sealed")

        with pytest.raises(RealtimeError, match=r"api_key function .* failed: KeyError: 'vault is sealed'"):
            await enter(OpenAIRealtimeModel(url="ws://127.0.0.1:1/", api_key=mint))

    async def test_a_key_that_no_header_can_hold(self) -> None:
        with pytest.raises(RealtimeError, match="characters that no header can hold"):
            await enter(OpenAIRealtimeModel(url="ws://127.0.0.1:1/", api_key="sk-\u2026\r\nX: y"))


class TestUnreachable:
    async def test_nobody_listens(self) -> None:
        listener = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        address = f"ws://127.0.0.1:{port}/v1/realtime"
        with pytest.raises(RealtimeLostError, match=f"at {address} cannot be reached: .*Check that it runs there"):
            await enter(OpenAIRealtimeModel(url=address))

    async def test_what_listens_is_something_else(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"220 mail.example.org ESMTP\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            with pytest.raises(RealtimeLostError, match="what answers is no WebSocket server"):
                await enter(OpenAIRealtimeModel(url=f"ws://127.0.0.1:{port}"))

    @pytest.mark.parametrize("reached", ["the socket", "session.created"])
    async def test_it_never_gets_ready(self, reached: str) -> None:
        async def story(socket: ServerConnection) -> None:
            if reached == "session.created":
                await send(socket, "session.created", session={})
            await socket.wait_closed()

        async with served(story) as url:
            with pytest.raises(RealtimeLostError, match=f"{url} was not ready within 0.2 s"):
                await enter(OpenAIRealtimeModel(url=url, connect_timeout=0.2))

    async def test_it_goes_away_before_it_is_ready(self) -> None:
        async def story(socket: ServerConnection) -> None:
            await socket.close(1013, "try again")

        async with served(story) as url:
            with pytest.raises(
                RealtimeLostError, match=r"before the session was ready \(close code 1013, try again\)"
            ):
                await enter(OpenAIRealtimeModel(url=url))


class TestLoss:
    @pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 4999])
    async def test_in_the_middle_of_a_reply(self, code: int) -> None:
        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            await socket.send(audio_delta(b"\1\0"))
            if code == 1006:
                socket.transport.abort()
            else:
                await socket.close(code, "going" if code == 1001 else "")

        async with served(story) as url, OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
            (heard,) = await read(connection, 1)
            assert isinstance(heard, OutputAudio)
            with pytest.raises(RealtimeLostError, match=f"at {url} is lost: close code {code}"):
                await read(connection, 1)
            with pytest.raises(RealtimeLostError, match=f"close code {code}"):
                connection.send(CommitAudio())

    async def test_a_server_that_reads_no_more_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(openai_connection, "_SEND_SECONDS", 0.3)

        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            socket.transport.pause_reading()
            await asyncio.sleep(1)

        async with (
            served(story, close_timeout=0.1) as url,
            OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection,
        ):
            for _ in range(8):
                connection.send(AppendAudio(bytes(4 * 2**20)))
            with pytest.raises(RealtimeLostError, match=r"it took nothing for 0\.3 s"):
                await read(connection, 1)

    async def test_a_queue_that_is_full_ends_the_connection(self) -> None:
        async with (
            served(open_session_and_wait) as url,
            OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection,
        ):
            for _ in range(2048):
                connection.send(AppendAudio(b"\0\0"))
            with pytest.raises(RealtimeLostError, match="it is 2048 commands behind"):
                connection.send(CommitAudio())
            with pytest.raises(RealtimeLostError, match="it is 2048 commands behind"):
                await read(connection, 1)


async def open_session_and_wait(socket: ServerConnection) -> None:
    await open_session(socket)
    await socket.wait_closed()


class TestSession:
    async def test_a_slow_reader_loses_nothing(self) -> None:
        count = 300

        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            for number in range(count):
                await socket.send(audio_delta(number.to_bytes(2, "little") * 8000))
            await socket.wait_closed()

        async with served(story) as url, OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
            heard: list[int] = []
            async for event in connection.events():
                assert isinstance(event, OutputAudio)
                heard.append(int.from_bytes(event.pcm[:2], "little"))
                await asyncio.sleep(0.001)
                if len(heard) == count:
                    break
        assert heard == list(range(count))

    @pytest.mark.parametrize(
        ("code", "error", "says"),
        [
            ("insufficient_quota", RealtimeError, "refused: Not with \\[key\\]. Check the plan"),
            ("session_expired", RealtimeLostError, "is lost: Not with \\[key\\]"),
        ],
    )
    async def test_an_error_that_the_session_cannot_live_with_ends_it(
        self, code: str, error: type[Exception], says: str
    ) -> None:
        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            await send(socket, "error", error={"type": "x", "code": "invalid_value", "message": "A mere warning"})
            await send(socket, "error", error={"type": "x", "code": code, "message": f"Not with {KEY}"})
            await socket.wait_closed()

        async with served(story) as url, OpenAIRealtimeModel(url=url, api_key=KEY).connect(SETTINGS) as connection:
            (warning,) = await read(connection, 1)
            assert isinstance(warning, ModelError)
            with pytest.raises(error, match=says):
                await read(connection, 2)

    async def test_a_reply_that_failed_for_good_is_told_and_ends_the_session(self) -> None:
        failure = {"type": "failed", "error": {"type": "insufficient_quota", "message": "Pay first"}}

        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            await send(socket, "response.done", response={"id": "r", "status": "failed", "status_details": failure})
            await socket.wait_closed()

        async with served(story) as url, OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
            events = aiter(connection.events())
            assert isinstance(await anext(events), ResponseEnded)
            with pytest.raises(RealtimeError, match="Pay first"):
                await anext(events)

    async def test_nonsense_is_passed_on_as_nonsense(self) -> None:
        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            await send(socket, "x_vendor.mood", mood="fine")
            await socket.send("{")
            await socket.send(b"\x00\xff")
            await socket.send(b"\xff", text=True)
            await send(socket, "response.created")
            await socket.send(audio_delta(b"\1\0"))
            await socket.wait_closed()

        async with served(story) as url, OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
            events = await read(connection, 6)
        assert isinstance(events[0], UnknownEvent)
        assert [event.code for event in events if isinstance(event, ModelError)] == [MALFORMED] * 4
        assert isinstance(events[5], OutputAudio)

    async def test_settings_change_while_it_runs(self) -> None:
        updates: list[dict[str, Any]] = []

        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            update = await receive(socket)
            updates.append(update)
            await send(socket, "session.updated", session=update["session"])
            await send(socket, "conversation.item.deleted", item_id="seen")

        async with served(story) as url, OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
            connection.send(UpdateSession(SessionSettings(instructions="Be brief.")))
            assert await read(connection, 2) == [SettingsApplied(), ItemDeleted("seen")]
        assert updates[0]["session"]["instructions"] == "Be brief."

    async def test_an_error_of_the_session_itself_comes_out_as_it_is(self) -> None:
        async with served(open_session_and_wait) as url:
            with pytest.raises(ZeroDivisionError):
                async with OpenAIRealtimeModel(url=url).connect(SETTINGS):
                    raise ZeroDivisionError

    async def test_cancelling_the_session_closes_the_connection(self) -> None:
        closed: list[int | None] = []

        async def story(socket: ServerConnection) -> None:
            await open_session_and_wait(socket)
            closed.append(socket.close_code)

        async def session(url: str, ready: asyncio.Event) -> None:
            async with OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
                ready.set()
                await read(connection, 1)

        async with served(story) as url:
            ready = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                task = group.create_task(session(url, ready))
                await ready.wait()
                task.cancel()
            assert task.cancelled()
        assert closed == [1000]

    async def test_leaving_in_the_middle_of_a_flood_is_quick(self) -> None:
        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            while True:
                await socket.send(audio_delta(bytes(48_000)))

        loop = asyncio.get_running_loop()
        async with served(story) as url:
            async with OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
                await read(connection, 1)
                await asyncio.sleep(0.2)
                began = loop.time()
            assert loop.time() - began < 1.0

    async def test_leaving_a_server_that_reads_no_more_is_quick_and_final(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openai_connection, "CLOSE_SECONDS", 0.2)
        left, closed = asyncio.Event(), asyncio.Queue[int | None](1)

        async def story(socket: ServerConnection) -> None:
            await open_session(socket)
            socket.transport.pause_reading()
            await left.wait()
            socket.transport.resume_reading()
            await socket.wait_closed()
            closed.put_nowait(socket.close_code)

        async with served(story, max_size=None) as url, asyncio.timeout(5):
            async with OpenAIRealtimeModel(url=url).connect(SETTINGS) as connection:
                for _ in range(8):
                    connection.send(AppendAudio(bytes(4 * 2**20)))
                await asyncio.sleep(0.1)
            left.set()
            assert await closed.get() == 1006


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "https://api.openai.com/v1/realtime"}, "must look like wss://"),
        ({"url": "wss://"}, "must look like"),
        ({"url": "ws://127.0.0.1:port/"}, "must look like"),
        ({"url": "ws://[::1/"}, "must look like"),
        ({"url": "ws://user@host/"}, "must look like"),
        ({}, "needs an API key: pass api_key"),
        ({"api_key": ""}, "needs an API key"),
        ({"api_key": KEY, "model": ""}, r"api.openai.com needs to be told the model: .*\?model="),
        (
            {"url": "wss://a.openai.azure.com/openai/v1?model=", "model": "", "dialect": AZURE},
            "told the model",
        ),
        ({"url": "wss://a.openai.azure.com/", "model": "", "dialect": AZURE_PREVIEW}, r"\?deployment="),
        ({"url": "ws://127.0.0.1/", "ssl": ssl.create_default_context()}, "for wss:// addresses"),
    ],
)
def test_a_wrong_set_up_is_told_at_once(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        OpenAIRealtimeModel(**options)


def test_a_key_on_an_open_way_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    OpenAIRealtimeModel(url="ws://127.0.0.1:8765/", api_key=KEY)
    assert caplog.messages == []
    OpenAIRealtimeModel(url="ws://model.example.org/", api_key=KEY)
    assert caplog.messages == [
        "The API key for model.example.org is sent unencrypted; use wss:// if the way there is not private"
    ]


def test_its_repr_has_no_secrets() -> None:
    model = OpenAIRealtimeModel(url="wss://me:pass@host:99/v1/realtime?key=secret", api_key=KEY)
    assert repr(model) == "<OpenAIRealtimeModel gpt-realtime-2.1 at wss://host:99/v1/realtime>"
