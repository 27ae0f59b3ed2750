"""What the conversation so far means for the next reply: nothing is remembered but what the history says. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from agent_worker.localmodel.dialogue import (
    AgentLine,
    CallLine,
    Line,
    OutputLine,
    Question,
    SystemLine,
    Topic,
    UserLine,
)
from agent_worker.localmodel.intents import NAMES, PASSING, Wish, understand
from agent_worker.localmodel.words import MOST_CHARACTERS, normal, vocabulary

_NAMED: Final = re.compile(
    r"\b(?:my name is|(?:i am|they|people) call(?:ed)?(?: me)?|(?<!do not )call me) (?:is )?"
    r"([^\W\d_]+(?:-[^\W\d_]+)*)"
)
_INTRODUCED: Final = re.compile(r'^The next message is from "(.+)"\.$')
"""How a session with several humans names the one who speaks (session.introductions)."""
_MERELY: Final = re.compile(r"^(?:(?:hello|hi|hey) )?(?:i am|this is) (\w+)$")
_NO_NAME: Final = vocabulary("not a an the on in back again later now when if what important nobody")
_LOOK_BACK: Final = 8
"""Things said by the user among which the last wish is looked for."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A history, read for what matters."""

    history: tuple[Line, ...]

    @property
    def agent_lines(self) -> list[AgentLine]:
        """All that the agent said, newest first."""
        return [line for line in reversed(self.history) if isinstance(line, AgentLine)]

    @property
    def has_user_spoken(self) -> bool:
        """Whether the user said or typed anything yet."""
        return any(isinstance(line, UserLine) for line in self.history)

    @property
    def unanswered(self) -> UserLine | None:
        """What the user said last, unless the agent has spoken since. Words win over a noise after them."""
        fresh = [line for line in self._fresh if isinstance(line, UserLine)]
        spoken = [line for line in fresh if line.text.strip()]
        # Images come by themselves, one each second: they are no turn unless there is no other.
        heard = [line for line in fresh if not line.shown]
        return (spoken or heard or fresh or [None])[-1]

    @property
    def heard_before(self) -> str:
        """What the user said last of those things that the agent has answered, or ""."""
        answered = self.history[: len(self.history) - len(self._fresh)]
        lines = (line.text for line in reversed(answered) if isinstance(line, UserLine) and line.text.strip())
        return next(lines, "")[:MOST_CHARACTERS]

    @property
    def wish_before(self) -> Wish | None:
        """What the user wanted last, of what the agent has answered; details that came later stand in front."""
        answered = self.history[: len(self.history) - len(self._fresh)]
        lines = (line for line in reversed(answered) if isinstance(line, UserLine))
        since: list[str] = []
        for line in islice(lines, _LOOK_BACK):
            wishes = understand(line.text)
            if not wishes:
                since.append(normal(line.text))
            elif wishes[-1].intent not in PASSING:
                return Wish(wishes[-1].intent, " and ".join([*since, wishes[-1].text]))
        return None

    @property
    def told(self) -> str | None:
        """What the application told the agent, when nothing was said since."""
        last = self.history[-1] if self.history else None
        return last.text if isinstance(last, SystemLine) and _introduced(last) is None else None

    @property
    def speakers(self) -> list[str]:
        """Who of several people, as far as they were introduced, has said something since the agent spoke."""
        names = (_introduced(before) for before, line in pairwise(self._fresh) if isinstance(line, UserLine))
        return list(dict.fromkeys(name for name in names if name is not None))

    def as_of(self, speaker: str) -> tuple[Line, ...]:
        """The history as if no other of several people had said anything since the agent spoke."""
        fresh = list(self._fresh)
        others = {
            number
            for number, (before, line) in enumerate(pairwise(fresh), start=1)
            if isinstance(line, UserLine) and _introduced(before) not in (None, speaker)
        }
        kept = [line for number, line in enumerate(fresh) if number not in others and _introduced(line) is None]
        return (*self.history[: len(self.history) - len(fresh)], *kept)

    @property
    def before_unanswered(self) -> str:
        """What the user said before that without getting an answer: the first half of a sentence, perhaps."""
        spoken = [line.text for line in self._fresh if isinstance(line, UserLine) and line.text.strip()]
        return " ".join(spoken[:-1])

    @property
    def outputs(self) -> list[tuple[CallLine | None, OutputLine]]:
        """What tools answered and nobody has spoken of yet, each with its call. Empty when the user spoke since."""
        calls = {line.call_id: line for line in self.history if isinstance(line, CallLine)}
        found: list[tuple[CallLine | None, OutputLine]] = []
        for line in reversed(self.history):
            if isinstance(line, OutputLine):
                found.append((calls.get(line.call_id), line))
            elif not isinstance(line, CallLine | SystemLine):
                break
        return found[::-1]

    @property
    def question(self) -> Question | None:
        """What the agent asked last, if nothing else was said since."""
        lines = self.agent_lines
        return lines[0].said.asks if lines else None

    @property
    def misses(self) -> int:
        """How often in a row the agent did not understand."""
        count = 0
        for line in self.agent_lines:
            if line.said.topic is not Topic.NOT_UNDERSTOOD:
                break
            count += 1
        return count

    @property
    def silences(self) -> int:
        """How often in a row the agent asked into the silence."""
        count = 0
        for line in self.agent_lines:
            if line.said.topic is not Topic.SILENCE:
                break
            count += 1
        return count

    @property
    def pace(self) -> float | None:
        """How fast the agent speaks now; None: as the session says."""
        lines = self.agent_lines
        return lines[0].said.speed if lines else None

    @property
    def said_last(self) -> str:
        """The agent's last words, or ""."""
        lines = self.agent_lines
        return lines[0].said.text if lines else ""

    @property
    def was_cut_off(self) -> bool:
        """Whether the agent was in the middle of something when the user began."""
        lines = self.agent_lines
        return bool(lines and lines[0].unheard)

    @property
    def interrupted(self) -> AgentLine | None:
        """The last thing that was cut off, unless something else was told since."""
        for line in self.agent_lines:
            if line.unheard:
                return line
            if line.said.topic not in (Topic.ACKNOWLEDGEMENT, Topic.NOT_UNDERSTOOD):
                return None
        return None

    @property
    def user_name(self) -> str | None:
        """What the user is called, as they said last."""
        lines = (line for line in reversed(self.history) if isinstance(line, UserLine))
        return next((name for name in map(name_in, lines) if name is not None), None)

    def last_said(self, *but: Topic) -> AgentLine | None:
        """What the agent said last, other than these topics."""
        return next((line for line in self.agent_lines if line.said.topic not in but), None)

    def was_said(self, text: str) -> bool:
        """Whether the agent has said this already."""
        return any(line.said.text == text for line in self.agent_lines)

    @property
    def _fresh(self) -> Sequence[Line]:
        """Everything since the agent spoke last."""
        last = max((at for at, line in enumerate(self.history) if isinstance(line, AgentLine)), default=-1)
        return self.history[last + 1 :]


def _introduced(line: Line) -> str | None:
    """Who speaks next, if that is what a line says."""
    found = _INTRODUCED.match(line.text) if isinstance(line, SystemLine) else None
    return None if found is None else found[1]


def name_in(line: UserLine) -> str | None:
    """The name by which somebody introduces themselves, or None."""
    words = normal(line.text)
    named = _NAMED.search(words)
    if named is not None and named[1] not in _NO_NAME:
        return _spelled(named[1])
    merely = _MERELY.search(words)
    return _spelled(merely[1]) if merely is not None and merely[1] in NAMES else None


def _spelled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
