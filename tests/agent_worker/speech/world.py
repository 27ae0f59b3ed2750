"""A conversation with a world around it, in virtual time: a scripted model, tools, and the real player.

The world does what the conversation decides, as a session would, and writes down each decision in a few words.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from agent_worker.audio import from_bytes, to_bytes
from agent_worker.media.ledger import NeverPlayed, Part, Truncated, Truncation, truncations
from agent_worker.media.playout import Playout, PlayoutEvent, PlayoutFinished
from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.conversation import Conversation
from agent_worker.speech.options import OptionChanges, SpeechOptions, merged

RATE = 500
"""Samples per second of the world's sound: enough to number each of a minute's."""
FRAME = 0.02
USUAL = SpeechOptions(user_away_timeout=None)
NEVER = "\0"
"""A transcript that never comes."""
Fact = tuple[float, ev.Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model (or the voice of a script) makes of a request.

    Attributes:
        seconds: Of sound.
        after: Until its first sound comes.
        made_in: From then until its last sound comes.
        items: Into how many items its sound is cut.
        tools: How many tools it asks for.
        tools_take: From its end until the tools have answered.
        spoken: Whether the tools' results are to be spoken of.
        begins: Otherwise nothing ever comes.
        failure: How it ends badly.
        stalls: Only the first half of its sound comes, and no end.

    """

    seconds: float = 10.0
    after: float = 0.1
    made_in: float = 0.5
    items: int = 1
    tools: int = 0
    tools_take: float = 1.0
    spoken: bool = True
    begins: bool = True
    failure: str = ""
    stalls: bool = False


class World:
    """Everything around a conversation.

    Args:
        changes: To the default options (but that nobody goes away).
        replies: What the model makes of each request, in order; then `Reply()`.
        words: What the model understands of each committed turn, in order; None: it cannot tell; a missing one never
            comes.
        words_take: From the commit of a turn until its words come.
        transcribes: Whether the model says what it heard.
        hook_takes: How long the application looks at each turn; None: it does not want to.

    """

    def __init__(
        self,
        changes: OptionChanges | None = None,
        *,
        replies: Iterable[Reply] = (),
        words: Iterable[str | None] = (),
        words_take: float = 0.2,
        transcribes: bool = True,
        hook_takes: float | None = None,
    ) -> None:
        numbers = count(1)
        self.machine = Conversation(
            merged(USUAL, changes or {}),
            transcribes=transcribes,
            turn_hook=hook_takes is not None,
            new_id=lambda: f"answer{next(numbers)}",
        )
        self.playout = Playout(rate=RATE, fade_seconds=0.0, on_event=self._played)
        self.now = 0.0
        self.log: list[tuple[float, act.Action]] = []
        self.pulled: list[tuple[str, int]] = []
        """Each sample that was heard: the request, and its number in the reply, from 1 on."""
        self._items: dict[tuple[str, int], str] = {}
        self.requested: set[str] = set()
        """The speeches that the application asked for, by id."""
        self.told_and_done: list[ev.Event | act.Action] = []
        """Events and actions in their order."""
        self.told: list[tuple[float, Truncation]] = []
        """What the model was told of replies that were cut."""
        self._replies = iter(replies)
        self._words = iter(words)
        self._words_take = words_take
        self._transcribes = transcribes
        self._hook_takes = hook_takes
        self._facts: list[tuple[float, int, ev.Event]] = []
        self._order = count()
        self._turns = count(1)
        self._open: dict[str, bool] = {}
        self._adopted: dict[str, str] = {}
        self._next_frame = 0.0

    def post(self, facts: Iterable[Fact]) -> None:
        """These things are going to happen."""
        for time, event in facts:
            if isinstance(event, ev.SpeechRequested):
                # The machine writes into speeches; a story may be told twice.
                event = replace(event, speech=replace(event.speech))
                self.requested.add(event.speech.id)
            heapq.heappush(self._facts, (time, next(self._order), event))

    def heard_of(self, item_id: str) -> int:
        """How many samples of an item were heard."""
        return sum(1 for sample in self.pulled if self._items[sample] == item_id)

    def until(self, end: float) -> None:
        """Let the time pass."""
        while True:
            fact_at = self._facts[0][0] if self._facts else end + 1
            frame_at = self._next_frame if self._wants_frames() else end + 1
            due = self.machine.deadline
            due_at = end + 1 if due is None else max(due, self.now)
            time = min(fact_at, frame_at, due_at)
            if time > end:
                break
            self.now = max(self.now, time)
            if time == fact_at:
                event = heapq.heappop(self._facts)[2]
                self.told_and_done.append(event)
                if isinstance(event, ev.ReplyEnded) and event.tool_calls and event.response_id in self._adopted:
                    self.post([(self.now + 0.5, ev.ToolsFinished(self._adopted[event.response_id], reply=True))])
                self._perform(self.machine.receive(event, self.now))
            elif time == frame_at:
                self._pull()
            else:
                self._perform(self.machine.advance(self.now))
                assert self.machine.deadline is None or self.machine.deadline > self.now, (
                    "it would never come to rest"
                )
        self.now = max(self.now, end)

    def _withdraw(self, response_id: str, after: float) -> None:
        self._facts = [fact for fact in self._facts if fact[0] <= after or not _is_of(fact[2], response_id)]
        heapq.heapify(self._facts)

    def _wants_frames(self) -> bool:
        wants = any(ended or not self.playout.held for ended in self._open.values())
        wants = wants and (not self.playout.held or self.playout.buffered_seconds == 0.0)
        if wants and self._next_frame < self.now:
            self._next_frame = np.ceil(self.now / FRAME - 1e-6) * FRAME
        return wants

    def _pull(self) -> None:
        self._next_frame = round(self._next_frame + FRAME, 6)
        request_id = next(iter(self._open))
        self.pulled += [(request_id, int(sample)) for sample in self.playout.pull() if sample]

    def _played(self, event: PlayoutEvent) -> None:
        if isinstance(event, PlayoutFinished):
            self._open.pop(event.speech_id, None)
            self.post([(self.now, ev.PlayoutFinished(event.speech_id))])
        else:
            self.post([(self.now, ev.PlayoutStarted(event.speech_id))])

    def _perform(self, actions: list[act.Action]) -> None:
        for action in actions:
            self.log.append((self.now, action))
            self.told_and_done.append(action)
            self._do(action)

    def _do(self, action: act.Action) -> None:
        match action:
            case act.CommitTurn():
                self._commit(f"u{next(self._turns)}")
            case act.RunTurnHook(speech_id=speech_id):
                self.post([(self.now + (self._hook_takes or 0.0), ev.TurnHookFinished(speech_id, reply=True))])
            case act.RequestReply(request_id=request_id):
                self.playout.ledger.clear()
                self._make(f"r:{request_id}", request_id)
            case act.SpeakScript(request_id=request_id):
                self.playout.ledger.clear()
                self._make(request_id, request_id)
            case act.AdoptReply(response_id=response_id, speech_id=speech_id):
                self.playout.ledger.clear()
                self._adopted[response_id] = speech_id
            case act.CancelReply(response_id=response_id):
                # What is on its way already still comes.
                self._withdraw(response_id, self.now + 0.02)
                self.post([(self.now + 0.03, ev.ReplyEnded(response_id=response_id, request_id=None))])
            case act.CancelScript(request_id=request_id):
                self._withdraw(request_id, self.now)
            case _:
                self._sound(action)

    def _sound(self, action: act.Action) -> None:
        match action:
            case act.PlayAudio(request_id=request_id):
                self._open.setdefault(request_id, False)
                samples = from_bytes(action.pcm)
                self._items |= {(request_id, int(sample)): action.item_id for sample in samples}
                self.playout.write(request_id, Part(action.item_id, action.content_index), samples)
            case act.EndAudio(request_id=request_id):
                self._open[request_id] = True
                self.playout.end(request_id)
            case act.HoldOutput():
                self.playout.hold()
            case act.ResumeOutput(rewind=rewind):
                self.playout.resume(rewind)
            case act.DropOutput(request_id=request_id):
                self._open.pop(request_id, None)
                self.playout.drop()
                ledger = self.playout.ledger
                self.told += [(self.now, told) for told in truncations(ledger.progress(), ledger.rate)]
            case _:
                pass

    def _commit(self, item_id: str) -> None:
        self.post([(self.now + 0.02, ev.TurnCommitted(item_id))])
        self.transcribe(item_id, self.now + self._words_take)

    def transcribe(self, item_id: str, time: float) -> None:
        """The model says what it understood of this turn, if it does such things and has words left."""
        text = next(self._words, NEVER)
        if self._transcribes and text != NEVER:
            self.post([(time, ev.TurnTranscribed(item_id, text))])

    def _make(self, response_id: str, request_id: str) -> None:
        reply = next(self._replies, Reply())
        if response_id == request_id:
            # Who speaks a script watches over it.
            reply = replace(reply, stalls=False)
        if reply.begins:
            self.post(made(reply, response_id, request_id, self.now + reply.after))
            if reply.tools:
                finished = ev.ToolsFinished(request_id.rpartition(".")[0], reply=reply.spoken)
                self.post([(self.now + reply.after + reply.made_in + reply.tools_take, finished)])


def made(reply: Reply, response_id: str, request_id: str | None, start: float) -> list[Fact]:
    """What a model tells while it makes a reply."""
    facts: list[Fact] = [(start, ev.ReplyStarted(response_id=response_id, request_id=request_id))]
    total = round(reply.seconds * RATE)
    chunks = np.array_split(np.arange(1, total + 1, dtype=np.int16), max(10, reply.items)) if total else []
    for number, samples in enumerate(chunks[: len(chunks) // 2] if reply.stalls else chunks):
        audio = ev.ReplyAudioArrived(
            response_id=response_id,
            item_id=f"{response_id}/{number * reply.items // len(chunks)}",
            content_index=0,
            pcm=to_bytes(samples),
        )
        facts.append((start + reply.made_in * number / len(chunks), audio))
    if reply.stalls:
        return facts
    end = ev.ReplyEnded(response_id=response_id, request_id=request_id, tool_calls=reply.tools, failure=reply.failure)
    return [*facts, (start + reply.made_in, end)]


def _is_of(event: ev.Event, response_id: str) -> bool:
    return getattr(event, "response_id", None) == response_id


def say(truncation: Truncation) -> str:
    """A truncation in a few words."""
    match truncation:
        case Truncated(item_id=item_id, audio_end_ms=audio_end_ms):
            return f"{item_id} ends at {audio_end_ms}"
        case NeverPlayed(item_id=item_id):
            return f"{item_id} was never played"
