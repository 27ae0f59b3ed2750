"""What an application may write of an agent, and what it finds in it."""

from typing import cast

import pytest

from agent_worker.agent import Agent
from agent_worker.errors import SpeechError
from agent_worker.history.items import Message, Role
from agent_worker.session import AgentSession


def tool() -> None:
    """Only to be given."""


class Waiter(Agent):
    instructions = "You take orders."
    voice = "marin"
    allow_interruptions = False


class Forgetful(Agent):
    instructions = "You forget."

    def __init__(self) -> None:
        self.orders: list[str] = []


class Careful(Agent):
    def __init__(self, guest: str) -> None:
        super().__init__(instructions=f"You serve {guest}.", tools=[tool], voice="cedar", allow_interruptions=True)


Description = tuple[str, str | None, bool | None, int]


@pytest.mark.parametrize(
    ("agent", "described"),
    [
        pytest.param(Agent(), ("", None, None, 0), id="nothing"),
        pytest.param(Agent("Be kind.", tools=[tool]), ("Be kind.", None, None, 1), id="made, not inherited"),
        pytest.param(Waiter(), ("You take orders.", "marin", False, 0), id="by the class"),
        pytest.param(
            Waiter("Be brief.", voice="ash", allow_interruptions=True),
            ("Be brief.", "ash", True, 0),
            id="given, and so not the class's",
        ),
        pytest.param(Waiter(""), ("", "marin", False, 0), id="no instructions at all, on purpose"),
        pytest.param(Careful("Ada"), ("You serve Ada.", "cedar", True, 1), id="by its own __init__"),
        pytest.param(Forgetful(), ("You forget.", None, None, 0), id="without the base's __init__"),
    ],
)
def test_an_agent_is_described_in_any_of_these_ways(agent: Agent, described: Description) -> None:
    assert (agent.instructions, agent.voice, agent.allow_interruptions, len(agent.tools)) == described


def test_one_agents_description_is_not_anothers() -> None:
    Waiter("Be brief.", voice="ash")
    assert (Waiter().instructions, Waiter().voice) == ("You take orders.", "marin")


@pytest.mark.parametrize("agent", [Waiter(), Forgetful()])
def test_outside_of_a_session_it_says_when_there_is_one(agent: Agent) -> None:
    assert repr(agent) == f"<{type(agent).__name__} waits for a session>"
    with pytest.raises(
        SpeechError, match=f"{type(agent).__name__} is in no session yet. Use self.session in on_enter"
    ):
        _ = agent.session


def test_a_session_is_entered_and_left() -> None:
    agent = Waiter()
    session = cast("AgentSession", object())
    agent.bind(session)
    assert agent.session is session
    assert repr(agent) == "<Waiter is in a session>"
    agent.bind(None)
    with pytest.raises(SpeechError):
        _ = agent.session


async def test_hooks_that_are_not_written_do_nothing() -> None:
    agent = Agent()
    await agent.on_enter()
    await agent.on_user_turn_completed(Message(id="m", role=Role.USER, text="Hi"))
    await agent.on_exit()
