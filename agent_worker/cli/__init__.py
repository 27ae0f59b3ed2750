"""The command line: `agent-worker ...` or `python -m agent_worker ...`. One file per command."""

import typer

from agent_worker.cli.connect import connect
from agent_worker.cli.demo import demo
from agent_worker.cli.dev import dev
from agent_worker.cli.doctor import doctor
from agent_worker.cli.jobs import jobs
from agent_worker.cli.local_model import local_model
from agent_worker.cli.rooms import rooms
from agent_worker.cli.start import start
from agent_worker.cli.token import token

__all__ = ["app", "main"]

app = typer.Typer(
    name="agent-worker",
    help="A voice agent for WebRTC rooms. To see it, run: agent-worker demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its columns cut off the names of variables
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (demo, dev, start, connect, rooms, jobs, token, local_model, doctor):
    app.command()(_command)


def main() -> None:
    """Run the command that the command line names."""
    app()
