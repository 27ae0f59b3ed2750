"""Speaks scripts: what the application has said word for word comes to the conversation as a model's reply would.

say -> script -> Narrator -> reply started, audio (Delivery), ended -> conversation -> playout
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from agent_worker.cascade.base import Synthesiser
from agent_worker.media.ledger import Part
from agent_worker.session.delivery import Delivery
from agent_worker.session.lines import AgentLines
from agent_worker.session.script import Script, why
from agent_worker.speech import events as ev

log = logging.getLogger(__name__)

Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Narrator:
    """Has the scripts of one session spoken, each when the conversation says so.

    Args:
        synthesiser: Makes the sound of scripts that bring none.
        post: Posts an event to the conversation.
        lines: Where the words are shown.
        delivery: Gives words a sound.
        patience: How many seconds the application may take for more of what it wants said.
        start: Starts a task that ends with the session.

    """

    def __init__(
        self,
        *,
        synthesiser: Synthesiser | None,
        post: Callable[[ev.Event], None],
        lines: AgentLines,
        delivery: Delivery,
        patience: Callable[[], float],
        start: Start,
    ) -> None:
        self._synthesiser = synthesiser
        self._post = post
        self._lines = lines
        self._delivery = delivery
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
            await self._deliver(script, part, request_id)
        except Exception as error:
            log.exception("! %s could not be said in full", request_id)
            failure = why(error)
        self._lines.complete(part)
        self._post(ev.ReplyEnded(response_id=request_id, request_id=request_id, failure=failure))

    async def _deliver(self, script: Script, part: Part, request_id: str) -> None:
        patience = self._patience()
        if script.audio is not None:
            await self._delivery.play(script.text, script.audio, part, request_id, patience=patience)
        elif self._synthesiser is not None:
            await self._delivery.speak(
                script.text,
                part,
                request_id,
                synthesiser=self._synthesiser,
                voice=script.voice,
                patience=patience,
            )
