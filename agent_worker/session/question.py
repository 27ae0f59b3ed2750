"""Notices that the agent's question has been heard: from then on even "yeah" is an answer to it.

words of the reply, and how much of its sound is left -> QuestionHeard -> conversation
"""

from collections.abc import Callable
from typing import Final

from agent_worker.speech import events as ev

MARKS: Final = ("?", "\uff1f", "\u061f")
"""As Latin, Chinese and Arabic letters write it."""
_BEHIND_IT: Final = " \t\n\"')]*_\u201d\u2019\u00bb"


def is_question(text: str) -> bool:
    """Whether a text ends with a question."""
    return text.rstrip(_BEHIND_IT).endswith(MARKS)


class Question:
    """Looks at what is being said.

    Args:
        words: The words of what is being said, as far as they are known.
        left: Seconds of its sound that are still to be heard.
        tail: With no more than so many seconds left it counts as heard.
        post: Posts an event to the conversation.

    """

    def __init__(
        self,
        *,
        words: Callable[[], str],
        left: Callable[[], float],
        tail: Callable[[], float],
        post: Callable[[ev.Event], None],
    ) -> None:
        self._words = words
        self._left = left
        self._tail = tail
        self._post = post
        self._complete: str | None = None

    def complete(self, request_id: str) -> None:
        """All sound of this request has come."""
        self._complete = request_id
        self.look()

    def look(self) -> None:
        """See whether the question, if there is one, has been heard by now."""
        if self._complete is not None and self._left() <= self._tail():
            if is_question(self._words()):
                self._post(ev.QuestionHeard(self._complete))
            self._complete = None
