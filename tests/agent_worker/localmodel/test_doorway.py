"""Requests on the WebSocket server's port, over real sockets, with and without TLS."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.typing import Subprotocol

from agent_worker.errors import ConfigError
from agent_worker.localmodel.connection import Engines
from agent_worker.localmodel.doorway import MOST_BODY
from agent_worker.localmodel.server import serve
from agent_worker.localmodel.tls import TlsFiles
from agent_worker.localmodel.tones import Tones
from agent_worker.vad.energy import EnergyVad

SECONDS = 20.0
SILENT = Engines(synthesiser=Tones(), recogniser=lambda: None, vad=EnergyVad, hears=False)


@asynccontextmanager
async def served(tls: TlsFiles | None = None) -> AsyncIterator[str]:
    """The server's address, without its scheme."""
    ready = asyncio.Queue[str](1)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait, engines=SILENT, tls=tls)
        )
        async with asyncio.timeout(SECONDS):
            url = await ready.get()
        assert url.startswith("wss://" if tls is not None else "ws://")
        try:
            yield url.split("://")[1]
        finally:
            serving.cancel()


async def first_event(url: str, **options: Any) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS), connect(url, proxy=None, **options) as socket:
        event: dict[str, Any] = json.loads(await socket.recv())
        return event


async def test_a_secret_is_made_and_opens_its_session() -> None:
    async with served() as address, httpx.AsyncClient(timeout=SECONDS, trust_env=False) as http:
        settings = {"type": "realtime", "instructions": "Be Ada."}
        answer = await http.post(f"http://{address}/client_secrets", json={"session": settings})
        assert answer.status_code == 200
        key = answer.json()["value"]
        protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{key}")]
        for options in ({"subprotocols": protocols}, {"additional_headers": {"Authorization": f"Bearer {key}"}}):
            created = await first_event(f"ws://{address}", **options)
            assert created["session"]["instructions"] == "Be Ada."


async def test_an_expired_secret_is_refused_after_the_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as address, httpx.AsyncClient(timeout=SECONDS, trust_env=False) as http:
        key = (await http.post(f"http://{address}/client_secrets")).json()["value"]
        monkeypatch.setattr("agent_worker.localmodel.server.time.time", lambda: 9e9)
        async with connect(
            f"ws://{address}", additional_headers={"Authorization": f"Bearer {key}"}, proxy=None
        ) as it:
            assert json.loads(await it.recv())["error"]["code"] == "invalid_api_key"
            with pytest.raises(ConnectionClosed) as closed:
                await it.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (3000, "invalid_request_error.invalid_api_key")


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/client_secrets", b"{", 400, "invalid_json"),
        ("POST", "/client_secrets", b"x" * (MOST_BODY + 1), 413, "request_too_large"),
        ("PUT", "/client_secrets", b"{}", 405, "method_not_allowed"),
        ("POST", "/calls", b"{}", 404, "not_found"),
    ],
)
async def test_wrong_requests_are_answered(method: str, path: str, content: bytes, status: int, code: str) -> None:
    async with served() as address, httpx.AsyncClient(timeout=SECONDS, trust_env=False) as http:
        answer = await http.request(method, f"http://{address}{path}", content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert (await http.get(f"http://{address}/client_secrets")).status_code == 405
        assert (await first_event(f"ws://{address}"))["type"] == "session.created"


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00", b"POST nonsense\r\n\r\n", b"POST / HTTP/1.1\r\n"])
async def test_what_is_no_request_harms_nobody(sent: bytes) -> None:
    async with served() as address:
        host, port = address.split("/")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(SECONDS):
            answer = await reader.read()
        assert not answer or answer.startswith(b"HTTP/1.1 400")
        writer.close()
        assert (await first_event(f"ws://{address}"))["type"] == "session.created"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    folder = tmp_path_factory.mktemp("tls")
    files = TlsFiles(cert=folder / "cert.pem", key=folder / "key.pem")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(files.key)]
    made = ["openssl", "req", "-x509", *key, "-out", str(files.cert), "-days", "1", *subject]
    subprocess.run(made, check=True, capture_output=True, timeout=SECONDS)
    return files


async def test_with_a_certificate_it_speaks_tls_alone(certificate: TlsFiles) -> None:
    trust = ssl.create_default_context(cafile=str(certificate.cert))
    async with served(certificate) as address:
        assert (await first_event(f"wss://{address}", ssl=trust))["type"] == "session.created"
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False, verify=trust) as http:
            assert (await http.post(f"https://{address}/client_secrets")).status_code == 200
        with pytest.raises(InvalidMessage):
            await first_event(f"ws://{address}")


def test_a_certificate_that_cannot_be_used_is_said_to_be(certificate: TlsFiles, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot use the certificate .*nothing\.pem"):
        TlsFiles(cert=tmp_path / "nothing.pem", key=certificate.key).context()
    with pytest.raises(ConfigError, match="PEM files"):
        TlsFiles(cert=certificate.key, key=certificate.cert).context()
