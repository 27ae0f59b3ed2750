"""A whole conversation of an agent by a script, in virtual time: no network, no key, no microphone, no waiting.

def test_a_guest_orders():
rehearse(
Barista(),
[
Replies("Welcome!", instructions=containing("greet")),
Hears("Two lattes, please."),
Replies(calls=[call("place_order", drink="latte", quantity=2)]),
ToolAnswers("place_order", containing("2 latte")),
Replies("Coming up."),
],
)
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent_worker.agent import Agent
from agent_worker.audio import WIRE_RATE, Samples, samples_in
from agent_worker.cascade.base import Synthesiser
from agent_worker.history.items import Item, Role
from agent_worker.realtime.script_follower import ScriptFollower
from agent_worker.realtime.scripted_steps import Hears, Step, Types
from agent_worker.rooms.loopback import Human, LoopbackRoom
from agent_worker.session import AgentSession, Job, SpeechOptions
from agent_worker.speech.actions import AgentState
from agent_worker.testing.tone_voice import ToneVoice
from agent_worker.testing.virtual_time import run_in_virtual_time
from agent_worker.vad.energy import EnergyVad

SECONDS: Final = 300.0
"""How long, in virtual time, a conversation may take."""
_LOOK_SECONDS: Final = 0.1
_LAST_SECONDS: Final = 2.0
"""How long the session has, behind the last step, to do what it should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What became of a conversation.

    Attributes:
        session: Over; its history, its agent and its usage can be read.
        model: With all commands that it was sent.
        human: With all that was heard of the agent.

    """

    session: AgentSession
    model: ScriptFollower
    human: Human

    @property
    def said(self) -> list[str]:
        """What the agent said, as it was heard."""
        return [message.text for message in self.session.history.messages() if message.role is Role.ASSISTANT]

    @property
    def items(self) -> list[Item]:
        """All of the history: messages, calls of tools and their outputs."""
        return list(self.session.history)


def rehearse(
    agent: Agent,
    script: Iterable[Step],
    *,
    synthesiser: Synthesiser | None = None,
    options: SpeechOptions | None = None,
    job: Job | None = None,
    history: Iterable[Item] = (),
    seconds: float = SECONDS,
) -> Rehearsed:
    """Have an agent hold the conversation that a script describes.

    The user speaks (`Hears`) or writes (`Types`) when it is their turn in the script and the agent is silent.

    Args:
        agent: The agent to be tested.
        script: What happens, from the model's point of view.
        synthesiser: Speaks what `say` is given; None: a voice of tones.
        options: As for `AgentSession`.
        job: What the agent was sent for.
        history: What was said before, in a session that this one goes on with.
        seconds: How long the conversation may take, in virtual time.

    Raises:
        ScriptError: The session did something else, or did not come to the end in that time.

    """
    follower = ScriptFollower(script)
    room = LoopbackRoom()
    session = AgentSession(
        agent,
        door=room,
        model=follower,
        vad=EnergyVad(),
        synthesiser=synthesiser or ToneVoice(),
        options=options,
        job=job,
        history=history,
    )

    async def main() -> Human:
        async with asyncio.TaskGroup() as group:
            human = room.enter()
            run = group.create_task(session.run())
            try:
                async with asyncio.timeout(seconds):
                    await _play_the_user(session, follower, human, run)
            except TimeoutError:
                pass
            finally:
                room.close()
        return human

    try:
        human = run_in_virtual_time(main())
    except Exception:
        # What ended the session matters less than where it left the script.
        if follower.failure is not None:
            raise follower.failure from None
        raise
    follower.check()
    return Rehearsed(session=session, model=follower, human=human)


async def _play_the_user(
    session: AgentSession, follower: ScriptFollower, human: Human, run: asyncio.Task[str]
) -> None:
    while not follower.over and not run.done():
        await _silence(session)
        match step := follower.next:
            case Hears(seconds=seconds):
                human.say(_voice(seconds))
            case Types(text):
                human.type(text)
            case _:
                pass
        # Until the script has gone on; what the script waits for from the session may take its time.
        while follower.next is step and not follower.over and not run.done():  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(_LOOK_SECONDS)
    await _silence(session)
    await asyncio.sleep(_LAST_SECONDS)


async def _silence(session: AgentSession) -> None:
    """Until the agent has nothing to say for a moment."""
    quiet = 0
    while quiet < 3:
        quiet = quiet + 1 if session.agent_state is AgentState.LISTENING else 0
        await asyncio.sleep(_LOOK_SECONDS)


def _voice(seconds: float) -> Samples:
    time = np.arange(samples_in(seconds, WIRE_RATE)) / WIRE_RATE
    return (12_000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)
