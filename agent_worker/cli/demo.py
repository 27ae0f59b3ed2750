"""`agent-worker demo`: the signaling server, the local model and a worker at once, for a person to speak with."""

import asyncio
import contextlib
import signal
import webbrowser
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

import agent_worker
from agent_worker.cli.checks import Finding, Verdict, check_packages, check_port, check_vad
from agent_worker.cli.companion import Companion, CompanionError
from agent_worker.cli.environment import Environment, has_display
from agent_worker.cli.output import clear_errors
from agent_worker.errors import ConfigError

__all__ = ["demo"]

READY_SECONDS: Final = 90.0
"""For each of the programs; the first start of a machine reads hundreds of megabytes."""
HEALTH_SECONDS: Final = 5.0
DEFAULT_AGENT: Final = "examples/assistant.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wishes:
    """What the command line asks for, checked."""

    agent: str
    port: int
    model_port: int | None
    """None: no local model, but `model`, or what the environment says."""
    model: str | None
    browser: bool


def demo(
    agent: Annotated[
        str, typer.Argument(help="The agent to talk to: a Python file, or module:Class.")
    ] = DEFAULT_AGENT,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = 8080,
    model_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the local model; 0 takes a free one.")
    ] = 8765,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Another realtime model. Else AGENT_WORKER_MODEL_URL; else OpenAI, when OPENAI_API_KEY is set; else"
            " the local model is started.",
            show_default=False,
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Talk to an agent on this machine: start everything, wait until it is ready, and say where the page is.

    Ctrl-C ends all of it.
    """
    console = Console(highlight=False, soft_wrap=True)
    with clear_errors():
        local = model is None and not Environment().has_own_model
        wishes = _Wishes(
            agent=_find(agent),
            port=port,
            model_port=model_port if local else None,
            model=model,
            browser=browser and has_display(),
        )
        _check(wishes)
        try:
            asyncio.run(_Demo(wishes, console).run())
        except CompanionError as error:
            console.print(Text(str(error), style="red"))
            raise typer.Exit(1) from error


def _find(agent: str) -> str:
    """The agent as the worker takes it; the default is found from anywhere."""
    beside = Path(agent_worker.__file__).parent.parent / agent
    return str(beside) if agent == DEFAULT_AGENT and not Path(agent).exists() and beside.exists() else agent


def _check(wishes: _Wishes) -> None:
    """Say what would fail later, while it can be said clearly.

    Raises:
        ConfigError: Something is missing, or a port is taken.
    """
    findings = [check_packages(), check_vad()]
    if wishes.port:
        findings.append(check_port(wishes.port, "page", "--port"))
    if wishes.model_port:
        findings.append(check_port(wishes.model_port, "local model", "--model-port"))
    wrong = [finding for finding in findings if finding.verdict is not Verdict.FINE]
    if wrong:
        raise ConfigError("\n".join(map(_sentence, wrong)))


def _sentence(finding: Finding) -> str:
    advice = finding.advice[:1].upper() + finding.advice[1:]
    return f"{finding.what}: {finding.found}. {advice}"


class _Demo:
    """The programs of a demo, from the first to the last moment."""

    def __init__(self, wishes: _Wishes, console: Console) -> None:
        self._wishes = wishes
        self._console = console
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Run until told to stop.

        Raises:
            CompanionError: One of the programs ended, or was never ready.
        """
        failure: CompanionError | None = None
        with self._obeying_signals():
            try:
                async with asyncio.TaskGroup() as tasks:
                    living = tasks.create_task(self._live(tasks))
                    await self._told.wait()
                    living.cancel()
                    self._console.print("\nStopping ...")
                    raise _ToldError
            except* _ToldError:
                pass
            except* CompanionError as failed:
                failure = _first(failed)
        if failure is not None:
            raise failure

    async def _live(self, tasks: asyncio.TaskGroup) -> None:
        wishes = self._wishes
        start = self._starter(tasks)
        model = None
        if wishes.model_port is not None:
            model = start("local model", "-m", "agent_worker", "local-model", "--port", str(wishes.model_port))
        signaling = start("signaling", "-m", "signaling", "--dev", "--port", str(wishes.port))
        page = await self._wait_for(signaling)
        model_url = wishes.model if model is None else await self._wait_for(model)
        # Whoever tries it wants an agent, however busy the machine is.
        options = ["--signaling", page, "--drain-timeout", "0", "--load-limit", "1"]
        options += ["--model", model_url] if model_url else []
        await self._wait_for(start("worker", "-m", "agent_worker", "start", wishes.agent, *options))
        self._console.print(Text(f"Ready. Open {page} and speak. Ctrl-C ends everything.", style="bold green"))
        if wishes.browser:
            with contextlib.suppress(webbrowser.Error):
                await asyncio.to_thread(webbrowser.open, page)

    def _starter(self, tasks: asyncio.TaskGroup) -> Callable[..., Companion]:
        def start(name: str, *command: str) -> Companion:
            companion = Companion(name, command, lambda line: self._console.print(Text(f"[{name}] {line}")))
            tasks.create_task(companion.run())
            return companion

        return start

    async def _wait_for(self, companion: Companion) -> str:
        with self._console.status(f"Starting {companion.name} ..."):
            address = await companion.wait_ready(READY_SECONDS)
            if companion.name != "worker":
                await _check_health(companion.name, address)
        self._console.print(Text(f"  {companion.name} is ready"))
        return address

    @contextmanager
    def _obeying_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._told.set)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


class _ToldError(Exception):
    """Leaves the task group of a demo that was told to stop."""


async def _check_health(name: str, address: str) -> None:
    """One GET of /healthz.

    Raises:
        CompanionError: It was not answered with 200 in time.
    """
    parts = urlsplit(address)
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                request = f"GET /healthz HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise CompanionError(f"{name} at {address} does not answer: {error or 'no answer in time'}") from error
    if b" 200 " not in status:
        raise CompanionError(f"{name} at {address} is not well: {status.decode(errors='replace').strip()}")


def _first(group: BaseExceptionGroup[CompanionError]) -> CompanionError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CompanionError)
    return error
