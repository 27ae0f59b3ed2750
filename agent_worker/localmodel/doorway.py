"""HTTP on the port of the WebSocket server: requests other than GET -> h11 -> an answer, and the connection ends.

The WebSocket library reads the GET of an upgrade and nothing else; the protocol also has requests with a body.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import h11
from websockets.asyncio.server import Server, ServerConnection
from websockets.server import ServerProtocol

from agent_worker.localmodel.events import Json

log = logging.getLogger(__name__)

MOST_BODY: Final = 256 * 1024
"""Bytes of a request. Sessions are settings and tools: text."""
_UPGRADE: Final = b"G"
"""What an upgrade begins with, of "GET"; no other method does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request is answered with."""

    status: HTTPStatus
    body: Json


Respond = Callable[[str, str, bytes], Answer]
"""Method, target and body -> the answer."""


class Doorway(ServerConnection):
    """A connection that turns out to be a WebSocket, or a single request.

    Args:
        protocol: The WebSocket library's.
        server: The WebSocket library's.
        respond: Answers requests.
        options: The WebSocket library's.

    """

    def __init__(self, protocol: ServerProtocol, server: Server, *, respond: Respond, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self._respond = respond
        self._is_upgrade: bool | None = None
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_BODY)
        self._asked: h11.Request | None = None
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Bytes came: the first one tells what they are."""
        if self._is_upgrade is None:
            self._is_upgrade = data[:1] == _UPGRADE
        if self._is_upgrade:
            super().data_received(data)
        elif not self.transport.is_closing():
            self._request(data)

    def _request(self, data: bytes) -> None:
        try:
            self._parser.receive_data(data)
            answer = self._read()
        except h11.RemoteProtocolError as malformed:
            log.info("a malformed request was refused: %s", malformed)
            answer = refused(HTTPStatus.BAD_REQUEST, "The request is malformed.", "invalid_request")
        if answer is not None:
            self._answer(answer)

    def _read(self) -> Answer | None:
        """The answer once the request is complete."""
        while True:
            event = self._parser.next_event()
            match event:
                case h11.Request():
                    self._asked = event
                    if self._parser.they_are_waiting_for_100_continue:
                        head = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                        self.transport.write(self._parser.send(head) or b"")
                case h11.Data():
                    self._body += bytes(event.data)
                    if len(self._body) > MOST_BODY:
                        message = f"The request is longer than {MOST_BODY} bytes."
                        return refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, "request_too_large")
                case h11.EndOfMessage():
                    assert self._asked is not None
                    method, target = self._asked.method.decode("ascii"), self._asked.target.decode("ascii")
                    return self._respond(method, target, self._body)
                case _:
                    return None

    def _answer(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        status, reason = answer.status.value, answer.status.phrase.encode("ascii")
        head = h11.Response(status_code=status, headers=headers, reason=reason)
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self._parser.send(event) or b"")
        self.transport.close()


def refused(status: HTTPStatus, message: str, code: str, param: str | None = None) -> Answer:
    """An error in the shape that the protocol's HTTP side has."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Answer(status=status, body={"error": error})
