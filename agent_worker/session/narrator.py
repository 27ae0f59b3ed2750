"""Speaks scripts: what the application has said word for word comes to the conversation as a model's reply would.

say -> script -> Narrator -> reply started, audio, ended -> conversation -> playout
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final, cast

from agent_worker.audio import MODEL_RATE, Samples, to_bytes
from agent_worker.cascade.base import Synthesiser
from agent_worker.media.ledger import Part
from agent_worker.media.resample import Resampler
from agent_worker.session.lines import AgentLines
from agent_worker.session.script import Script, Text, in_pieces, in_time, synthesised
from agent_worker.speech import events as ev

log = logging.getLogger(__name__)

AHEAD_SECONDS: Final = 5.0
"""How far the sound is made ahead of what is heard: what is cut was made for nothing."""

Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Narrator:
    """Has the scripts of one session spoken, each when the conversation says so.

    Args:
        synthesiser: Makes the sound of scripts that bring none.
        post: Posts an event to the conversation.
        lines: Where the words are shown.
        buffered: How many seconds wait to be played.
        patience: How many seconds the application may take for more of what it wants said.
        start: Starts a task that ends with the session.
        rate: Samples per second of the agent's voice.

    """

    def __init__(
        self,
        *,
        synthesiser: Synthesiser | None,
        post: Callable[[ev.Event], None],
        lines: AgentLines,
        buffered: Callable[[], float],
        patience: Callable[[], float],
        start: Start,
        rate: int = MODEL_RATE,
    ) -> None:
        self._rate = rate
        self._synthesiser = synthesiser
        self._post = post
        self._lines = lines
        self._buffered = buffered
        self._patience = patience
        self._start = start
        self._scripts: dict[str, Script] = {}
        self._speaking: dict[str, asyncio.Task[None]] = {}

    def remember(self, speech_id: str, script: Script) -> None:
        """This is what the speech is to say when it has the floor."""
        self._scripts[speech_id] = script

    def script(self, speech_id: str) -> Script | None:
        """What a speech is to say word for word; None for the model's own words."""
        return self._scripts.get(speech_id)

    def forget(self, speech_id: str) -> None:
        """The speech is over."""
        self._scripts.pop(speech_id, None)

    def speak(self, speech_id: str, request_id: str) -> None:
        """The speech has the floor."""
        script = self._scripts[speech_id]
        if not script.add_to_history:
            self._lines.keep_off_the_record(script.item_id)
        task = self._speaking[request_id] = self._start(self._speak(script, request_id))
        task.add_done_callback(lambda _: self._speaking.pop(request_id, None))

    def cancel(self, request_id: str) -> None:
        """Nothing more of it is wanted. The engine stops behind the chunk that it is making."""
        task = self._speaking.pop(request_id, None)
        if task is not None:
            task.cancel()

    async def _speak(self, script: Script, request_id: str) -> None:
        self._post(ev.ReplyStarted(response_id=request_id, request_id=request_id))
        part = Part(script.item_id, 0)
        failure = ""
        try:
            if script.audio is not None:
                await self._play(script, script.audio, part, request_id)
            elif self._synthesiser is not None:
                await self._synthesise(script, self._synthesiser, part, request_id)
        except Exception as error:
            log.exception("! %s could not be said in full", request_id)
            failure = _why(error)
        self._lines.complete(part)
        self._post(ev.ReplyEnded(response_id=request_id, request_id=request_id, failure=failure))

    async def _synthesise(self, script: Script, synthesiser: Synthesiser, part: Part, request_id: str) -> None:
        space = ""
        to_voice = Resampler(MODEL_RATE, self._rate)
        sound = synthesised(synthesiser, script.text, script.voice, patience=self._patience())
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                for word in chunk.words:
                    self._lines.add(part, space + word.text, word.start_ms)
                    space = " "
                await self._hand_over(to_voice.push(chunk.samples), part, request_id)
        await self._hand_over(to_voice.flush(), part, request_id)

    async def _play(
        self, script: Script, audio: Samples | AsyncIterable[Samples], part: Part, request_id: str
    ) -> None:
        to_voice = Resampler(MODEL_RATE, self._rate)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(script.text, part))
            async with aclosing(in_pieces(audio, patience=self._patience())) as pieces:
                async for piece in pieces:
                    await self._hand_over(to_voice.push(piece), part, request_id)
            await self._hand_over(to_voice.flush(), part, request_id)

    async def _write(self, text: Text, part: Part) -> None:
        if isinstance(text, str):
            self._lines.add(part, text, None)
            return
        async with aclosing(in_time(text, self._patience())) as pieces:
            async for more in pieces:
                self._lines.add(part, more, None)

    async def _hand_over(self, samples: Samples, part: Part, request_id: str) -> None:
        if not len(samples):
            return
        self._post(
            ev.ReplyAudioArrived(
                response_id=request_id,
                item_id=part.item_id,
                content_index=part.content_index,
                pcm=to_bytes(samples),
            )
        )
        # At least once, so that what was posted is taken: else a source that never waits would fill the mailbox.
        await asyncio.sleep(0)
        # The sound is taken by the clock, so how long to wait is known; more than once only while it is held.
        while (ahead := self._buffered() - AHEAD_SECONDS) > 0:  # noqa: ASYNC110
            await asyncio.sleep(max(ahead, 0.05))


def _why(error: BaseException) -> str:
    """What went wrong, in words for people."""
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    return str(error) or type(error).__name__
