"""The end of a reply: model feed (what was made) + conversation (that it has ended) -> ReplyCompleted, tool calls."""

from collections.abc import Callable

from agent_worker import clock
from agent_worker.session.events import ReplyCompleted, SessionEvent
from agent_worker.session.model_feed import MadeReply
from agent_worker.session.tool_calls import ToolCalls


class MadeReplies:
    """What becomes of replies that the model has finished.

    Args:
        take: What the model made, by its response's id, once; None when nobody waits for it.
        request_of: The request that a response answers, or None.
        emit: Tells who follows the session.
        tool_calls: Runs or refuses the tools that a reply asks for.

    """

    def __init__(
        self,
        *,
        take: Callable[[str], MadeReply | None],
        request_of: Callable[[str], str | None],
        emit: Callable[[SessionEvent], None],
        tool_calls: ToolCalls,
    ) -> None:
        self._take = take
        self._request_of = request_of
        self._emit = emit
        self._tool_calls = tool_calls

    def ended(self, response_id: str, request_id: str | None) -> None:
        """The conversation knows of a reply's end: its tools run now, or are refused because it was cut."""
        made = self._take(response_id)
        if made is None:
            return
        request_id = request_id or self._request_of(response_id) or ""
        self._emit(
            ReplyCompleted(
                at=clock.now(),
                speech_id=request_id.rpartition(".")[0],
                request_id=request_id,
                response_id=response_id,
                status=made.ended.status,
                usage=made.ended.usage,
            )
        )
        self._tool_calls.reply_made(request_id, made)
