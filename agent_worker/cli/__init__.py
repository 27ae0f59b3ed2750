"""The command line: `agent-worker ...` or `python -m agent_worker ...`. One file per command."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

__all__ = ["COMMANDS", "EXAMPLES", "command_line", "main"]

EXAMPLES: Final = {
    "demo": ("agent-worker demo", "agent-worker demo barista.py --port 9000"),
    "dev": ("agent-worker dev barista.py",),
    "start": (
        "agent-worker start barista.py --signaling wss://voice.example.org",
        "agent-worker start barista:Barista --max-jobs 4 --health-port 9090",
    ),
    "connect": (
        "agent-worker connect --room lobby",
        'echo "what time is it" | agent-worker connect --room lobby',
        "agent-worker connect --room lobby --say question.wav --record answer.wav",
    ),
    "rooms": ("agent-worker rooms --watch",),
    "jobs": ("agent-worker jobs", "agent-worker jobs --stats --watch"),
    "token": (
        "agent-worker token --room lobby --identity ann --ttl 15m",
        "agent-worker token --room lobby --moderator --link https://voice.example.org",
        "agent-worker token --admin",
    ),
    "local-model": ("agent-worker local-model --port 8765",),
    "doctor": ("agent-worker doctor", "agent-worker doctor --signaling https://voice.example.org"),
}
"""What people type, by command."""
COMMANDS: Final = tuple(EXAMPLES)
"""As the help shows them. Each is the function of its name in the module of its name."""


def command_line(commands: Sequence[str] = COMMANDS) -> typer.Typer:
    """A command line with these commands; only their modules are imported."""
    app = typer.Typer(
        name="agent-worker",
        help="A voice agent for WebRTC rooms. To see it, run: agent-worker demo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # its columns cut off the names of variables
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before_any)
    for command in commands:
        name = command.replace("-", "_")
        app.command(epilog=_epilog(EXAMPLES[command]))(getattr(import_module(f"{__name__}.{name}"), name))
    return app


def main() -> None:
    """Run the command that the command line names.

    It alone is imported: a worker lives in its command for weeks, and would hold on to all that the others need.
    """
    named = [argument for argument in sys.argv[1:2] if argument in COMMANDS]
    command_line(named or COMMANDS)()


def _epilog(examples: Sequence[str]) -> str:
    # Behind this mark click leaves lines as they are.
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in examples), "", "Exit codes: see docs/cli.md."))


def _before_any() -> None:
    # With this, one command alone is still called by its name.
    return
