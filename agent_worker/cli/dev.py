"""`agent-worker dev`: a worker for writing an agent: when its code is saved, conversations go on with the new one."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

from agent_worker.cli import sources
from agent_worker.cli.checks import Verdict, check_packages, check_vad
from agent_worker.cli.companion import Companion, CompanionError
from agent_worker.cli.ensemble import Ensemble, is_well
from agent_worker.cli.environment import LOCAL_MODEL, Environment
from agent_worker.cli.output import ExitCode, clear_errors
from agent_worker.errors import ConfigError
from agent_worker.worker.address import endpoint, is_loopback

__all__ = ["dev"]

CHECK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is wanted.

    Attributes:
        agent: As the worker takes it.
        folders: Those of its code.
        signaling: http:// address of the server.
        model: Address of the model as it was asked for; None: as the environment says.
        local_model: Address of the local model, if that is the one.
    """

    agent: str
    folders: list[Path]
    signaling: str
    model: str | None
    local_model: str | None


def dev(
    agent: Annotated[
        str,
        typer.Argument(
            help="Your agent: a Python file (agent.py, or agent.py:Class) or a module (package.agents:Class).",
            show_default=False,
        ),
    ],
    signaling: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The signaling server. Else AGENT_WORKER_SIGNALING_URL, else ws://127.0.0.1:8080. One on this"
            " machine that is not running is started, with --dev.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The realtime model. Else AGENT_WORKER_MODEL_URL; else OpenAI, when OPENAI_API_KEY is set; else the"
            " local model, which is started if it is not running.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write an agent while you talk to it: a worker that loads your code again whenever you save it.

    The page stays connected, and the room's conversation goes on with the new code. Code that cannot be loaded is
    said and the old one stays. Ctrl-C ends the worker and whatever was started with it.
    """
    console = Console(highlight=False, soft_wrap=True)
    with clear_errors():
        environment = Environment()
        server = endpoint(signaling or environment.signaling_url, "").replace("ws", "http", 1)
        local = model is None and not environment.has_own_model
        for finding in (check_packages(), check_vad()):
            if finding.verdict is not Verdict.FINE:
                raise ConfigError(f"{finding.what}: {finding.found}. {finding.advice}")
        plan = _Plan(
            agent=agent,
            folders=sources.folders_of(agent),
            signaling=server,
            model=model,
            local_model=LOCAL_MODEL if local else None,
        )
        try:
            asyncio.run(Ensemble(console).run(_Development(plan).live))
        except CompanionError as error:
            console.print(Text(str(error), style="red"))
            raise typer.Exit(ExitCode.FAILED) from error


class _Development:
    """What is started, and what a change of the code leads to."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan

    async def live(self, ensemble: Ensemble) -> None:
        """Start what is missing, then follow the code for ever."""
        changes = sources.Changes(self._plan.folders)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(changes.run())
            await self._follow(ensemble, changes)

    async def _follow(self, ensemble: Ensemble, changes: sources.Changes) -> None:
        plan = self._plan
        page = await _there_or_started(
            ensemble,
            "signaling",
            plan.signaling,
            ("-m", "signaling", "--dev", "--port", str(urlsplit(plan.signaling).port or 8080)),
        )
        options = [
            "--signaling",
            page,
            "--drain-timeout",
            "0",
            "--load-limit",
            "1",
            *(["--model", plan.model] if plan.model else []),
        ]
        if plan.local_model is not None:
            port = str(urlsplit(plan.local_model).port)
            command = ("-m", "agent_worker", "local-model", "--port", port)
            options += ["--model", await _there_or_started(ensemble, "local model", plan.local_model, command)]
        worker: Companion | None = None
        why = await _fault(plan.agent)
        while True:
            if why:
                ensemble.say(f"{why}\nWaiting for you to mend it.", style="red")
            elif worker is None:
                worker = ensemble.start("worker", "-m", "agent_worker", "start", plan.agent, *options)
                await ensemble.wait_for(worker)
                folders = len(plan.folders)
                where = f"{plan.folders[0]}{f' and {folders - 1} below it' if folders > 1 else ''}"
                ensemble.say(f"Ready. Open {page} and speak. Watching {where}.", style="bold green")
            else:
                worker.signal(signal.SIGHUP)
                ensemble.say("Loaded: conversations go on with the new code.", style="bold green")
            changed = await changes.next()
            ensemble.say(f"Changed: {', '.join(_short(path) for path in changed)}")
            why = await _fault(plan.agent)


def _short(path: Path) -> str:
    return os.path.relpath(path)


async def _there_or_started(ensemble: Ensemble, name: str, address: str, command: tuple[str, ...]) -> str:
    """The address of a program: of one that runs already, or of one that is started.

    Raises:
        CompanionError: It cannot be started.
    """
    if not is_loopback(address) or await is_well(address):
        # Of one on another machine the worker says whether it answers.
        ensemble.say(f"  {name} is expected at {address}" if not is_loopback(address) else f"  {name} runs already")
        return address
    return await ensemble.wait_for(ensemble.start(name, *command))


async def _fault(agent: str) -> str:
    """What is wrong with the agent's code, "" for nothing; it is loaded in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent_worker.cli.agent_check",
        agent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        return f"{agent} was not loaded within {CHECK_SECONDS:g} s: what does it wait for when it is imported?"
    finally:
        if process.returncode is None:
            process.kill()
    return said.decode(errors="replace").strip() if process.returncode else ""
