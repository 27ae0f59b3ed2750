"""What is measured: single calls for latencies, many at once for cost."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from bench.rig.caller import Caller, calling
from bench.rig.programs import ModelServer, Program
from bench.rig.tone_model import REPLY_TONES
from bench.rig.tones import FRAME_SECONDS, TONE_SECONDS, heard_ms
from tests.support.lossy import Impairment

QUESTION: Final = "s02"
INTERRUPTION: Final = "s19"
BACKCHANNEL: Final = "b05"
BACKCHANNEL_WORDS: Final = "mm-hm"
SETTLE_SECONDS: Final = 1.5
REPLY_SECONDS: Final = 3.0
"""How long a reply is listened to before it is interrupted."""
QUIET_SECONDS: Final = 0.5
WARM_SECONDS: Final = 4.0
AFTER_SECONDS: Final = 3.0
"""How long is listened for what becomes of a reply that a backchannel fell into."""


@dataclass(slots=True)
class Latencies:
    """Seconds each, in the order measured.

    Attributes:
        unanswered: The seconds waited for an answer that never came; what follows in such a call is not measured.
        join: Offer sent to connected.
        mic_to_model: First loud packet handed to the caller's sender to first loud sample at the model.
        mic_to_model_late: The same some seconds later in the call, when the interruption is spoken.
        model_to_ear: First delta leaves the model to first tone at the ear.
        turn: Last loud packet of the question to first tone of the answer.
        barge_in: First loud packet of the interruption to last tone of what it interrupts.
        truncate: What the model was told was heard, minus what was heard.
        longest_gap: Between two frames of a reply, at the ear.
        mic_gap: The longest time within a turn that no audio came to the model.
        dead_air: From the end of "mm-hm" over a reply to the next tone, of it or of the one that took its place.
        disturbed: What was lost of that reply or heard twice, to one frame; all that was left, when it was killed.
    """

    join: list[float] = field(default_factory=list)
    unanswered: list[float] = field(default_factory=list)
    mic_to_model: list[float] = field(default_factory=list)
    model_to_ear: list[float] = field(default_factory=list)
    turn: list[float] = field(default_factory=list)
    barge_in: list[float] = field(default_factory=list)
    truncate: list[float] = field(default_factory=list)
    longest_gap: list[float] = field(default_factory=list)
    mic_to_model_late: list[float] = field(default_factory=list)
    mic_gap: list[float] = field(default_factory=list)
    dead_air: list[float] = field(default_factory=list)
    disturbed: list[float] = field(default_factory=list)


def noted(model: ModelServer, what: str, since: float) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in model.log.read_text().splitlines())
    return [line for line in lines if line["what"] == what and line["at"] >= since]


def _gaps(caller: Caller, start: float, end: float) -> Iterator[float]:
    """Silences inside a reply, at the ear."""
    # A frame on the border of two tones has no pitch, and is no gap.
    sounding = [heard.at for heard in caller.heard if heard.loud and start <= heard.at <= end]
    for before, after in pairwise(sounding):
        yield after - before


async def _ask(caller: Caller, model: ModelServer, found: Latencies) -> float | None:
    """Ask the question and wait for its answer; gives back when its first tone was heard, None for never."""
    asked = time.monotonic()
    first, last = await caller.mouth.say(QUESTION)
    try:
        answered = await caller.until_tone(last + 0.1)
    except TimeoutError:
        found.unanswered.append(time.monotonic() - last)
        return None
    (voice, *_) = noted(model, "voice", asked)
    found.mic_to_model.append(voice["at"] - first)
    found.turn.append(answered - last)
    delta = noted(model, "delta", asked)[-1]
    found.model_to_ear.append(answered - delta["at"])
    return answered


async def call(program: Program, model: ModelServer, found: Latencies, link: Impairment, seed: int) -> None:
    """A question, three seconds of its answer, an interruption, a second answer."""
    async with calling(program.answer, link, seed) as caller:
        found.join.append(caller.joined_after)
        await asyncio.sleep(SETTLE_SECONDS)
        began = time.monotonic()
        answered = await _ask(caller, model, found)
        if answered is None:
            return
        await asyncio.sleep(REPLY_SECONDS)
        interrupted = time.monotonic()
        found.longest_gap.append(max(_gaps(caller, answered, interrupted), default=0.0))
        said = caller.mouth.say(INTERRUPTION)
        first, _ = await said
        tones = caller.tones(answered)
        silence = next(
            (
                before
                for before, after in zip(tones, [*tones[1:], None], strict=True)
                if before.at > first and (after is None or after.at - before.at > QUIET_SECONDS)
            ),
            None,
        )
        if silence is None:
            return
        found.barge_in.append(silence.at - first)
        await caller.until_tone(silence.at + QUIET_SECONDS)
        await asyncio.sleep(0.5)
        found.mic_to_model_late += [voice["at"] - first for voice in noted(model, "voice", interrupted)[:1]]
        found.mic_gap.extend(commit["longest_gap"] for commit in noted(model, "commit", began))
        truncations = noted(model, "truncate", interrupted)
        if truncations:
            heard = heard_ms([heard.pitch for heard in caller.heard if answered <= heard.at <= silence.at])
            found.truncate.append(truncations[0]["audio_end_ms"] / 1000 - heard / 1000)


async def call_with_backchannel(program: Program, model: ModelServer, found: Latencies) -> None:
    """A question, three seconds of its answer, "mm-hm" into it, and what becomes of the answer."""
    async with calling(program.answer) as caller:
        await asyncio.sleep(SETTLE_SECONDS)
        answered = await _ask(caller, model, Latencies())
        if answered is None:
            return
        await asyncio.sleep(REPLY_SECONDS)
        first, last = await caller.mouth.say(BACKCHANNEL)
        await asyncio.sleep(AFTER_SECONDS)
        tones = caller.tones(answered)
        silences = [(before, after) for before, after in pairwise(tones) if after.at > first]
        if not silences:
            return
        before, after = max(silences, key=lambda silence: silence[1].at - silence[0].at)
        found.dead_air.append(max(0.0, after.at - max(before.at, last)))
        if noted(model, "truncate", first) or noted(model, "cancel", first):
            heard = heard_ms([tone.pitch for tone in tones if tone.at <= before.at])
            found.disturbed.append(REPLY_TONES * TONE_SECONDS - heard / 1000)
        else:
            found.disturbed.append(abs(len(tones) * FRAME_SECONDS - heard_ms([tone.pitch for tone in tones]) / 1000))


async def measure_backchannels(program: Program, model: ModelServer, *, runs: int, found: Latencies) -> None:
    """`runs` calls to a model that hears "mm-hm" in everything."""
    for _ in range(runs):
        await call_with_backchannel(program, model, found)


async def measure_latencies(program: Program, model: ModelServer, *, runs: int, link: Impairment) -> Latencies:
    """`runs` calls, one after the other."""
    found = Latencies()
    for run in range(runs):
        await call(program, model, found, link, seed=run + 1)
    return found


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls cost.

    Attributes:
        calls: How many at once.
        cpu: Share of a core per call.
        pss_mib: Of all processes.
        answered: How many replies were heard.
        late: The share of 20 ms frames of speech that reached this machine more than 40 ms after the one before.
    """

    calls: int
    cpu: float
    pss_mib: float
    answered: int
    late: float


async def _converse(caller: Caller, until: float, offset: float) -> int:
    answered = 0
    await asyncio.sleep(offset)
    while time.monotonic() < until - 6.0:
        _, last = await caller.mouth.say(QUESTION)
        try:
            await caller.until_tone(last + 0.1, seconds=8)
        except TimeoutError:
            continue
        answered += 1
        await asyncio.sleep(4.0)
    return answered


def lateness(caller: Caller, since: float) -> float:
    """The share of the frames of speech that reached this machine more than 40 ms after the one before."""
    gaps = list(_gaps(caller, since, time.monotonic()))
    speech = [gap for gap in gaps if gap < QUIET_SECONDS]
    return sum(gap > 0.04 for gap in speech) / max(1, len(speech))


async def measure_cost(program: Program, *, calls: int, seconds: float) -> Cost:
    """So many conversations at once, for so long."""
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(calling(program.answer)) for _ in range(calls)]
        await asyncio.sleep(WARM_SECONDS)
        start, used = time.monotonic(), program.cpu_seconds()
        async with asyncio.TaskGroup() as group:
            talks = [
                group.create_task(_converse(caller, start + seconds, index * 5.0 / calls))
                for index, caller in enumerate(callers)
            ]
        await asyncio.sleep(max(0.0, start + seconds - time.monotonic()))
        used, took = program.cpu_seconds() - used, time.monotonic() - start
        pss = program.pss_mib()
        late = sum(lateness(caller, start) for caller in callers) / calls
        return Cost(calls, used / took / calls, pss, sum(talk.result() for talk in talks), late)
