"""Gives words a sound: text or the application's audio -> pieces for the conversation, words for the lines.

Narrator (what the application has said) --+
Reader (what the model has written) -------+--> Delivery -> ReplyAudioArrived -> conversation -> playout
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import aclosing
from typing import Final

from agent_worker.audio import MODEL_RATE, Samples, to_bytes
from agent_worker.cascade.base import Synthesiser
from agent_worker.media.ledger import Part
from agent_worker.media.resample import Resampler
from agent_worker.session.lines import AgentLines
from agent_worker.session.script import Text, in_pieces, in_time, synthesised
from agent_worker.speech import events as ev

AHEAD_SECONDS: Final = 5.0
"""How far the sound is made ahead of what is heard: what is cut was made for nothing."""


class Delivery:
    """Makes sound as far ahead of the listener as is of use.

    Args:
        post: Posts an event to the conversation.
        lines: Where the words are shown.
        buffered: How many seconds wait to be played.
        rate: Samples per second of the agent's voice.

    """

    def __init__(
        self,
        *,
        post: Callable[[ev.Event], None],
        lines: AgentLines,
        buffered: Callable[[], float],
        rate: int = MODEL_RATE,
    ) -> None:
        self._post = post
        self._lines = lines
        self._buffered = buffered
        self._rate = rate

    async def speak(
        self,
        text: Text,
        part: Part,
        response_id: str,
        *,
        synthesiser: Synthesiser,
        voice: str | None,
        patience: float | None,
    ) -> None:
        """Have a text spoken as a part of a reply.

        Args:
            text: What to say; it may still be written.
            part: What it is a part of.
            response_id: The reply.
            synthesiser: Makes the sound.
            voice: Whose; a synthesiser that does not have it uses its own.
            patience: How many seconds more of the text may take; None: as long as it likes.

        Raises:
            SpeechError: The engine failed, or nothing more of the text came.

        """
        space = ""
        to_voice = Resampler(MODEL_RATE, self._rate)
        async with aclosing(synthesised(synthesiser, text, voice, patience=patience)) as chunks:
            async for chunk in chunks:
                for word in chunk.words:
                    self._lines.add(part, space + word.text, word.start_ms)
                    space = " "
                await self._hand_over(to_voice.push(chunk.samples), part, response_id)
        await self._hand_over(to_voice.flush(), part, response_id)

    async def play(
        self,
        text: Text,
        audio: Samples | AsyncIterable[Samples],
        part: Part,
        response_id: str,
        *,
        patience: float,
    ) -> None:
        """Play the application's sound (mono int16 at 24 kHz) as a part of a reply, and show its words.

        Raises:
            SpeechError: Nothing more of the sound, or of the words, came for `patience` seconds.

        """
        to_voice = Resampler(MODEL_RATE, self._rate)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(text, part, patience))
            async with aclosing(in_pieces(audio, patience=patience)) as pieces:
                async for piece in pieces:
                    await self._hand_over(to_voice.push(piece), part, response_id)
            await self._hand_over(to_voice.flush(), part, response_id)

    async def _write(self, text: Text, part: Part, patience: float) -> None:
        if isinstance(text, str):
            self._lines.add(part, text, None)
            return
        async with aclosing(in_time(text, patience)) as pieces:
            async for more in pieces:
                self._lines.add(part, more, None)

    async def _hand_over(self, samples: Samples, part: Part, response_id: str) -> None:
        if not len(samples):
            return
        self._post(
            ev.ReplyAudioArrived(
                response_id=response_id,
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
