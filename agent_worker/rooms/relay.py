"""Whether a TURN server gives us a relay: asked as a call would ask it, and given back at once."""

import asyncio
from typing import Final

from aioice import stun, turn
from aiortc.rtcicetransport import parse_stun_turn_uri

__all__ = ["RelayError", "try_relay"]

PATIENCE_SECONDS: Final = 5.0
_UNAUTHORIZED: Final = 401


class RelayError(Exception):
    """There is no relay, and why.

    Attributes:
        is_refused: The server answered, and did not take the credential.
    """

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        super().__init__(text)
        self.is_refused = is_refused


async def try_relay(url: str, username: str | None, credential: str | None) -> str:
    """Allocate a relay and let it go.

    Args:
        url: turn: or turns: (RFC 7065).
        username: With the credential, as the signaling server hands it out.
        credential: Never said in an error.

    Returns:
        The address that others would send to.

    Raises:
        RelayError: There is none.
    """
    try:
        server = parse_stun_turn_uri(url)
    except ValueError as error:
        raise RelayError(f"no TURN address: {error}") from error
    if not server["scheme"].startswith("turn"):
        raise RelayError(f"no TURN address, but one of {server['scheme']}")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            relay, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(server["host"], server["port"]),
                username=username,
                password=credential,
                ssl=server["scheme"] == "turns",
                transport=server["transport"],
            )
    except TimeoutError as error:
        raise RelayError(f"no answer within {PATIENCE_SECONDS:g} s") from error
    except stun.TransactionFailed as error:
        code, reason = error.response.attributes.get("ERROR-CODE", (0, "refused"))
        raise RelayError(f"{code} {reason}", is_refused=code == _UNAUTHORIZED) from error
    except (stun.TransactionError, OSError) as error:
        raise RelayError(str(error) or "no answer") from error
    host, port = relay.get_extra_info("sockname")
    relay.close()
    return f"{host}:{port}"
