"""What an application writes: who the agent is, what it can do, and what it does when a conversation turns.

    class Waiter(Agent):
        instructions = "You take orders in a cafe."

        async def on_enter(self) -> None:
            self.session.generate_reply(instructions="Greet the guest.")

An agent only says; a session does.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from agent_worker.errors import ConfigError, SpeechError

if TYPE_CHECKING:
    from agent_worker.history.items import Message
    from agent_worker.session import AgentSession
    from agent_worker.speech.options import OptionChanges
    from agent_worker.tools.mcp_server import MCPServer


class StopResponse(Exception):  # noqa: N818 - a signal and no error; the field knows it by this name
    """Raise it in `on_user_turn_completed` or in a function tool: no reply is made this time."""


class Agent:
    """One character in a conversation. Make one, or inherit and override.

    Attributes:
        instructions: Who it is and how it behaves, in words for the model. A class may set it, too.
        voice: The name of its voice; None: the model's default.
        allow_interruptions: Whether a voice may interrupt it; None: as the session's options say.
        options: Any of the session's options as they are while this agent speaks, such as
            {"min_endpointing_delay": 1.0}. They go before the session's; what is not given is as the session has it.
        mcp_servers: Servers whose tools are its tools, too, while they can be reached.

    """

    instructions: str = ""
    voice: str | None = None
    allow_interruptions: bool | None = None
    options: "OptionChanges | None" = None
    mcp_servers: "tuple[MCPServer, ...]" = ()
    # Class attributes all of them, so that a subclass's __init__ need not call this one's.
    _tools: tuple[Callable[..., Any], ...] = ()
    _session: "AgentSession | None" = None

    def __init__(
        self,
        instructions: str | None = None,
        *,
        tools: Iterable[Callable[..., Any]] = (),
        voice: str | None = None,
        allow_interruptions: bool | None = None,
        options: "OptionChanges | None" = None,
        mcp_servers: "Iterable[MCPServer]" = (),
    ) -> None:
        """Describe the agent; what is not given is as the class has it.

        Args:
            instructions: Replace the class's instructions.
            tools: Functions under `@function_tool`, besides the agent's own methods under it.
            voice: Replaces the class's voice.
            allow_interruptions: Replaces the class's.
            options: Replace the class's.
            mcp_servers: Come after the class's.

        """
        self._tools = tuple(tools)
        self.mcp_servers = (*self.mcp_servers, *mcp_servers)
        if instructions is not None:
            self.instructions = instructions
        if voice is not None:
            self.voice = voice
        if allow_interruptions is not None:
            self.allow_interruptions = allow_interruptions
        if options is not None:
            self.options = options

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'waits for a session' if self._session is None else 'is in a session'}>"

    @property
    def tools(self) -> tuple[Callable[..., Any], ...]:
        """The functions that it was given; its own methods are tools without standing here."""
        return self._tools

    @property
    def session(self) -> "AgentSession":
        """The session that it speaks in.

        Raises:
            SpeechError: It is in none: before `on_enter` and after `on_exit`.

        """
        if self._session is None:
            raise SpeechError(
                f"{type(self).__name__} is in no session yet. Use self.session in on_enter, in the tools and later; "
                "not in __init__."
            )
        return self._session

    def update_tools(self, tools: Iterable[Callable[..., Any]]) -> None:
        """Replace the functions that it was given, in a running session as well; its own methods stay tools.

        The model knows the new ones from its next reply on.

        Args:
            tools: Functions under `@function_tool`.

        Raises:
            ConfigError: The model could not be told of them, as when two have one name; the old ones are kept.

        """
        before, self._tools = self._tools, tuple(tools)
        if self._session is None:
            return
        try:
            self._session.refresh_tools()
        except ConfigError:
            self._tools = before
            raise

    def bind(self, session: "AgentSession | None") -> None:
        """Enter a session, or leave it with None. Sessions call this; applications have no need to."""
        self._session = session

    async def on_enter(self) -> None:
        """The agent has begun to listen: somebody is there, or another agent has handed over. A moment to greet.

        Unless `self.session.resumed`: then a process before this one died, and the conversation goes on.
        """

    async def on_exit(self) -> None:
        """The agent is about to leave the conversation. Called once, however that comes; its history can be read.

        While it hands over, or the session drains, the agent can still speak here, for at most 15 s; when the session
        is closed at once there are 2 s and nobody to speak to: `say` and `generate_reply` raise SpeechError.
        """

    async def on_user_turn_completed(self, turn: "Message") -> None:
        """The user has finished a turn, and no reply was asked for yet.

        This is never cancelled by what the user does next. A newer turn makes the reply obsolete that waits for this.

        Args:
            turn: What was heard in this very turn, as it stands in the history; its text is empty when the model has
                not transcribed it within the option `verdict_timeout`.

        Raises:
            StopResponse: No reply is wanted to this turn.

        """
