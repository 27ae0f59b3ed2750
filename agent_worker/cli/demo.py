"""`agent-worker demo`: the signaling server, the local model and a worker at once, for a person to speak with."""

import asyncio
import contextlib
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

import agent_worker
from agent_worker.cli.checks import Finding, Verdict, check_packages, check_port, check_vad
from agent_worker.cli.companion import CompanionError
from agent_worker.cli.ensemble import Ensemble
from agent_worker.cli.environment import Environment, has_display
from agent_worker.cli.output import clear_errors
from agent_worker.errors import ConfigError

__all__ = ["demo"]

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
            asyncio.run(_Demo(wishes).run(console))
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
    """What is started for a demo, and in which order."""

    def __init__(self, wishes: _Wishes) -> None:
        self._wishes = wishes

    async def run(self, console: Console) -> None:
        """Run until told to stop.

        Raises:
            CompanionError: One of the programs ended, or was never ready.
        """
        await Ensemble(console).run(self._live)

    async def _live(self, ensemble: Ensemble) -> None:
        wishes = self._wishes
        model = None
        if wishes.model_port is not None:
            model = ensemble.start(
                "local model", "-m", "agent_worker", "local-model", "--port", str(wishes.model_port)
            )
        signaling = ensemble.start("signaling", "-m", "signaling", "--dev", "--port", str(wishes.port))
        page = await ensemble.wait_for(signaling)
        model_url = wishes.model if model is None else await ensemble.wait_for(model)
        # Whoever tries it wants an agent, however busy the machine is.
        options = ["--signaling", page, "--drain-timeout", "0", "--load-limit", "1"]
        options += ["--model", model_url] if model_url else []
        await ensemble.wait_for(ensemble.start("worker", "-m", "agent_worker", "start", wishes.agent, *options))
        ensemble.say(f"Ready. Open {page} and speak. Ctrl-C ends everything.", style="bold green")
        if wishes.browser:
            with contextlib.suppress(webbrowser.Error):
                await asyncio.to_thread(webbrowser.open, page)
