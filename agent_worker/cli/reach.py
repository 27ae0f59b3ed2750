"""Whether people could reach this installation: the page's address, and the relays that the server hands out."""

import time
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from agent_worker.cli import tokens
from agent_worker.cli.checks import Finding, Verdict
from agent_worker.cli.tokens import Key
from agent_worker.rooms.relay import RelayError, try_relay
from agent_worker.worker.address import endpoint, is_loopback

__all__ = ["check_reach"]

ANSWER_SECONDS: Final = 5.0
TOKEN_SECONDS: Final = 60


class _Server(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


_servers: TypeAdapter[tuple[_Server, ...]] = TypeAdapter(tuple[_Server, ...])


async def check_reach(signaling: str, key: Key) -> list[Finding]:
    """Ask the server for its page, for itself, and for its relays; and each relay for a place.

    Args:
        signaling: http://, https://, ws:// or wss://.
        key: The server's, which signs the token that relays are asked for with.

    Raises:
        ConfigError: It is no address.
    """
    url = endpoint(signaling, "").replace("ws", "http", 1).rstrip("/")
    # trust_env: the environment is read in `environment` alone, and so no proxy is taken from it.
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
        page = await _check_page(http, url)
        if page.verdict is Verdict.MISSING:
            return [page]
        return [page, *await _check_relays(http, url, key)]


async def _check_page(http: httpx.AsyncClient, url: str) -> Finding:
    what = "Page"
    try:
        ready, page = await http.get(f"{url}/readyz"), await http.get(f"{url}/")
    except httpx.TransportError as error:
        start = "start one there (python -m signaling --dev), or say where it is: --signaling URL"
        found = f"{url} cannot be reached: {error or 'no answer in time'}"
        return Finding(what=what, verdict=Verdict.MISSING, found=found, advice=start)
    if ready.is_error or page.is_error:
        found = f"{url} answers with {ready.status_code} (/readyz) and {page.status_code} (/)"
        return Finding(what=what, verdict=Verdict.MISSING, found=found, advice="see the signaling server's log")
    if url.startswith("http://") and not is_loopback(url):
        advice = "serve it by https (docs/deploying.md), or people can only type"
        return Finding(what=what, verdict=Verdict.LESS, found=f"{url}: browsers give it no microphone", advice=advice)
    return Finding(what=what, verdict=Verdict.FINE, found=f"{url}/")


async def _check_relays(http: httpx.AsyncClient, url: str, key: Key) -> list[Finding]:
    claims = tokens.observer_claims(room="doctor", now=int(time.time()), lifetime=TOKEN_SECONDS)
    bearer = {"Authorization": f"Bearer {tokens.sign(claims, key)}"}
    try:
        response = await http.get(f"{url}/v1/ice", headers=bearer)
        if response.status_code in (401, 403):
            advice = "give it the server's AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET"
            return [Finding(what="TURN", verdict=Verdict.LESS, found="the server refuses our key", advice=advice)]
        servers = _servers.validate_python(response.raise_for_status().json()["iceServers"])
    except (httpx.HTTPError, ValidationError, ValueError, KeyError, TypeError) as error:
        found = f"the server does not say which there are: {type(error).__name__}"
        return [Finding(what="TURN", verdict=Verdict.LESS, found=found, advice="see the signaling server's log")]
    relays = [(address, one) for one in servers for address in one.urls if address.startswith("turn")]
    if not relays:
        advice = "for people behind strict firewalls, set one up: docs/turn.md"
        return [Finding(what="TURN", verdict=Verdict.FINE, found="none is set", advice=advice)]
    return [await _check_relay(address, one) for address, one in relays]


async def _check_relay(address: str, server: _Server) -> Finding:
    what = f"TURN {address}"
    try:
        relayed = await try_relay(address, server.username, server.credential)
    except RelayError as error:
        advice = (
            "make AGENT_WORKER_TURN_SECRET the relay's static-auth-secret, and compare the clocks of both machines"
            if error.is_refused
            else "check that the relay runs, and that its ports are open from here"
        )
        return Finding(what=what, verdict=Verdict.MISSING, found=f"gives no relay: {error}", advice=advice)
    return Finding(what=what, verdict=Verdict.FINE, found=f"relays by {relayed}")
