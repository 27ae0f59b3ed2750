"""Somebody in a room who does nothing: a process of its own, to be stopped and killed by tests.

    python -m tests.support.member URL TOKEN      (the URL of /v1/rtc)

Prints "joined", or the code of its refusal; then "closed CODE" when the server lets it go.
"""

import asyncio
import json
import sys

import websockets


async def attend(url: str, token: str) -> None:
    subprotocols = [websockets.Subprotocol("voice.v1")]
    async with websockets.connect(url, subprotocols=subprotocols, compression=None, max_queue=1) as socket:
        await socket.send(json.dumps({"t": "join", "id": 1, "token": token, "v": 1}))
        answer = json.loads(await socket.recv())
        print(answer["code"] if answer["t"] == "error" else "joined", flush=True)
        async for _ in socket:
            pass
    print(f"closed {socket.close_code}", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(attend(*sys.argv[1:]))
    except websockets.ConnectionClosedError as closed:
        print(f"closed {closed.rcvd.code if closed.rcvd else None}", flush=True)
