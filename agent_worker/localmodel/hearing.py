"""The user's side of a session: appended audio becomes utterances, utterances become items and words. Pure.

With turn detection the detector's probabilities begin and end an utterance; without it an utterance is all that
is appended until the commit. Either way it is recognised while it comes: a commit then has little left to wait for.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Final

from agent_worker.audio import MODEL_RATE, milliseconds_of, seconds_of
from agent_worker.history.items import Role
from agent_worker.localmodel import events
from agent_worker.localmodel.actions import (
    Action,
    AskPartial,
    DetectVoice,
    DropUtterance,
    FinishUtterance,
    Hear,
    HearItem,
    OpenUtterance,
    PartialHeard,
    Send,
    UtteranceHeard,
    UtteranceLost,
    VoiceJudged,
)
from agent_worker.localmodel.conversation import Conversation
from agent_worker.localmodel.endings import is_open
from agent_worker.localmodel.formats import FormatDecoder, decoded
from agent_worker.localmodel.input_audio import InputAudio
from agent_worker.localmodel.items import Message, Part, PartKind, wire
from agent_worker.localmodel.names import Names
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import AudioInput
from agent_worker.localmodel.turns import Turns, TurnStarted, TurnStopped

HEARING_TIMEOUT: Final = 5.0
"""An utterance that the recogniser has not understood by then is given up."""
OPEN_SECONDS: Final = 1.3
"""Silence after which a sentence that is not complete is taken as it is: it joins those with a pause (measured)."""
PARTIAL_TIMEOUT: Final = 1.0
"""The recogniser says within this what it has heard so far, or the turn ends without asking."""
MIN_COMMIT_MS: Final = 100
"""Less audio than this cannot be committed."""
LOOK_BACK_SECONDS: Final = 6
"""Audio kept while nobody speaks: the longest padding in front of a turn, and what the detector needs to be sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """The user has fallen silent, perhaps in the middle of a sentence. The turn ends at one of the two times."""

    turn: TurnStopped
    heard_until: float
    """Seconds of the session's audio."""
    ends_at: float
    """Loop seconds, for clients that send nothing while the user is silent."""


class Hearing:
    """What was appended, what is being recognised, and what has not been understood yet.

    Args:
        names: Where ids come from.
        conversation: Where utterances become items.
        settings: The session's settings for it.

    """

    def __init__(self, names: Names, conversation: Conversation, settings: AudioInput) -> None:
        self._names = names
        self._conversation = conversation
        self._settings = settings
        self._turns = Turns(settings.turn_detection) if settings.turn_detection is not None else None
        self._decoder = FormatDecoder(settings.format)
        self._input = InputAudio()
        self._utterance: str | None = None
        self._pause: _Pause | None = None
        self._judged = 0.0
        self._pending: dict[str, float] = {}

    @property
    def pending(self) -> bool:
        """Whether a committed utterance has not been understood yet."""
        return bool(self._pending)

    @property
    def speaking(self) -> bool:
        """Whether the user is in the middle of a turn that the server found."""
        return self._turns is not None and self._utterance is not None

    @property
    def deadline(self) -> float | None:
        """When the next pending utterance is given up."""
        due = [*self._pending.values(), *([self._pause.ends_at] if self._pause is not None else [])]
        return min(due, default=None)

    def open(self) -> list[Action]:
        """The connection stands."""
        return [DetectVoice(self._turns is not None)]

    def configure(self, settings: AudioInput) -> list[Action]:
        """The session's settings are these from now on."""
        before, self._settings = self._settings, settings
        if settings.format != before.format:
            self._decoder = FormatDecoder(settings.format)
        detection = settings.turn_detection
        if detection == before.turn_detection:
            return []
        self._turns = Turns(detection) if detection is not None else None
        return [*self._drop_utterance(), DetectVoice(self._turns is not None)]

    def append(self, data: bytes) -> list[Action]:
        """`input_audio_buffer.append`, in the session's format."""
        start = self._input.turn_start
        taken = self._input.append(self._decoder.feed(data))
        if not taken:
            return []
        if self._utterance is not None or self._turns is not None:
            return [Hear(taken)]
        self._utterance = self._names.next("item")
        return [OpenUtterance(item_id=self._utterance, start=self._input.start_turn(start)), Hear(taken)]

    def clear(self) -> list[Action]:
        """`input_audio_buffer.clear`."""
        self._input.clear()
        return [*self._drop_utterance(), self._send(events.input_cleared())]

    def commit(self, now: float) -> list[Action]:
        """`input_audio_buffer.commit`.

        Raises:
            EventRefusedError: There is too little audio.

        """
        waiting = seconds_of(self._input.waiting, MODEL_RATE) * 1000
        if waiting < MIN_COMMIT_MS:
            raise EventRefusedError(
                "Error committing input audio buffer: buffer too small. "
                f"Expected at least {MIN_COMMIT_MS}ms of audio, but buffer only has {waiting:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        return self._commit(now, self._input.received)

    def judge(self, judged: VoiceJudged) -> list[TurnStarted | TurnStopped]:
        """The detector heard a window: what is found is to be given to `start_turn` or `stop_turn`."""
        if self._turns is None:
            return []
        self._judged = judged.end
        found = self._turns.receive(judged.probability, judged.end)
        if self._utterance is None and not found:
            self._input.forget_before(round((judged.end - LOOK_BACK_SECONDS) * MODEL_RATE))
        return found

    def start_turn(self, turn: TurnStarted) -> list[Action]:
        """The user began to speak, or goes on after a pause in the middle of a sentence."""
        if self._pause is not None:
            self._pause = None
            return []
        start = self._input.start_turn(round(turn.at * MODEL_RATE))
        self._utterance = self._names.next("item")
        begun = events.speech_started(self._utterance, milliseconds_of(start, MODEL_RATE))
        return [OpenUtterance(item_id=self._utterance, start=start), self._send(begun)]

    def pause_turn(self, turn: TurnStopped, now: float) -> list[Action]:
        """The user has been silent for long enough, unless they are in the middle of a sentence: that is asked."""
        if self._utterance is None:
            return []
        self._pause = _Pause(turn=turn, heard_until=inf, ends_at=now + PARTIAL_TIMEOUT)
        return [AskPartial(self._utterance)]

    def partial(self, heard: PartialHeard, now: float) -> None:
        """The words so far are known: the pause ends at once, or lasts until OPEN_SECONDS after the last of them."""
        pause = self._pause
        if pause is None or heard.item_id != self._utterance:
            return
        wait = max(0.0, pause.turn.at + OPEN_SECONDS - self._judged) if is_open(heard.text) else 0.0
        self._pause = replace(pause, heard_until=self._judged + wait, ends_at=now + wait)

    def stop_turn(self, now: float) -> list[Action]:
        """Commit the turn once its pause is over; nothing happens before."""
        pause, item_id = self._pause, self._utterance
        if pause is None or item_id is None or (now < pause.ends_at and self._judged < pause.heard_until):
            return []
        stopped = self._send(events.speech_stopped(item_id, round(pause.turn.at * 1000)))
        return [stopped, *self._commit(now, round(self._judged * MODEL_RATE))]

    def heard(self, heard: UtteranceHeard, *, tell: bool) -> list[Action]:
        """The recogniser is done. `tell`: the client wants transcripts."""
        # Not pending any more: deleted, or given up, meanwhile.
        if self._pending.pop(heard.item_id, None) is None:
            return []
        item = self._conversation.find(heard.item_id)
        assert isinstance(item, Message)
        self._conversation.put(item.transcribed(heard.text))
        return self._transcribed(item, heard.text) if tell else []

    def lost(self, lost: UtteranceLost, *, tell: bool) -> list[Action]:
        """There will be no words for an utterance."""
        item = self._conversation.find(lost.item_id)
        if self._pending.pop(lost.item_id, None) is None or not tell or not isinstance(item, Message):
            return []
        return [self._send(events.transcription_failed(item.id, item.audio_index, lost.message))]

    def give_up(self, now: float, *, tell: bool) -> list[Action]:
        """Give up what is overdue."""
        overdue = [item_id for item_id, until in self._pending.items() if now >= until]
        out: list[Action] = []
        for item_id in overdue:
            out += self.lost(UtteranceLost(item_id=item_id, message="The recogniser took too long."), tell=tell)
        return out

    def hear_item(self, item: Message, data: bytes, now: float) -> list[Action]:
        """The client made an item of audio: its sound is kept, and unless its words are known it is recognised.

        Args:
            item: The item, already in the conversation.
            data: Its audio, in the session's format.
            now: Loop seconds.

        """
        pcm = decoded(data, self._settings.format)
        self._conversation.sound(item.id, pcm[: len(pcm) // 2 * 2])
        if item.parts[item.audio_index].text is not None:
            return []
        self._pending[item.id] = now + HEARING_TIMEOUT
        return [HearItem(item_id=item.id, pcm=pcm)]

    def time_out(self, *, tell: bool) -> list[Action]:
        """Nobody spoke after a reply: the silence becomes an item. `tell`: the client wants transcripts."""
        start, end = self._input.turn_start, self._input.received
        item = Message(
            id=self._names.next("item"), role=Role.USER, parts=(Part(PartKind.INPUT_AUDIO, ""),), silent=True
        )
        behind = self._conversation.add(item)
        self._conversation.sound(item.id, self._input.take(end))
        if self._turns is not None:
            self._turns.reset()
        triggered = events.input_timed_out(
            item.id, milliseconds_of(start, MODEL_RATE), milliseconds_of(end, MODEL_RATE)
        )
        return [
            self._send(triggered),
            *self._committed(item, behind),
            *(self._transcribed(item, "") if tell else ()),
        ]

    def forget(self, item_id: str) -> None:
        """The item was deleted: nobody waits for its words."""
        self._pending.pop(item_id, None)

    def _commit(self, now: float, until: int) -> list[Action]:
        out: list[Action] = []
        item_id, self._utterance, self._pause = self._utterance, None, None
        if item_id is None:  # the client commits by itself what the detector took for silence
            item_id = self._names.next("item")
            out.append(OpenUtterance(item_id=item_id, start=self._input.turn_start))
        item = Message(id=item_id, role=Role.USER, parts=(Part(PartKind.INPUT_AUDIO),))
        behind = self._conversation.add(item)
        self._conversation.sound(item_id, self._input.take(until))
        self._pending[item_id] = now + HEARING_TIMEOUT
        if self._turns is not None:
            self._turns.reset()
        return [*out, FinishUtterance(item_id), *self._committed(item, behind)]

    def _committed(self, item: Message, behind: str | None) -> list[Action]:
        return [
            self._send(events.input_committed(item.id, behind)),
            self._send(events.item_added(wire(item), behind)),
            self._send(events.item_done(wire(item), behind)),
        ]

    def _transcribed(self, item: Message, text: str) -> list[Action]:
        seconds = self._conversation.milliseconds(item.id) / 1000
        completed = self._send(events.transcription_completed(item.id, item.audio_index, text, seconds))
        if not text:
            return [completed]
        return [self._send(events.transcription_delta(item.id, item.audio_index, text)), completed]

    def _drop_utterance(self) -> list[Action]:
        self._utterance = self._pause = None
        if self._turns is not None:
            self._turns.reset()
        return [DropUtterance()]

    def _send(self, event: events.Json) -> Send:
        return Send.numbered(event, self._names)
