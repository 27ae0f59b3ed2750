"""A realtime model server that is the same for every program measured: OpenAI's protocol, tone-coded replies.

    python -m bench.rig.tone_model --port 8766 --log events.jsonl

It waits for commits and response requests (turn detection off), says which words it heard (--heard), and answers with
twelve seconds of tones, five times faster than speech. Its log has one JSON object a line with time.monotonic()
seconds: when the user's first loud sample after half a second of none arrived, the longest time within a turn that no
audio came, when each reply's first delta left, each truncation and cancellation.
"""

import argparse
import asyncio
import base64
import itertools
import json
import time
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import websockets

from bench.rig.tones import TONE_SECONDS, tone

RATE: Final = 24_000
REPLY_TONES: Final = 120
SPEED: Final = 5.0
QUIET_SECONDS: Final = 0.5
LOUD_SAMPLE: Final = 1000
HEARD: Final = "please tell me something else now"

_DELTAS: Final = [base64.b64encode(tone(index, RATE).tobytes()).decode() for index in range(REPLY_TONES)]


class Session:
    """One connection."""

    def __init__(self, number: int, socket: websockets.ServerConnection, log: TextIO, heard: str) -> None:
        self._number = number
        self._socket = socket
        self._log = log
        self._heard = heard
        self._ids = itertools.count(1)
        self._quiet_since = 0.0
        self._in_turn = False
        self._appended_at = 0.0
        self._longest_gap = 0.0
        self._settings: dict[str, Any] = {}
        self._reply: asyncio.Task[None] | None = None
        self._reply_id = ""

    def _note(self, what: str, **more: Any) -> None:
        self._log.write(json.dumps({"at": time.monotonic(), "session": self._number, "what": what, **more}) + "\n")
        self._log.flush()

    async def _say(self, kind: str, **body: Any) -> None:
        event = {"type": kind, "event_id": f"event_{self._number}_{next(self._ids)}", **body}
        await self._socket.send(json.dumps(event))

    def _session(self) -> dict[str, Any]:
        return {**self._settings, "type": "realtime", "object": "realtime.session", "id": f"sess_{self._number}"}

    async def run(self) -> None:
        await self._say("session.created", session=self._session())
        async with asyncio.TaskGroup() as group:
            async for frame in self._socket:
                await self._take(json.loads(frame), group)
            if self._reply is not None:
                self._reply.cancel()

    async def _take(self, event: dict[str, Any], group: asyncio.TaskGroup) -> None:
        match event["type"]:
            case "input_audio_buffer.append":
                self._hear(event["audio"])
            case "session.update":
                self._settings.update(event["session"])
                await self._say("session.updated", session=self._session())
            case "input_audio_buffer.commit":
                await self._commit()
            case "input_audio_buffer.clear":
                self._turn_over()
                await self._say("input_audio_buffer.cleared")
            case "conversation.item.create":
                await self._add(event["item"], event.get("previous_item_id"))
            case "conversation.item.delete":
                await self._say("conversation.item.deleted", item_id=event["item_id"])
            case "conversation.item.truncate":
                self._note("truncate", item=event["item_id"], audio_end_ms=event["audio_end_ms"])
                await self._say(
                    "conversation.item.truncated",
                    item_id=event["item_id"],
                    content_index=event["content_index"],
                    audio_end_ms=event["audio_end_ms"],
                )
            case "response.create":
                if self._reply is None or self._reply.done():
                    metadata = (event.get("response") or {}).get("metadata")
                    self._reply_id = f"resp_{self._number}_{next(self._ids)}"
                    self._reply = group.create_task(self._answer(self._reply_id, metadata))
            case "response.cancel":
                self._note("cancel")
                if self._reply is not None and not self._reply.done():
                    self._reply.cancel()
            case _:
                pass

    def _hear(self, audio: str) -> None:
        samples = np.frombuffer(base64.b64decode(audio), dtype="<i2")
        now = time.monotonic()
        if self._in_turn:
            self._longest_gap = max(self._longest_gap, now - self._appended_at)
        self._appended_at = now
        if not len(samples) or int(np.max(np.abs(samples.astype(np.int32)))) <= LOUD_SAMPLE:
            return
        if now - self._quiet_since > QUIET_SECONDS:
            self._note("voice")
        self._quiet_since = now
        self._in_turn = True

    def _turn_over(self) -> None:
        self._in_turn = False
        self._longest_gap = 0.0

    async def _add(self, item: dict[str, Any], previous: str | None) -> None:
        item = {"id": f"item_{self._number}_{next(self._ids)}", **item, "object": "realtime.item"}
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self._say(kind, previous_item_id=previous, item=item)

    async def _commit(self) -> None:
        self._note("commit", longest_gap=self._longest_gap)
        self._turn_over()
        item_id = f"item_{self._number}_{next(self._ids)}"
        await self._say("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        content = [{"type": "input_audio", "transcript": None}]
        await self._add({"id": item_id, "type": "message", "role": "user", "content": content}, None)
        if ((self._settings.get("audio") or {}).get("input") or {}).get("transcription"):
            kind = "conversation.item.input_audio_transcription.completed"
            usage = {"type": "tokens", "total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
            await self._say(kind, item_id=item_id, content_index=0, transcript=self._heard, usage=usage)

    async def _answer(self, response_id: str, metadata: dict[str, str] | None) -> None:
        item_id = f"item_{self._number}_{next(self._ids)}"
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        item: dict[str, Any] = {"id": item_id, "object": "realtime.item", "type": "message", "role": "assistant"}
        item |= {"status": "in_progress", "content": []}
        response = {"id": response_id, "object": "realtime.response", "metadata": metadata, "output": []}
        await self._say("response.created", response={**response, "status": "in_progress"})
        await self._say("response.output_item.added", response_id=response_id, output_index=0, item=item)
        await self._say("conversation.item.added", previous_item_id=None, item=item)
        await self._say("response.content_part.added", **place, part={"type": "audio", "transcript": ""})
        status = "cancelled"
        try:
            start = time.monotonic()
            for index, delta in enumerate(_DELTAS):
                if index == 0:
                    self._note("delta", item=item_id)
                await self._say("response.output_audio_transcript.delta", **place, delta=f" tone{index}")
                await self._say("response.output_audio.delta", **place, delta=delta)
                await asyncio.sleep(max(0.0, start + (index + 1) * TONE_SECONDS / SPEED - time.monotonic()))
            await self._say("response.output_audio.done", **place)
            status = "completed"
        finally:
            usage = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
            await self._say("response.done", response={**response, "status": status, "usage": usage})


async def serve(port: int, log: TextIO, heard: str) -> None:
    numbers = itertools.count(1)

    async def session(socket: websockets.ServerConnection) -> None:
        try:
            await Session(next(numbers), socket, log, heard).run()
        except* websockets.ConnectionClosed:
            pass

    async with websockets.serve(session, "127.0.0.1", port, compression=None, max_size=24 * 2**20) as server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--log", type=Path, required=True, help="where the events are written, one JSON object a line"
    )
    parser.add_argument("--heard", default=HEARD, help="the words that every turn is said to have held")
    arguments = parser.parse_args()
    with arguments.log.open("w") as log:
        asyncio.run(serve(arguments.port, log, arguments.heard))


if __name__ == "__main__":
    main()
