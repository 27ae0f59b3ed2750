"""Who holds the floor, for real: a noise costs a story nothing, and "stop" ends it at the word that was heard.

Several of them go into one call, because a story takes a while to begin. `make soak` repeats all of it ten-fold.
"""

import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.support.alignment import RATE, Match, align, halved, joint, loudness
from tests.support.caller import Caller, calling
from tests.support.recordings import Spoken, spoken
from tests.support.stack import Stack
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

STORY = "Once there was a lighthouse"
SECOND_STORY = "A clockmaker in a mountain village"
"""Told to whoever has heard the first; after it the first again."""
APART = 5.0
"""Seconds between the beginnings of two noises: the story sounds again between them."""
DEAD_AIR = 1.2
"""Seconds of the agent's silence that a noise may cost after its own end."""


def sound_end(name: str) -> float:
    """Seconds at which a corpus file has fallen silent."""
    blocks = corpus(name).astype(np.float64)
    blocks = blocks[: len(blocks) // 480 * 480].reshape(-1, 480)
    loud = np.flatnonzero(np.sqrt(np.mean(blocks**2, axis=1)) > 100.0)
    return (int(loud[-1]) + 1) / 100 if len(loud) else 0.0


async def listens(caller: Caller) -> None:
    """The agent is there and waits for the first word."""
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])


async def settled(caller: Caller) -> None:
    """Wait until the agent has said all that it has to say."""
    await caller.until_silent(1.5)
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])


async def story_begins(caller: Caller) -> float:
    """Ask for the story; gives back when it was first heard, some seconds into it."""
    _, end = await caller.say(corpus("s13"))
    begun = await caller.until_heard(end - 0.3)
    await asyncio.sleep(3.0)
    assert caller.agent_states()[-1] == "speaking", caller.agent_states()
    return begun


@dataclass(frozen=True)
class Noise:
    """A sound over the story: when it began and ended, and what the agent told of it."""

    name: str
    start: float
    end: float
    events: list[str]


async def make_noises(caller: Caller, names: list[str]) -> list[Noise]:
    """Each over the story, and what came of it."""
    made: list[Noise] = []
    for name in names:
        start, _ = await caller.say(corpus(name))
        await asyncio.sleep(max(0.0, start + APART - time.monotonic()))
        made.append(Noise(name, start, start + sound_end(name), caller.agent_events(since=start)))
    return made


def steady(matches: list[Match]) -> list[list[Match]]:
    """The pieces between two holds each, moved to where most of them say that they are.

    A vowel is like itself some pitch periods later, so a single piece may be found 20 ms beside its place.
    """
    found: list[list[Match]] = []
    for match in matches:
        if match.likeness < 0.8:
            continue
        if not found or abs(match.lag - lag_of(found[-1])) > 0.1:
            found.append([])
        found[-1].append(match)
    return [[replace(m, heard_at=m.sent_at + lag_of(group)) for m in group] for group in found if len(group) >= 3]


def lag_of(matches: list[Match]) -> float:
    return statistics.median(match.lag for match in matches)


def check_pace(matches: list[Match], told: object) -> None:
    """Nothing as short as a frame was lost or doubled between two holds: any second of it is as late as the rest."""
    good = [match for match in matches if match.likeness >= 0.8]
    for group in steady(matches):
        inside = [match for match in good if group[0].sent_at <= match.sent_at <= group[-1].sent_at]
        for start in range(len(inside) - 10):
            some = inside[start : start + 11]
            assert abs(lag_of(some) - lag_of(group)) < 0.01, (some[5], lag_of(group), told)


@dataclass(frozen=True)
class Hold:
    """A silence between two samples of the story that follow each other: seconds on the listener's tape."""

    start: float
    end: float


def check_holds(matches: list[Match], sent: np.ndarray, heard: np.ndarray) -> list[Hold]:
    """At each hold the story stopped and went on at the same sample, but for the fades."""
    holds: list[Hold] = []
    for before, after in itertools.pairwise(steady(matches)):
        found = joint(before + after, heard)
        assert found.went_on_at > found.stopped_at - 0.02, f"something was repeated: {found}"
        lost = loudness(sent, found.stopped_at + 0.02, found.went_on_at - 0.02)
        assert lost < 400, f"something was left out: {found}, as loud as {lost:.0f}"
        holds.append(Hold(found.stopped_at + lag_of(before), found.stopped_at + lag_of(after)))
    return holds


async def endure(system: Stack, room: str, names: list[str]) -> None:
    """I-1, I-3, I-4, I-7, I-8: tell a story while noises are made, and compare what was heard with what was said."""
    async with calling(system.url, room) as caller:
        await listens(caller)
        begun = await story_begins(caller)
        made = await make_noises(caller, names)
        told = [(noise.name, noise.events) for noise in made]
        assert all("interrupted" not in noise.events for noise in made), told
        assert all(noise.events.count("held") == noise.events.count("resumed") for noise in made), told
        tape_at = next(at for at, _ in caller.tape.frames if at >= begun - 1.0)
        heard = halved(caller.tape.since(tape_at))
        sent = spoken(system.recordings, STORY).samples
        matches = align(sent, heard)
        lag = lag_of(steady(matches)[-1])
        matches = [match for match in matches if match.sent_at < len(heard) / RATE - lag - 0.5]
        unlike = [(round(m.sent_at, 1), round(m.likeness, 2)) for m in matches if m.likeness <= 0.8]
        assert len(unlike) <= 0.1 * len(matches), (unlike, told)
        lags = [lag_of(group) for group in steady(matches)]
        assert lags == sorted(lags), f"something was heard twice: {lags}, {told}"
        assert len(lags) == 1 + sum(noise.events.count("held") for noise in made), (lags, told)
        check_pace(matches, told)
        dead_air: list[tuple[str, float]] = []
        for hold in check_holds(matches, sent, heard):
            noise = next(noise for noise in reversed(made) if noise.start - tape_at < hold.end)
            dead_air.append((noise.name, round(hold.end - max(hold.start, noise.end - tape_at), 2)))
        print(dead_air)
        assert all(seconds <= DEAD_AIR for _, seconds in dead_air), dead_air


def heard_until(story: Spoken, heard: np.ndarray) -> float:
    """Where in the story its sound ended, in seconds of its own time."""
    # Sounds that were never played are like some that were, but not at the same lag.
    pieces = steady(align(story.samples, heard))[0]
    start = pieces[-1].heard_at
    rest = heard[round(start * RATE) :].astype(np.float64)
    blocks = rest[: len(rest) // 240 * 240].reshape(-1, 240)
    quiet = np.sqrt(np.mean(blocks**2, axis=1)) < 80.0
    silent = next(at for at in range(len(quiet)) if quiet[at : at + 20].all())
    return start + silent * 0.01 - pieces[-1].lag


async def interrupt(system: Stack, room: str, names: list[str]) -> None:
    """I-4, I-6, R-2, R-3: each of them cuts the story, and all sides agree on the word at which it ended."""
    async with calling(system.url, room) as caller:
        await listens(caller)
        stories = itertools.chain((STORY, SECOND_STORY), itertools.repeat(STORY))
        for name, story_told in zip(names, stories, strict=False):
            begun = await story_begins(caller)
            start, _ = await caller.say(corpus(name))
            await caller.until(lambda start=start: "interrupted" in caller.agent_events(since=start), seconds=5.0)
            cut_at = time.monotonic()
            await settled(caller)
            assert caller.agent_events(since=start).count("resumed") == 0, name
            story = spoken(system.recordings, story_told)
            assert story.truncated_at_ms is not None, name
            tape = [samples for at, samples in caller.tape.frames if begun - 1.0 <= at <= cut_at]
            heard_ms = heard_until(story, halved(np.concatenate(tape))) * 1000
            heard_words = sum(word["start_ms"] < heard_ms for word in story.words)
            model_words = sum(word["start_ms"] < story.truncated_at_ms for word in story.words)
            line = next(line for line in caller.lines("agent", since=begun - 3.0) if line.startswith(story_told[:4]))
            words = (len(line.split()), heard_words, model_words)
            print(name, words, round(heard_ms), story.truncated_at_ms)
            assert max(words) - min(words) <= 1, (name, words, line, round(heard_ms), story.truncated_at_ms)
            assert story.truncated_at_ms == pytest.approx(heard_ms, abs=80), name
            assert len(line) < len(story.transcript) / 2


NOISES = ["n01", "n03", "n04", "n11", "b05"]
BACKCHANNELS = ["b01", "b02", "b03", "b05", "n01"]
INTERRUPTIONS = ["s15", "s19", "s16", "s02"]


async def test_a_story_survives(system: Stack):
    await endure(system, "survives", ["n03", "b01", "b02", "n11", "b03"])


async def test_a_story_is_cut_where_it_was_heard_to_end(system: Stack):
    await interrupt(system, "cut", ["s19", "s16"])


@pytest.mark.soak
@pytest.mark.parametrize("run", range(10))
@pytest.mark.parametrize("names", [NOISES, BACKCHANNELS], ids=["noises", "backchannels"])
async def test_a_story_survives_every_time(system: Stack, names: list[str], run: int):
    await endure(system, f"survives-{names[0]}-{run}", names)


@pytest.mark.soak
@pytest.mark.parametrize("run", range(10))
async def test_a_story_is_cut_every_time(system: Stack, run: int):
    await interrupt(system, f"cut-{run}", INTERRUPTIONS)
