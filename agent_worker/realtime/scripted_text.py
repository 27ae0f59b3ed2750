"""What the scripted model writes instead of speaking it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent_worker.realtime.base import (
    CreateResponse,
    OutputItemStarted,
    OutputText,
    OutputTextDone,
    RealtimeEvent,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
)

if TYPE_CHECKING:
    from agent_worker.realtime.scripted import ScriptedReply


def written(text: str, response_id: str, item_id: str) -> Iterator[RealtimeEvent]:
    """A message, word by word."""
    for word in re.findall(r"\s*\S+", text):
        yield OutputText(response_id=response_id, item_id=item_id, content_index=0, delta=word)
    yield OutputTextDone(response_id=response_id, item_id=item_id, content_index=0, text=text)


def beside(reply: "ScriptedReply | None", request: CreateResponse, response_id: str) -> Iterator[RealtimeEvent]:
    """A reply beside the conversation: it waits for no other and leaves no item. None: it is never begun."""
    if reply is None:
        return
    request_id, item_id = request.request_id, f"{response_id}_text"
    yield ResponseStarted(response_id=response_id, request_id=request_id, in_conversation=False)
    yield OutputItemStarted(response_id=response_id, item_id=item_id)
    yield from written(reply.text, response_id, item_id)
    if reply.ends:
        yield ResponseEnded(response_id=response_id, request_id=request_id, status=ResponseStatus.COMPLETED)
