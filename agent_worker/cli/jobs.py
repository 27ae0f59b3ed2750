"""`agent-worker jobs`: the workers, how busy they are, and the jobs they have."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from agent_worker.cli import live
from agent_worker.cli.environment import Environment
from agent_worker.cli.figures import HEARING_COLUMNS, SPEAKING_COLUMNS, rows_of_hearing, rows_of_speaking
from agent_worker.cli.observer import Observers
from agent_worker.cli.output import clear_errors, run_until_interrupted
from agent_worker.cli.server_api import Dispatch, ServerApi, Worker, open_api

__all__ = ["jobs"]

WORKER_COLUMNS = ("Worker", "Agent", "State", "Load", "Jobs")
JOB_COLUMNS = ("Job", "Room", "Agent", "State", "Worker", "Assigned", "Restarts", "Reason")


def jobs(
    signaling: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The signaling server, http:// or ws://. Else AGENT_WORKER_SIGNALING_URL, else ws://127.0.0.1:8080.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the lists up to date until Ctrl-C.")] = False,
    stats: Annotated[
        bool,
        typer.Option("--stats", help="Ask the agents, too, how they hear and speak: delay, loss, levels."),
    ] = False,
) -> None:
    """List the workers, and the jobs of all open rooms.

    It asks as an administrator, with a token signed by AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET.
    """
    with clear_errors():
        run_until_interrupted(_run(signaling, watching=watch, with_statistics=stats))


async def _run(signaling: str | None, *, watching: bool, with_statistics: bool) -> None:
    environment = Environment()
    server = signaling or environment.signaling_url
    async with open_api(server, environment.key) as api, Observers(server, environment.key) as observers:

        async def ask() -> RenderableType:
            return await _tables(api, observers if with_statistics else None)

        await (live.watch if watching else live.show)(ask, live.plain_console())


async def _tables(api: ServerApi, observers: Observers | None) -> RenderableType:
    workers = await api.workers()
    found = [job for room in await api.rooms() for job in await api.dispatches(room.name)]
    start = "Start one: python -m agent_worker start AGENT"
    tables = Group(
        live.table(WORKER_COLUMNS, rows_of_workers(workers), none=f"No worker is registered at {api.url}. {start}"),
        Text(""),
        live.table(JOB_COLUMNS, rows_of_jobs(found), none="No room has a job."),
    )
    if observers is None:
        return tables
    told = await observers.ask(tuple(sorted({job.room for job in found if job.state == "running"})))
    return Group(
        tables,
        Text(""),
        live.table(SPEAKING_COLUMNS, rows_of_speaking(told), none="No agent tells how it speaks."),
        Text(""),
        live.table(HEARING_COLUMNS, rows_of_hearing(told), none="No agent hears anybody."),
    )


def rows_of_workers(workers: tuple[Worker, ...]) -> list[tuple[str, ...]]:
    """One row for each worker."""
    return [
        (
            worker.id,
            worker.agent or "(any)",
            worker.state if worker.connected else "lost",
            f"{worker.load:.0%}",
            f"{worker.jobs} of {worker.max_jobs}",
        )
        for worker in workers
    ]


def rows_of_jobs(found: list[Dispatch]) -> list[tuple[str, ...]]:
    """One row for each job."""
    return [
        (
            job.id,
            job.room,
            job.agent or "(any)",
            job.state,
            job.worker or "",
            str(job.epoch),
            str(job.restarts),
            job.reason or "",
        )
        for job in found
    ]
