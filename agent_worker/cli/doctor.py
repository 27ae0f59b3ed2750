"""`agent-worker doctor`: what this machine has, what it lacks, and the command that mends it."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent_worker.cli.checks import (
    Finding,
    Verdict,
    check_engines,
    check_opus,
    check_packages,
    check_port,
    check_python,
    check_vad,
)
from agent_worker.cli.environment import Environment
from agent_worker.cli.output import clear_errors

__all__ = ["doctor"]

_MARKS: Final = {
    Verdict.FINE: Text("ok", style="green"),
    Verdict.LESS: Text("less", style="yellow"),
    Verdict.MISSING: Text("missing", style="bold red"),
}


def doctor(
    signaling: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Check this signaling server, too: its page, and whether its TURN servers give a relay from here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check this machine and say what is missing, with the exact command that installs it.

    The exit code is 1 when something is missing without which nothing works, else 0.
    """
    console = Console()
    findings = list(_findings())
    if signaling is not None:
        with clear_errors():
            findings += asyncio.run(_reach(signaling))
    table = Table(box=None, pad_edge=False)
    for title in ("", "What", "Found", "What to do"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        table.add_row(_MARKS[finding.verdict], finding.what, Text(finding.found), Text(finding.advice))
    console.print(table)
    missing = [finding.what for finding in findings if finding.verdict is Verdict.MISSING]
    if missing:
        console.print(f"\nMissing: {', '.join(missing)}. See above what to do.", style="bold red")
        raise typer.Exit(1)
    console.print("\nNothing that is needed is missing. To talk to an agent: python -m agent_worker demo")


def _findings() -> Iterator[Finding]:
    yield check_python()
    packages = check_packages()
    yield packages
    if packages.verdict is Verdict.MISSING:
        return
    yield check_vad()
    yield check_opus()
    yield from check_engines()
    yield _model()
    yield check_port(8080, "signaling", "--port")
    yield check_port(8765, "local model", "--model-port")


async def _reach(signaling: str) -> list[Finding]:
    from agent_worker.cli.reach import check_reach

    return await check_reach(signaling, Environment().key)


def _model() -> Finding:
    environment = Environment()
    if not environment.has_own_model:
        return Finding(what="Model", verdict=Verdict.FINE, found="the local one (OPENAI_API_KEY is not set)")
    # Without its query and user part, which may hold secrets.
    address = environment.realtime_model().url.partition("?")[0].rpartition("@")[2]
    return Finding(what="Model", verdict=Verdict.FINE, found=address)
