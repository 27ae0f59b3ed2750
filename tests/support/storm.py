"""`python -m tests.support.storm URL`: attacks a signaling server until it is ended.

A process of its own, so that the listener of the call next door has its event loop to itself.
"""

import asyncio
import contextlib
import json
import sys
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.signaling.samples import CANDIDATES, offer
from tests.signaling.serving import join_token

FLOODS = 3
HALF_OPEN = 200


async def flood(url: str, number: int) -> None:
    """Join a room and send garbage, a huge offer, thousands of candidates, until we are cut off; then again."""
    address = f"{url.replace('http', 'ws', 1)}/v1/rtc"
    tokens = [join_token(f"mal{number}", "storm"), "eyJhbGciOiJub25lIn0.e30."]
    while True:
        for token in tokens:
            with contextlib.suppress(ConnectionClosed, InvalidStatus, OSError):
                async with connect(address, local_addr=(f"127.0.0.{20 + number}", 0)) as mal:
                    await mal.send(json.dumps({"t": "join", "token": token}))
                    await mal.send(json.dumps({"t": "offer", "to": "mal0", "sdp": offer() + "a=x\r\n" * 5000}))
                    await mal.send(json.dumps({"t": "offer", "to": "mal0", "sdp": "garbage"}))
                    for _ in range(2500):
                        await mal.send(json.dumps({"t": "candidate", "to": "mal0", "candidate": CANDIDATES["host"]}))
                        await mal.send("{garbage")
            print(f"flood {number} was cut off", flush=True)
            await asyncio.sleep(0.2)


async def main(url: str) -> None:
    parts = urlsplit(url)
    async with asyncio.TaskGroup() as group:
        for number in range(FLOODS):
            group.create_task(flood(url, number))
        silent = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(HALF_OPEN)]
        print(f"{len(silent)} half-open sockets", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
