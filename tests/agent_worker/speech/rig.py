"""A conversation in virtual time: events at times in, actions with their times out."""

from itertools import count
from typing import Any

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.conversation import Conversation
from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech

WINDOW = 0.032
REPORTS = (
    act.ReportAgentState,
    act.ReportUserState,
    act.PlayAudio,
    act.ReportHold,
    act.ReportInterruption,
    act.ReportTurn,
)


class Rig:
    """Posts events in time order, waking the machine at each of its deadlines on the way."""

    def __init__(self, options: SpeechOptions | None = None, *, transcribes: bool = True, turn_hook: bool = False):
        numbers = count(1)
        self.machine = Conversation(
            options or SpeechOptions(user_away_timeout=None),
            transcribes=transcribes,
            turn_hook=turn_hook,
            new_id=lambda: f"answer{next(numbers)}",
        )
        self.now = 0.0
        self.log: list[tuple[float, act.Action]] = []

    def until(self, time: float) -> None:
        while (due := self.machine.deadline) is not None and due <= time:
            self.now = max(self.now, due)
            self._note(self.machine.advance(self.now))
        self.now = max(self.now, time)

    def at(self, time: float, event: ev.Event) -> None:
        self.until(time)
        self._note(self.machine.receive(event, self.now))

    def voice(self, start: float, end: float, *, confirm: float = 0.064, hang: float = 0.16) -> None:
        """A voice from `start` to `end`, as a gate tells it: each fact when it is sure of it."""
        facts: list[tuple[float, ev.Event]] = [(start + confirm, ev.VoiceStarted(start))]
        heard = start + confirm
        while heard + WINDOW <= end + 1e-9:
            heard += WINDOW
            facts.append((heard, ev.VoiceContinued(heard)))
        facts.append((end + hang, ev.VoiceStopped(end)))
        for time, event in facts:
            self.at(time, event)

    def say(self, time: float, *, id: str = "s", **speech: Any) -> None:
        """The agent starts a speech whose first audio is played at `time`; its reply stays open."""
        self.at(time, ev.SpeechRequested(Speech(id=id, **speech)))
        self.reply(time, f"{id}.0")
        self.at(time, ev.PlayoutStarted(f"{id}.0"))

    def reply(self, time: float, request_id: str, *, pcm: bytes = b"\1\0") -> None:
        self.at(time, ev.ReplyStarted(response_id=f"r:{request_id}", request_id=request_id))
        self.audio(time, request_id, pcm)

    def audio(self, time: float, request_id: str, pcm: bytes = b"\1\0") -> None:
        self.at(
            time,
            ev.ReplyAudioArrived(response_id=f"r:{request_id}", item_id=f"i:{request_id}", content_index=0, pcm=pcm),
        )

    def reply_ends(self, time: float, request_id: str, **facts: Any) -> None:
        self.at(time, ev.ReplyEnded(response_id=f"r:{request_id}", request_id=request_id, **facts))

    def done(self) -> list[tuple[float, act.Action]]:
        """Everything but reports and audio, with its times to the millisecond."""
        return [(round(time, 3), action) for time, action in self.log if not isinstance(action, REPORTS)]

    def states(self) -> list[tuple[float, str]]:
        return [(round(time, 3), a.state.value) for time, a in self.log if isinstance(a, act.ReportAgentState)]

    def times_of(self, *kinds: type) -> list[float]:
        return [round(time, 3) for time, action in self.log if isinstance(action, kinds)]

    def _note(self, actions: list[act.Action]) -> None:
        self.log.extend((self.now, action) for action in actions)
