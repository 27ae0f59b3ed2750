"""What the agent says word for word, made into sound: text -> sentences -> synthesiser's thread -> sound with words.

The engine computes on a thread of its own, one chunk at each request, so it is never more than one chunk ahead of who
asks. Text that is still being written is spoken sentence by sentence, as soon as a sentence is complete.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, cast

import numpy as np

from agent_worker.audio import MODEL_RATE, Samples, milliseconds_of, samples_in, silence
from agent_worker.cascade.base import SpokenChunk, Synthesiser
from agent_worker.cascade.sentences import sentences
from agent_worker.errors import SpeechError

CHUNK_SECONDS: Final = 0.1
"""What the application gives in one long piece is handed on in pieces of this length."""
BETWEEN_SENTENCES_SECONDS: Final = 0.2
"""Silence between two sentences that were synthesised one by one."""
ENGINE_SECONDS: Final = 20.0
"""How long an engine may take for one chunk."""

_Piece = TypeVar("_Piece")

Text = str | AsyncIterable[str]
Sound = Samples | AsyncIterable[Samples]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Script:
    """What one `say` asks for.

    Attributes:
        item_id: What it is called in the history.
        audio: Played in place of a synthesiser's.
        voice: The agent's voice. A synthesiser that does not have it uses its own.

    """

    item_id: str
    text: Text = field(repr=False)
    audio: Sound | None = field(default=None, repr=False)
    voice: str | None = None
    add_to_history: bool = True


async def in_time(source: AsyncIterable[_Piece], seconds: float | None) -> AsyncGenerator[_Piece, None]:
    """What the application gives piece by piece.

    Raises:
        SpeechError: It gave nothing for so long, and did not end either.

    """
    pieces = aiter(source)
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            msg = f"what is to be said stopped coming: nothing for {seconds:g} s. End the iterator when all is said."
            raise SpeechError(msg) from None
        yield piece


async def synthesised(
    synthesiser: Synthesiser, text: Text, voice: str | None, *, patience: float | None
) -> AsyncGenerator[SpokenChunk, None]:
    """The sound of a text; word times count from the first sample of all of it.

    Raises:
        SpeechError: The engine failed; or more text was waited for longer than `patience` seconds.
        TimeoutError: It made nothing for ENGINE_SECONDS.

    """
    spoken = 0
    with _engine_thread() as thread:
        async for piece in _pieces(text, patience):
            if spoken:
                pause = silence(samples_in(BETWEEN_SENTENCES_SECONDS, MODEL_RATE))
                spoken += len(pause)
                yield SpokenChunk(samples=pause, words=())
            begins_ms = milliseconds_of(spoken, MODEL_RATE)
            async with aclosing(_chunks(thread, synthesiser, piece, voice)) as chunks:
                async for chunk in chunks:
                    spoken += len(chunk.samples)
                    words = tuple(replace(word, start_ms=word.start_ms + begins_ms) for word in chunk.words)
                    yield SpokenChunk(samples=chunk.samples, words=words)


async def in_pieces(sound: Sound, *, patience: float) -> AsyncGenerator[Samples, None]:
    """Sound of the application's in short pieces.

    Raises:
        SpeechError: More of it was waited for longer than `patience` seconds.

    """
    size = samples_in(CHUNK_SECONDS, MODEL_RATE)
    if isinstance(sound, np.ndarray):
        for start in range(0, len(sound), size):
            yield sound[start : start + size]
        return
    async with aclosing(in_time(sound, patience)) as pieces:
        async for piece in pieces:
            for start in range(0, len(piece), size):
                yield piece[start : start + size]


def complete_sentences(text: str) -> tuple[str, str]:
    """What can be spoken already of a text that still grows, and the rest of it."""
    # A letter behind it is a sentence of its own exactly if the text before it ends with a complete one.
    *complete, unfinished = sentences(f"{text}x")
    ready = " ".join(word for sentence in complete for word in sentence.words)
    return ready, " ".join(unfinished.words)[:-1]


async def _pieces(text: Text, patience: float | None) -> AsyncGenerator[str, None]:
    if isinstance(text, str):
        yield text
        return
    waiting = ""
    async with aclosing(in_time(text, patience)) as pieces:
        async for more in pieces:
            ready, waiting = complete_sentences(waiting + more)
            if ready:
                yield ready
    if waiting.strip():
        yield waiting


async def _chunks(
    thread: Executor, synthesiser: Synthesiser, text: str, voice: str | None
) -> AsyncGenerator[SpokenChunk, None]:
    loop = asyncio.get_running_loop()
    chunks = _spoken(synthesiser, text, voice)
    try:
        while True:
            async with asyncio.timeout(ENGINE_SECONDS):
                chunk = await loop.run_in_executor(thread, next, chunks, None)
            if chunk is None:
                return
            yield chunk
    finally:
        # On the engine's thread, behind the chunk that it may be making: a running generator cannot be closed.
        thread.submit(chunks.close)


def _spoken(synthesiser: Synthesiser, text: str, voice: str | None) -> Generator[SpokenChunk, None, None]:
    """Runs on the engine's thread: even asking an engine for its voices may load it."""
    chunks: Iterator[SpokenChunk] = synthesiser.speak(text, voice=voice if voice in synthesiser.voices else None)
    try:
        yield from chunks
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


@contextmanager
def _engine_thread() -> Generator[Executor, None, None]:
    thread = ThreadPoolExecutor(1, thread_name_prefix="say")
    try:
        yield thread
    finally:
        thread.shutdown(wait=False)


def why(error: BaseException) -> str:
    """What went wrong with what was to be said, in words for people."""
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    return str(error) or type(error).__name__
