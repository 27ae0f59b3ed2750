"""What every request passes before anything looks at it, and what every answer carries.

A web page from elsewhere must not talk to a server on this machine through its user's browser: neither directly
(Origin) nor by a name that suddenly means 127.0.0.1 (Host; DNS rebinding). Tokens and rooms come after that.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signaling.errors import ErrorCode, MessageError
from signaling.problems import problem
from signaling.reports import Refused
from signaling.settings import Settings, is_loopback
from signaling.watch import Watch

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def host_of(authority: str) -> str:
    """The host of `host:port`, without brackets; "" when there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def check_origin(headers: Headers, settings: Settings) -> None:
    """Refuse requests that some other web site makes a browser send.

    Raises:
        MessageError: `forbidden`.
    """
    authority = headers.get("host", "")
    public = settings.public
    host = host_of(authority)
    if settings.on_loopback and not is_loopback(host) and (public is None or host != public.hostname):
        raise MessageError(ErrorCode.FORBIDDEN, "this server answers to localhost and 127.0.0.1 alone (--public-url)")
    origin = headers.get("origin")
    if origin is None or origin in settings.allowed_origins or (public and origin == settings.public_url):
        return
    try:
        parts = urlsplit(origin)
        local = is_loopback(parts.hostname or "")
    except ValueError:
        parts, local = urlsplit(""), False
    web = parts.scheme in {"http", "https"}
    if not web or not (local if settings.on_loopback and public is None else parts.netloc == authority):
        raise MessageError(ErrorCode.FORBIDDEN, "requests from this web origin are not allowed (see --allow-origin)")


HSTS: Final = "max-age=31536000"
"""A year; without subdomains, which are not ours to decide about (RFC 6797)."""


class Guard:
    """ASGI middleware: checks who sends a request, and adds the security headers to the answer."""

    def __init__(self, app: ASGIApp, settings: Settings, watch: Watch) -> None:
        self._app = app
        self._watch = watch
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        is_secure = scope["scheme"] in {"https", "wss"}

        async def send_guarded(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if is_secure:
                    headers.setdefault("Strict-Transport-Security", HSTS)
                if self._settings.allowed_origins:
                    # What is allowed depends on who asks, so no cache may give one's answer to another.
                    headers.add_vary_header("Origin")
            await send(message)

        try:
            check_origin(Headers(scope=scope), self._settings)
        except MessageError as refused:
            address = scope["client"][0] if scope["client"] else ""
            self._watch.hear(Refused(address=address, code=refused.code, text=refused.text))
            await problem(refused)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)
