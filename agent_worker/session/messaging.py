"""What a session and people's pages tell and ask each other beside the conversation. AgentSession is one of these."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from agent_worker.session.procedures import Procedure
from agent_worker.session.session_view import SessionView
from signaling.messages import Data


class Messaging(SessionView):
    """The application's own messages. What comes is the event `DataReceived`."""

    def rpc(self, name: str, function: Procedure) -> None:
        """Let everybody in the room call a function of the application, and get its answer.

        The caller waits at most 15 s; a function that takes longer than its caller waits is cancelled. What it raises
        is logged, and the caller is told "application_error"; of a CallError its code and text. Of this agent's calls
        32 run at once, further ones are told "busy".

        Works before `run` as well. A second function of a name takes the place of the first.

        Args:
            name: What it is called by; names that begin with "agent." are the session's own.
            function: Gives back a JSON value of at most 15 000 characters. A coroutine function, or one that does not
                block. What it is given is a stranger's word: look at it before you use it.

        Raises:
            ConfigError: Nothing can be called so.

        """
        self._procedures.add(name, function)

    def send_data(self, topic: str, payload: Any, to: Sequence[str] = ()) -> None:
        """Tell people's pages something, as JSON under a topic of the application's. Returns at once.

        Args:
            topic: What it is about, at most 128 characters.
            payload: A JSON value of at most 15 000 characters.
            to: The identities of at most 64 humans; without any, everybody gets it.

        Raises:
            SpeechError: The session is not running.
            ValueError: It does not fit.

        """
        live = self._running()
        recipients = (to,) if isinstance(to, str) else tuple(to)
        try:
            Data(topic=topic, payload=payload, to=recipients or None)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            what = str(first["loc"][0]) if first["loc"] else "it"
            raise ValueError(f"this cannot be sent: {what}: {first['msg']}") from None
        live.room.send_data(topic, payload, recipients)
