"""`agent-worker local-model`: the embedded realtime model on its own."""

from pathlib import Path
from typing import Annotated

import typer

from agent_worker.cli.output import LogLevel, clear_errors, log_to_stderr, run_until_told

__all__ = ["local_model"]


def local_model(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8765,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Keep everything that is said, as WAV files and events, in this folder.",
            show_default=False,
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Speak TLS alone, with this certificate (PEM).", show_default=False
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="The certificate's private key (PEM).", show_default=False),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log, to standard error.")] = LogLevel.INFO,
) -> None:
    """Serve a small realtime model that needs no key and no network: it hears, answers and speaks on this machine.

    It speaks OpenAI's Realtime protocol at /v1/realtime; `agent-worker doctor` says which speech engines it has.
    """
    log_to_stderr(log_level)
    # Models are loaded here alone.
    from agent_worker.localmodel.server import serve
    from agent_worker.localmodel.tls import TlsFiles

    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together: give both, or none.")
    tls = TlsFiles(cert=tls_cert, key=tls_key) if tls_cert is not None and tls_key is not None else None
    with clear_errors():
        run_until_told(
            serve(
                host=host,
                port=port,
                record=record,
                tls=tls,
                ready=lambda url: typer.echo(f"the local model is ready on {url}"),
            )
        )
