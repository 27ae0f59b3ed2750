"""How an agent gets a socket of `/v1/rtc` with a room behind it: the first time, and again after a loss."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from agent_worker.clock import now
from agent_worker.errors import ProtocolError, RoomLostError
from agent_worker.version import own_version
from signaling.messages import (
    CLOSE_CODES,
    SUBPROTOCOL,
    ClientInfo,
    Error,
    ErrorCode,
    Event,
    Join,
    Joined,
    MessageError,
    Resume,
    ToClient,
    TokenPushed,
    encode,
    parse_to_client,
)

__all__ = ["Entrance"]

JOIN_SECONDS: Final = 10.0
AWAY_SECONDS: Final = 20.0
"""How long a server may be away before its room is given up, if nobody is connected to us there."""
FIRST_PAUSE: Final = 0.3
LAST_PAUSE: Final = 5.0
CLOSE_SECONDS: Final = 2.0
MAX_FRAME: Final = 2**20
"""Bytes of one frame from the server: the list of a full room with all its attributes fits."""

_PASSING: Final = frozenset(
    {
        ErrorCode.INTERNAL,
        ErrorCode.JOIN_TIMEOUT,
        ErrorCode.NO_CAPACITY,
        ErrorCode.RATE_LIMITED,
        ErrorCode.ROOM_FULL,
        ErrorCode.SERVER_DRAINING,
        ErrorCode.SLOW_CONSUMER,
    }
)
"""What may be over in a few seconds; any other refusal is final."""
_FINAL_CLOSE_CODES: Final = {close: code for code, close in CLOSE_CODES.items() if code not in _PASSING}

_logger = logging.getLogger(__name__)
_socket_logger = logging.getLogger(f"{__name__}.socket")
# At DEBUG websockets logs each frame, and the first one holds the token.
_socket_logger.setLevel(logging.INFO)


class Entrance:
    """One room's address, the token for it, and the session that we have there.

    Args:
        url: ws:// or wss:// address of the server's `/v1/rtc`.
        token: Admits us the first time; the server sends newer ones. Never logged.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._session: Resume | None = None

    def follow(self, message: ToClient) -> None:
        """Take note of what will be needed for coming back: the last event, the newest token."""
        if isinstance(message, Event) and message.seq is not None and self._session is not None:
            self._session = self._session.model_copy(update={"last_seq": message.seq})
        if isinstance(message, TokenPushed):
            self._token = message.token

    async def enter(self, known_peers: Mapping[str, int] | None = None) -> tuple[ClientConnection, Joined]:
        """A socket on which we were let in, and the room as it is, or what we missed of it.

        Args:
            known_peers: The generation of each media connection that stands, by identity.

        Raises:
            RoomLostError: The server cannot be reached, or says nothing for `JOIN_SECONDS`.
            ProtocolError: It refused us; `code` is its word.
        """
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                socket = await self._open()
                try:
                    return socket, await self._join(socket, known_peers or {})
                except BaseException:
                    socket.transport.abort()
                    raise
        except TimeoutError as error:
            raise self._unreachable(f"it did not let us in within {JOIN_SECONDS:g} s") from error
        except ConnectionClosed as error:
            raise self._unreachable(f"it closed the connection ({error.rcvd or 'without a word'})") from error
        except (InvalidHandshake, EOFError) as error:
            raise self._unreachable(f"what answers is no signaling server: {error}") from error
        except (OSError, InvalidURI) as error:
            raise self._unreachable(str(error)) from error

    async def enter_again(self, links: Callable[[], Mapping[str, int]]) -> tuple[ClientConnection, Joined]:
        """The same after a loss, tried anew after ever longer pauses: a conversation goes on without the server.

        Args:
            links: Gives the generation of each media connection that stands, by identity. While there is one this
                goes on, and `AWAY_SECONDS` longer.

        Raises:
            RoomLostError: The server stayed away.
            ProtocolError: It is back and does not want us.
        """
        given_up = now() + AWAY_SECONDS
        pause = FIRST_PAUSE
        while True:
            # Spread, so that the agents of a server that comes back do not all arrive at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(pause * 2, LAST_PAUSE)
            known_peers = links()
            if known_peers:
                given_up = now() + AWAY_SECONDS
            try:
                return await self.enter(known_peers)
            except (RoomLostError, ProtocolError) as error:
                if now() >= given_up or (isinstance(error, ProtocolError) and error.code not in _PASSING):
                    raise
                _logger.info("not back in the room yet: %s", error)

    def final_reason(self, socket: ClientConnection) -> str:
        """Why a closed socket ends our place in the room; "" when we may come again."""
        code = _FINAL_CLOSE_CODES.get(socket.close_code or 0)
        return "" if code is None else (socket.close_reason or code)

    async def _open(self) -> ClientConnection:
        return await connect(
            self._url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            # Permessage-deflate gains nothing on short messages and is a way to send bombs.
            compression=None,
            max_size=MAX_FRAME,
            # The deadline of enter() holds here, too.
            open_timeout=None,
            close_timeout=CLOSE_SECONDS,
            # The environment is read in the commands alone, and so no proxy is taken from it.
            proxy=None,
            logger=_socket_logger,
        )

    async def _join(self, socket: ClientConnection, known_peers: Mapping[str, int]) -> Joined:
        client = ClientInfo(sdk="agent_worker", version=own_version())
        join = Join(token=self._token, client=client, resume=self._session, known_peers=dict(known_peers))
        await socket.send(encode(join))
        while True:
            try:
                message = parse_to_client(await socket.recv())
            except MessageError:
                continue  # from a newer server; what it waits for, it will tell otherwise
            match message:
                case Joined(sid=sid, key=key, seq=seq):
                    self._session = Resume(sid=sid, key=key, last_seq=seq or 0)
                    return message
                case Error(code=code, message=text):
                    raise ProtocolError(f"the signaling server does not let us in: {text} ({code})", code=code)
                case _:
                    pass

    def _unreachable(self, why: str) -> RoomLostError:
        return RoomLostError(
            f"The signaling server at {self._url} cannot be reached: {why}. Check that it runs there, and that this"
            " machine can open a connection to it."
        )
