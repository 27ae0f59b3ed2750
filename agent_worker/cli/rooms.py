"""`agent-worker rooms`: the open rooms, who is in them, and what their agents do."""

from typing import Annotated

import typer
from rich.console import RenderableType

from agent_worker.cli import live
from agent_worker.cli.environment import Environment
from agent_worker.cli.output import clear_errors, run_until_interrupted
from agent_worker.cli.server_api import Dispatch, Participant, ServerApi, open_api

__all__ = ["rooms"]

COLUMNS = ("Room", "Who", "Kind", "State", "Doing", "Job")
AGENT_STATE = "agent.state"


def rooms(
    signaling: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The signaling server, http:// or ws://. Else AGENT_WORKER_SIGNALING_URL, else ws://127.0.0.1:8080.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the list up to date until Ctrl-C.")] = False,
) -> None:
    """List the open rooms with everybody in them.

    It asks as an administrator, with a token signed by AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET.
    """
    with clear_errors():
        run_until_interrupted(_run(signaling, watching=watch))


async def _run(signaling: str | None, *, watching: bool) -> None:
    environment = Environment()
    async with open_api(signaling or environment.signaling_url, environment.key) as api:

        async def ask() -> RenderableType:
            return await _table(api)

        await (live.watch if watching else live.show)(ask, live.plain_console())


async def _table(api: ServerApi) -> RenderableType:
    rows: list[tuple[str, ...]] = []
    for room in await api.rooms():
        jobs = await api.dispatches(room.name)
        people = await api.participants(room.name)
        rows += rows_of_room(room.name, people, jobs)
    return live.table(COLUMNS, rows, none=f"No room is open at {api.url}.")


def rows_of_room(room: str, people: tuple[Participant, ...], jobs: tuple[Dispatch, ...]) -> list[tuple[str, ...]]:
    """One row for everybody in a room, and one for each agent on its way; the room is named in the first."""
    rows = [_row_of(one) for one in people]
    rows += [
        (f"({job.agent or 'any agent'})", "agent", job.state, job.reason or "", job.id)
        for job in jobs
        if job.state != "running"
    ]
    if not rows:
        return [(room, "(nobody)", "", "", "", "")]
    return [(room if number == 0 else "", *row) for number, row in enumerate(rows)]


def _row_of(one: Participant) -> tuple[str, str, str, str, str]:
    title = f"{one.identity} ({one.name})" if one.name and one.name != one.identity else one.identity
    return title, one.kind, one.state, _doing(one), ""


def _doing(one: Participant) -> str:
    if one.kind == "agent":
        state = one.attributes.get(AGENT_STATE, "")
        return f"{state}, held" if one.attributes.get("agent.held") else state
    if not one.tracks:
        return "no microphone"
    return "muted" if all(track.muted for track in one.tracks) else "microphone on"
