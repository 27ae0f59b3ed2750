"""One response at a time, over any number of connections (M-2). Pure.

Requests of the session -> queue -> the model; what the model says of its responses -> the session, under the ids that
the session knows. A response that was lost before anything of it could be heard is asked for again without a word;
of one that was lost in the middle the session is told so.
"""

from collections import deque
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from agent_worker.realtime import base as rt
from agent_worker.realtime.enduring_actions import Action, Send, Tell

START_SECONDS: Final = 30.0
"""A request that the model has not begun by then is forgotten; a session gives up sooner, and says so."""
OVERTAKEN_SECONDS: Final = 2.0
"""Such a request is forgotten already after this, if the session asks again: it waits no longer."""
CANCEL_SECONDS: Final = 5.0
"""A cancelled response that the model has not ended by then is taken as ended."""
RETRY_SECONDS: Final = 0.5
"""Between two attempts to ask a model that is busy with a response that we do not know."""
MAX_RETRIES: Final = 40
REMEMBERED_RESPONSES: Final = 256

ALREADY_ACTIVE: Final = "conversation_already_has_active_response"
LOST: Final = "connection_lost"
"""`ModelError.code` of what was asked for over a connection that broke, and is not asked for again by itself."""
NOT_ACTIVE: Final = "response_cancel_not_active"

Content = (
    rt.OutputItemStarted
    | rt.OutputPartStarted
    | rt.OutputAudio
    | rt.OutputTranscript
    | rt.OutputAudioDone
    | rt.OutputText
    | rt.OutputTextDone
    | rt.FunctionCallReady
)


@dataclass(slots=True)
class _Response:
    """A response that the model owes an end.

    Attributes:
        request: How it was asked for; None for one that the model began by itself.
        known_as: The id by which the session knows it; None before its beginning.
        id: The id that it has on this connection; None before its beginning.
        arrived: Whether anything of it could have been heard or acted upon.
        cancelled: Whether the session wants no more of it.
        deadline: When it is given up, if it has not begun or ended by then.

    """

    request: rt.CreateResponse | None
    known_as: str | None = None
    id: str | None = None
    arrived: bool = False
    cancelled: bool = False
    deadline: float | None = None


class Sequencer:
    """Every method gives back what is to be done."""

    def __init__(self) -> None:
        self._online = False
        self._held = False
        self._waiting: deque[_Response] = deque()
        self._active: _Response | None = None
        self._unasked: dict[str, _Response] = {}
        self._ours: set[str] = set()
        self._beside: dict[str, str | None] = {}
        self._ended: dict[str, None] = {}
        self._retries = 0
        self._retry_at: float | None = None
        self._numbers = count(1)

    def __repr__(self) -> str:
        return f"<Sequencer {self._active}, {len(self._waiting)} waiting>"

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for and nothing is being made."""
        return self._active is None and not self._waiting and not self._unasked

    @property
    def is_between(self) -> bool:
        """Whether nothing is being made, whatever is asked for."""
        return self._active is None and not self._unasked

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called."""
        if not self._online:
            return None
        owed = [*self._unasked.values(), *([self._active] if self._active is not None else [])]
        due = [response.deadline for response in owed if response.deadline is not None]
        if self._retry_at is not None:
            due.append(self._retry_at)
        return min(due, default=None)

    def request(self, command: rt.CreateResponse, now: float) -> list[Action]:
        """The session asks for a response."""
        self._waiting.append(_Response(command))
        active, actions = self._active, list[Action]()
        if active is not None and active.id is None and active.deadline is not None and not active.cancelled:
            asked_at = active.deadline - START_SECONDS
            if now - asked_at >= OVERTAKEN_SECONDS:
                self._forget(active, "")
                actions.append(self._end(active, rt.ResponseStatus.FAILED, "the model did not begin it in time"))
        return [*actions, *self._next(now)]

    def request_beside(self, command: rt.CreateResponse) -> list[Action]:
        """The session asks for a response beside the conversation: it waits for no other, and is not made again."""
        if not self._online:
            return [Tell(_refused_beside(command.request_id))]
        self._beside[command.request_id] = None
        return [Send(command)]

    def request_answer(self, now: float) -> list[Action]:
        """A model that answers by itself has lost its connection in between: this response is asked for instead."""
        self._waiting.append(_Response(self._own_request()))
        return self._next(now)

    def cancel(self, response_id: str, now: float) -> list[Action]:
        """The session wants no more of a response. Of one that is over, or unknown, the model is told nothing."""
        for response in self._waiting:
            if response.known_as == response_id:
                self._waiting.remove(response)
                return [self._end(response, rt.ResponseStatus.CANCELLED)]
        for response in self._open():
            if response.known_as == response_id and not response.cancelled:
                response.cancelled = True
                response.deadline = now + CANCEL_SECONDS
                return [Send(rt.CancelResponse(response.id))] if response.id is not None else []
        beside = response_id in self._beside.values()
        return [Send(rt.CancelResponse(response_id))] if beside else []

    def started(self, event: rt.ResponseStarted, now: float) -> list[Action]:
        """The model begins a response."""
        if event.request_id in self._beside:
            self._beside[event.request_id] = event.response_id
            return [Tell(event)]
        active = self._active
        if active is None or active.request is None or active.request.request_id != event.request_id:
            response = _Response(None, known_as=event.response_id, id=event.response_id)
            self._unasked[event.response_id] = response
            return [Tell(event)]
        self._retries = 0
        active.id, active.deadline = event.response_id, None
        if active.cancelled:
            active.deadline = now + CANCEL_SECONDS
            return [Send(rt.CancelResponse(event.response_id))]
        if active.known_as is not None:
            return []
        active.known_as = event.response_id
        return [Tell(replace(event, request_id=self._known_request(active)))]

    def content(self, event: Content) -> list[Action]:
        """A piece of a response. Of one that has ended nothing more is heard."""
        if event.response_id in self._ended:
            return []
        response = self._find(event.response_id)
        if response is None or response.known_as is None:
            return [Tell(event)]
        # Words run ahead of their sound: without sound none of them was heard, and all can be said anew.
        response.arrived |= isinstance(event, rt.OutputAudio | rt.OutputText | rt.FunctionCallReady)
        return [Tell(replace(event, response_id=response.known_as))]

    def ended(self, event: rt.ResponseEnded, now: float) -> list[Action]:
        """The model has ended a response."""
        if event.response_id in self._ended:
            return []
        if event.request_id is not None:
            self._beside.pop(event.request_id, None)
        response = self._find(event.response_id)
        if response is None and self._is_active(event.request_id):
            # Ended before it began: an interruption may overtake the beginning.
            response = self._active
        if response is None:
            return [Tell(event)]
        self._forget(response, event.response_id)
        told = replace(
            event, response_id=response.known_as or event.response_id, request_id=self._known_request(response)
        )
        return [Tell(told), *self._next(now)]

    def refused(self, event: rt.ModelError, now: float) -> list[Action]:
        """The model refused something: a request, or the cancellation of what was over."""
        if event.refused in {rt.Refused.CREATE, rt.Refused.DELETE}:
            # An answer like any other, also where it only says that all is as it was wanted.
            return [Tell(event)]
        if event.code == NOT_ACTIVE or event.policy is rt.ErrorPolicy.IGNORE:
            return []
        if event.request_id is not None:
            self._beside.pop(event.request_id, None)
        active = self._active
        if active is None or not self._is_active(event.request_id):
            return [Tell(event)]
        self._active = None
        if event.code == ALREADY_ACTIVE and self._retries < MAX_RETRIES:
            # It asks again when the other one ends; one that we do not know may end without a word to us.
            self._retries += 1
            active.deadline, self._retry_at = None, now + RETRY_SECONDS
            self._waiting.appendleft(active)
            return []
        self._retries = 0
        if active.known_as is not None:
            ended = self._end(active, rt.ResponseStatus.FAILED, event.message)
            return [ended, *self._next(now)]
        told: list[Action] = [] if self._known_request(active) is None else [Tell(event)]
        return [*told, *self._next(now)]

    def lost(self) -> list[Action]:
        """The connection is lost, and with it what was being made."""
        self._online = False
        self._retry_at, self._retries = None, 0
        actions: list[Action] = []
        again: list[_Response] = []
        for response in self._open():
            if response.cancelled:
                actions.append(self._end(response, rt.ResponseStatus.CANCELLED))
            elif response.arrived:
                actions.append(self._end(response, rt.ResponseStatus.LOST, "the connection broke"))
            else:
                response.request = response.request or self._own_request()
                response.id = response.deadline = None
                again.append(response)
        for request_id, response_id in self._beside.items():
            if response_id is None:
                actions.append(Tell(_refused_beside(request_id)))
            else:
                status = rt.ResponseStatus.LOST
                actions.append(Tell(rt.ResponseEnded(response_id=response_id, request_id=request_id, status=status)))
        self._beside.clear()
        self._waiting.extendleft(reversed(again))
        self._active = None
        self._unasked.clear()
        return actions

    def restored(self, now: float) -> list[Action]:
        """There is a connection, and the model knows what it must know."""
        self._online = True
        return self._next(now)

    def hold(self) -> None:
        """The next response is to be made over another connection: requests wait until `release`."""
        self._held = True

    def release(self, now: float) -> list[Action]:
        """Requests wait no more."""
        self._held = False
        return self._next(now)

    def advance(self, now: float) -> list[Action]:
        """What follows from the time alone."""
        actions: list[Action] = []
        for response in self._open():
            if response.deadline is None or response.deadline > now:
                continue
            self._forget(response, response.id or "")
            if response.cancelled:
                actions.append(self._end(response, rt.ResponseStatus.CANCELLED))
            else:
                actions.append(self._end(response, rt.ResponseStatus.FAILED, "the model did not begin it in time"))
        if self._retry_at is not None and self._retry_at <= now:
            self._retry_at = None
        return [*actions, *self._next(now)]

    def _next(self, now: float) -> list[Action]:
        if not self._online or self._held or self._active is not None or self._unasked or not self._waiting:
            return []
        if self._retry_at is not None and now < self._retry_at:
            return []
        self._retry_at = None
        response = self._active = self._waiting.popleft()
        assert response.request is not None
        response.deadline = now + START_SECONDS
        return [Send(response.request)]

    def _open(self) -> list[_Response]:
        return [*([self._active] if self._active is not None else []), *self._unasked.values()]

    def _find(self, response_id: str) -> _Response | None:
        return next((response for response in self._open() if response.id == response_id), None)

    def _is_active(self, request_id: str | None) -> bool:
        request = self._active.request if self._active is not None else None
        return request is not None and request.request_id == request_id

    def _own_request(self) -> rt.CreateResponse:
        request_id = f"again_{next(self._numbers)}"
        self._ours.add(request_id)
        return rt.CreateResponse(request_id=request_id)

    def _known_request(self, response: _Response) -> str | None:
        """The request as the session knows it: None for what the model was to make by itself."""
        request_id = response.request.request_id if response.request is not None else None
        return None if request_id in self._ours else request_id

    def _forget(self, response: _Response, response_id: str) -> None:
        if response is self._active:
            self._active = None
        else:
            self._unasked.pop(response_id, None)
        self._retry_at = None
        self._remember(response_id)

    def _remember(self, response_id: str) -> None:
        self._ended[response_id] = None
        if len(self._ended) > REMEMBERED_RESPONSES:
            del self._ended[next(iter(self._ended))]

    def _end(self, response: _Response, status: rt.ResponseStatus, message: str = "") -> Tell:
        if response.id is not None:
            self._remember(response.id)
        return Tell(
            rt.ResponseEnded(
                response_id=response.known_as or "",
                request_id=self._known_request(response),
                status=status,
                message=message,
            )
        )


def _refused_beside(request_id: str) -> rt.ModelError:
    return rt.ModelError(
        code=LOST,
        message="The connection broke. Ask again.",
        request_id=request_id,
        refused=rt.Refused.RESPONSE,
        policy=rt.ErrorPolicy.FAIL_REQUEST,
    )
