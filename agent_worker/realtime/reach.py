"""What a model cannot do (`Capabilities`): answered here, or put in the words that it has. Pure.

    command of the session -> Reach -> commands to the model, events to the session
    event of the model     -> Reach -> the same, under the request that it answers

So nobody above has to ask, for each command, what the provider makes of it; and no provider is sent what it must
refuse.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from agent_worker.history.items import FunctionCallOutput, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.settings import LoudnessDetector, SemanticDetector

UNSUPPORTED: Final = "unsupported_by_model"
"""`ModelError.code` and `RealtimeError.code` of what a model's capabilities rule out."""
_REMEMBERED: Final = 1024
"""Items that a model keeps although they were deleted here; beyond them the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What becomes of one command, or of one event.

    Attributes:
        commands: For the model.
        events: For the session.

    """

    commands: tuple[rt.RealtimeCommand, ...] = ()
    events: tuple[rt.RealtimeEvent, ...] = ()


class Reach:
    """The reach of one connection's model.

    Args:
        capabilities: What it can do.
        turns: Who finds the user's turns at first.

    """

    def __init__(self, capabilities: rt.Capabilities, *, turns: rt.TurnDetection) -> None:
        self._can = capabilities
        self._turns = turns
        self._outputs: list[rt.CreateItem] = []
        self._asked: deque[str] = deque()
        self._kept: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<Reach, {len(self._outputs)} outputs waiting>"

    def send(self, command: rt.RealtimeCommand) -> Fitted:
        """The session tells the model something."""
        can = self._can
        match command:
            case rt.TruncateItem(item_id=item_id, audio_end_ms=end) if not can.truncate:
                return Fitted(events=(rt.ItemTruncated(item_id=item_id, audio_end_ms=end),))
            case rt.DeleteItem(item_id) if not can.delete_items:
                self._keep(item_id)
                return Fitted(events=(rt.ItemDeleted(item_id),))
            case rt.RetrieveItem(item_id) if not can.retrieve_items:
                return Fitted(events=(_refused(rt.Refused.RETRIEVE, "does not give items back", item_id=item_id),))
            case rt.CancelResponse(response_id) if not can.cancel_response:
                # Whatever still comes of it is dropped by its id (M-2), and what is asked for next takes its place.
                return Fitted(events=(_cancelled(response_id),))
            case rt.UpdateSession(settings):
                self._turns = settings.turn_detection
                return Fitted((command,))
            case rt.CreateItem():
                return self._create(command)
            case rt.CreateResponse():
                return self._request(command)
            case _:
                return Fitted((command,))

    def receive(self, event: rt.RealtimeEvent) -> Fitted:
        """The model says something."""
        match event:
            case rt.ResponseStarted(request_id=None) if self._asked:
                return Fitted(events=(replace(event, request_id=self._asked.popleft()),))
            case rt.InputCommitted() if self._outputs and self._turns is rt.TurnDetection.SERVER:
                # It answers this turn unasked: what nobody wanted to hear about goes with it.
                outputs, self._outputs = tuple(self._outputs), []
                return Fitted(outputs, (event,))
            case _:
                return Fitted(events=(event,))

    def _create(self, command: rt.CreateItem) -> Fitted:
        item, edits = command.item, self._can.history_edits
        added = rt.ItemAdded(item_id=item.id, previous_item_id=command.previous_item_id)
        if isinstance(item, FunctionCallOutput):
            if not self._can.auto_tool_reply:
                return Fitted((_at_its_end(command) if edits is not rt.HistoryEdits.INSERT_DELETE else command,))
            # It would answer at once, also where no answer is wanted: it gets them with the request for one.
            self._outputs.append(_at_its_end(command))
            return Fitted(events=(added,))
        if edits is rt.HistoryEdits.NONE or item.id in self._kept:
            return Fitted(events=(added,))
        if isinstance(item, Message) and item.images and not self._can.image_input:
            command = replace(command, item=replace(item, images=()))
        return Fitted((command if edits is rt.HistoryEdits.INSERT_DELETE else _at_its_end(command),))

    def _request(self, command: rt.CreateResponse) -> Fitted:
        can = self._can
        if not command.in_conversation and not can.out_of_band:
            return _refused_request(command, "answers in the conversation alone")
        if command.in_conversation and self._outputs:
            outputs, self._outputs = tuple(self._outputs), []
            self._asked.append(command.request_id)
            return Fitted(outputs)
        if not can.create_response:
            return _refused_request(command, "answers by itself alone, and cannot be asked to")
        before: tuple[rt.RealtimeCommand, ...] = ()
        if command.instructions is not None and not can.response_instructions:
            if can.history_edits is not rt.HistoryEdits.NONE:
                words = Message(id=f"{command.request_id}_asked"[-32:], role=Role.SYSTEM, text=command.instructions)
                before = (rt.CreateItem(item=words),)
            command = replace(command, instructions=None)
        if not can.response_tools:
            command = replace(command, tools=None, tool_choice=None)
        if not can.voice_per_response:
            command = replace(command, voice=None)
        if not can.text_output:
            command = replace(command, modality=None)
        return Fitted((*before, command))

    def _keep(self, item_id: str) -> None:
        self._kept[item_id] = None
        if len(self._kept) > _REMEMBERED:
            del self._kept[next(iter(self._kept))]


def beyond(settings: rt.SessionSettings, can: rt.Capabilities) -> str:
    """What of these settings the model cannot do, and what to do about it; "" if it can do it all."""
    turns, detector = settings.turn_detection, settings.detector
    local = turns is rt.TurnDetection.NONE
    reasons = (
        (local and not can.manual_turns, 'finds the turns by itself: set the option turn_detection="server"'),
        (not local and not can.server_turns, 'finds no turns: set the option turn_detection to "vad" or "manual"'),
        (
            turns is rt.TurnDetection.SERVER_HEARS and not can.voice_events,
            'does not say when the user begins and ends: leave the option server_interrupts=True, or use "vad"',
        ),
        (
            not local and isinstance(detector, SemanticDetector) and not can.semantic_turns,
            "finds turns by loudness alone: set detector=LoudnessDetector(...)",
        ),
        (
            not local
            and isinstance(detector, LoudnessDetector)
            and detector.idle_timeout_ms is not None
            and not can.idle_timeout,
            "does not speak up by itself: leave out idle_timeout_ms",
        ),
        (
            settings.modality is rt.Modality.TEXT and not can.text_output,
            "does not write: set modality=Modality.AUDIO",
        ),
        (bool(settings.hosted_tools) and not can.hosted_tools, "runs no tools by itself: leave out hosted_tools"),
    )
    return "; ".join(f"it {why}" for applies, why in reasons if applies)


def not_settable(problem: str) -> rt.ModelError:
    """What a session is told whose settings are `beyond` the model."""
    return _refused(rt.Refused.SETTINGS, f"cannot be set so: {problem}")


def taken_in_place(
    wanted: rt.SessionSettings, applied: rt.SessionSettings, can: rt.Capabilities, *, has_spoken: bool
) -> rt.SessionSettings:
    """What of changed settings a running connection can take; another connection has the rest.

    Args:
        wanted: How the model is to behave.
        applied: What the connection was told last.
        can: What the model can do.
        has_spoken: Whether its voice was heard over this connection.

    """
    taken = wanted
    if not can.change_instructions:
        taken = replace(taken, instructions=applied.instructions)
    if not can.change_tools:
        taken = replace(taken, tools=applied.tools, hosted_tools=applied.hosted_tools)
    fixed_voice = not can.voice_per_response and (has_spoken or not can.change_voice)
    if fixed_voice and wanted.voice not in {None, applied.voice}:
        taken = replace(taken, voice=applied.voice)
    return taken


def _cancelled(response_id: str) -> rt.ResponseEnded:
    return rt.ResponseEnded(response_id=response_id, request_id=None, status=rt.ResponseStatus.CANCELLED)


def _at_its_end(command: rt.CreateItem) -> rt.CreateItem:
    return replace(command, previous_item_id=None)


def _refused(
    refused: rt.Refused, why: str, *, item_id: str | None = None, request_id: str | None = None
) -> rt.ModelError:
    return rt.ModelError(
        code=UNSUPPORTED,
        message=f"This model {why}.",
        refused=refused,
        item_id=item_id,
        request_id=request_id,
        policy=rt.ErrorPolicy.FAIL_REQUEST,
    )


def _refused_request(command: rt.CreateResponse, why: str) -> Fitted:
    return Fitted(events=(_refused(rt.Refused.RESPONSE, why, request_id=command.request_id),))
