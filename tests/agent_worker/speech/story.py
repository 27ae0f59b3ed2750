"""Stories: what happens to a conversation, and every decision that is to follow, each in a few words.

The agent speaks, and at 3.00 the user coughs for 0.22 s:

    3.16 hold; agent listening
    3.72 clear
    4.22 resumed s; resume; agent speaking
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges, merged
from agent_worker.speech.queue import Speech, SpeechKind
from tests.agent_worker.speech.world import USUAL, Fact, Reply, World, made, say

TOLERANCE = 0.02
WINDOW = 0.032


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A situation and what follows.

    Attributes:
        given: What happens, in any order.
        then: The decisions, one moment a line: the time in seconds (to 20 ms), then the words of `tell`.
        until: When the story is over.

    The others are those of `World`.
    """

    given: Sequence[Iterable[Fact]]
    then: str
    options: OptionChanges = field(default_factory=OptionChanges)
    replies: Sequence[Reply] = ()
    words: Sequence[str | None] = ()
    transcribes: bool = True
    hook_takes: float | None = None
    until: float = 20.0


def play(story: Story) -> World:
    world = World(
        story.options,
        replies=story.replies,
        words=story.words,
        transcribes=story.transcribes,
        hook_takes=story.hook_takes,
    )
    for facts in story.given:
        world.post(facts)
    world.until(story.until)
    return world


def check(story: Story) -> None:
    """Each decision, in order, at its time."""
    told = tell(play(story))
    expected = [
        (float(time), text)
        for time, _, texts in (line.strip().partition(" ") for line in story.then.strip().splitlines())
        for text in texts.split("; ")
    ]
    assert [text for _, text in told] == [text for _, text in expected], "\n" + show(told)
    late = [
        f"{text} at {time:.3f}, expected at {wanted}"
        for (time, text), (wanted, _) in zip(told, expected, strict=True)
        if abs(time - wanted) > TOLERANCE + 1e-6
    ]
    assert not late, late


def show(told: list[tuple[float, str]]) -> str:
    moments = groupby(told, key=lambda entry: f"{entry[0]:.2f}")
    return "\n".join(f"{time} " + "; ".join(text for _, text in entries) for time, entries in moments)


def tell(world: World) -> list[tuple[float, str]]:
    """What was decided, but for the audio that was passed on, in words; truncations follow their drop."""
    told: list[tuple[float, str]] = []
    for time, action in world.log:
        text = _words_for(action)
        if text:
            told.append((time, text))
        if isinstance(action, act.DropOutput):
            told += [(at, say(truncation)) for at, truncation in world.told if at == time]
    return told


def _words_for(action: act.Action) -> str:
    match action:
        case act.ReportAgentState(state=state):
            return f"agent {state}"
        case act.ReportUserState(state=state, at=at):
            return f"user {state} from {at:.2f}"
        case act.ReportInterruption(outcome=outcome, speech_id=speech_id):
            return f"{outcome} {speech_id}"
        case act.RequestReply(request_id=request_id, tool_choice=tool_choice):
            return f"ask {request_id}" + (f" tools {tool_choice}" if tool_choice else "")
        case act.FinishSpeech(speech_id=speech_id, interrupted=interrupted, failure=failure):
            return f"done {speech_id}" + (" interrupted" if interrupted else "") + (f": {failure}" if failure else "")
        case act.AdoptReply(request_id=request_id, response_id=response_id):
            return f"adopt {response_id} as {request_id}"
        case act.ResumeOutput(rewind=rewind):
            return "resume" + (f" {rewind} s earlier" if rewind else "")
        case act.SilenceInput(on=on):
            return f"silence {'on' if on else 'off'}"
        case act.ReportProblem(message=message):
            return f"problem: {message}"
        case act.PlayAudio() | act.EndAudio() | act.ReportHold() | act.ReportTurn():
            return ""
        case _:
            name = re.sub(r"(Output|Turn|Reply|Script|Item|Report|Run)", "", type(action).__name__).lower()
            return " ".join([_NAMES.get(type(action), name), *_of(action)])


_NAMES: dict[type, str] = {
    act.CancelScript: "unspeak",
    act.SpeakScript: "speak",
    act.RunTurnHook: "hook",
    act.ReportTurnExceeded: "exceeded",
    act.Drained: "drained",
}


def _of(action: act.Action) -> list[str]:
    for name in ("request_id", "response_id", "item_id", "speech_id"):
        value = getattr(action, name, None)
        if value is not None:
            return [str(value)]
    return []


# What happens. ---------------------------------------------------------------------------------------------------


def voice(start: float, end: float, *, confirm: float = 0.064, hang: float = 0.16) -> list[Fact]:
    """The local detector hears a voice from `start` to `end`: it tells each fact when it is sure of it."""
    facts: list[Fact] = [(start + confirm, ev.VoiceStarted(start))]
    heard = start + confirm
    while heard + WINDOW <= end + 1e-9:
        heard += WINDOW
        facts.append((heard, ev.VoiceContinued(heard)))
    return [*facts, (end + hang, ev.VoiceStopped(end))]


def server_voice(start: float, end: float, item_id: str, *, hang: float = 0.5, text: str | None = None) -> list[Fact]:
    """The model's detector hears a voice, ends the turn, and says what it understood."""
    facts: list[Fact] = [
        (start + 0.1, ev.VoiceStarted(start)),
        (end + hang, ev.VoiceStopped(end)),
        (end + hang + 0.01, ev.ServerTurnCommitted(item_id)),
    ]
    return [*facts, (end + hang + 0.2, ev.TurnTranscribed(item_id, text))] if text is not None else facts


def server_reply(start: float, response_id: str, reply: Reply) -> list[Fact]:
    """The model answers by itself."""
    return made(reply, response_id, None, start)


def request(time: float, id: str = "s", **speech: Any) -> list[Fact]:
    """The application wants something said."""
    interrupts = speech.pop("interrupts", False)
    return [(time, ev.SpeechRequested(Speech(id=id, **speech), interrupts))]


def script(time: float, id: str = "s", **speech: Any) -> list[Fact]:
    """The application wants a script spoken."""
    return request(time, id, kind=SpeechKind.SCRIPT, **speech)


def at(time: float, event: ev.Event) -> list[Fact]:
    return [(time, event)]


def changed(time: float, **changes: Any) -> list[Fact]:
    """The conversation goes on by the usual options with these changes."""
    return at(time, ev.OptionsChanged(merged(USUAL, OptionChanges(**changes))))


def stories(table: dict[str, Story]) -> pytest.MarkDecorator:
    """Each story is one test."""
    return pytest.mark.parametrize("story", list(table.values()), ids=list(table))
