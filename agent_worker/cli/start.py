"""`agent-worker start`: one worker, until it is told to stop."""

import asyncio
from typing import Annotated

import typer

from agent_worker.cli.environment import Environment, TelemetryEnvironment, forget_api_secret
from agent_worker.cli.output import LogLevel, clear_errors, log_to_stderr
from agent_worker.media.settings import OpusSettings
from agent_worker.turns.listen import Listen
from agent_worker.worker.address import is_loopback
from agent_worker.worker.limits import ProcessLimits
from agent_worker.worker.program import Addresses, VoiceProgram
from agent_worker.worker.supervisor import Supervisor, WorkerSettings

__all__ = ["start"]


def start(
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
            help="The signaling server, http:// or ws://. Else AGENT_WORKER_SIGNALING_URL, else ws://127.0.0.1:8080.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A server that speaks OpenAI's Realtime protocol. Else AGENT_WORKER_MODEL_URL; else OpenAI, when"
            " OPENAI_API_KEY is set; else the local model at ws://127.0.0.1:8765/v1/realtime.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(help="Take only rooms that ask for an agent of this name; without it, those that ask for any."),
    ] = "",
    max_jobs: Annotated[int, typer.Option(min=1, max=1000, help="How many rooms at once.")] = 8,
    rooms_per_process: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help="How many rooms may share a process. One keeps rooms apart. More cost about half the CPU and a"
            " tenth of the memory each, but what takes a process down then takes all its rooms, and an agent that"
            " blocks its event loop silences all of them.",
        ),
    ] = 1,
    opus_bit_rate: Annotated[
        int, typer.Option(min=6000, max=510_000, help="Bits per second of the agent's voice.")
    ] = 48_000,
    opus_complexity: Annotated[
        int, typer.Option(min=0, max=10, help="How hard the agent's voice is encoded: quality against CPU.")
    ] = 5,
    drain_timeout: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="How long conversations may go on after Ctrl-C or SIGTERM. A second one ends them at once.",
        ),
    ] = 600.0,
    load_limit: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=1.0,
            help="Take no more rooms while the processors or the memory (of the container, where there is one) are in"
            " use by more than this fraction. 1: no matter how busy.",
        ),
    ] = 0.9,
    memory_warn: Annotated[
        int, typer.Option(min=0, metavar="MIB", help="Warn when a process has more memory than this. 0: never.")
    ] = 1000,
    memory_limit: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="MIB",
            help="Kill a process that has more than this; its conversations go on in another. 0: never.",
        ),
    ] = 0,
    init_timeout: Annotated[
        float, typer.Option(min=1.0, metavar="SECONDS", help="How long importing your agent may take.")
    ] = 60.0,
    health_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Answer /healthz, /readyz and /metrics (Prometheus) here. 0: nowhere."),
    ] = 0,
    health_host: Annotated[str, typer.Option(help="The address for --health-port.")] = "127.0.0.1",
    addresses: Annotated[
        Addresses | None,
        typer.Option(
            help="Which of this machine's addresses people may send their voice to: those of its network, its own"
            " (127.0.0.1), or all. By default all when the signaling server is on this machine, else the network's.",
            show_default=False,
        ),
    ] = None,
    listen: Annotated[
        Listen,
        typer.Option(
            help="Whose turns are heard where several people are in a room: the first one's, those of whoever speaks"
            " first, or everybody's. An agent's own options go before this."
        ),
    ] = Listen.LINKED,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log, to standard error.")] = LogLevel.INFO,
) -> None:
    """Run a worker: it takes rooms from the signaling server and runs your agent, each in a process of its own.

    AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET are the signaling server's key (one with --dev needs none);
    AGENT_WORKER_MODEL is the model's name. A .env file is read, too. OpenTelemetry's OTEL_ variables say where spans
    and figures go: nowhere, without them.
    """
    log_to_stderr(log_level)
    with clear_errors():
        environment = Environment()
        forget_api_secret()
        server = signaling or environment.signaling_url
        program = VoiceProgram(
            agent=agent,
            model=environment.realtime_model(model),
            addresses=addresses or ("all" if is_loopback(server) else "network"),
            opus=OpusSettings(bit_rate=opus_bit_rate, complexity=opus_complexity),
            rooms=rooms_per_process,
            telemetry=TelemetryEnvironment().settings,
            listen=listen,
        )
        settings = WorkerSettings(
            signaling=server,
            api_key=environment.api_key,
            api_secret=environment.api_secret.get_secret_value(),
            agent=name,
            max_jobs=max_jobs,
            drain_seconds=drain_timeout,
            load_limit=load_limit,
            limits=ProcessLimits(init_seconds=init_timeout, memory_warn=memory_warn, memory_limit=memory_limit),
            health_host=health_host,
            health_port=health_port,
            rooms_per_process=rooms_per_process,
            log_level=log_level.number,
        )
        asyncio.run(_run(settings, program, f"{agent} is ready on {server}: each room there gets it"))


async def _run(settings: WorkerSettings, program: VoiceProgram, announcement: str) -> None:
    await Supervisor(settings, program).run(ready=lambda: typer.echo(f"the worker with {announcement}"))
