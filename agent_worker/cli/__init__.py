"""The command line: `agent-worker ...` or `python -m agent_worker ...`. One file per command."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

__all__ = ["COMMANDS", "command_line", "main"]

COMMANDS: Final = ("demo", "dev", "start", "connect", "rooms", "jobs", "token", "local-model", "doctor")
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
        app.command()(getattr(import_module(f"{__name__}.{name}"), name))
    return app


def main() -> None:
    """Run the command that the command line names.

    It alone is imported: a worker lives in its command for weeks, and would hold on to all that the others need.
    """
    named = [argument for argument in sys.argv[1:2] if argument in COMMANDS]
    command_line(named or COMMANDS)()


def _before_any() -> None:
    # With this, one command alone is still called by its name.
    return
