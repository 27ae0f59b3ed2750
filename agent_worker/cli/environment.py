"""The only reader of the environment: variables and a .env file in, settings of the worker and the model out.

What a command's flags say goes first.
"""

import os
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent_worker.cli.tokens import Key
from agent_worker.telemetry.settings import TelemetrySettings
from agent_worker.worker.address import is_loopback
from agent_worker.worker.program import ModelSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET

__all__ = [
    "DEFAULT_SIGNALING",
    "LOCAL_MODEL",
    "Environment",
    "TelemetryEnvironment",
    "forget_api_secret",
    "has_display",
]

DEFAULT_SIGNALING: Final = "ws://127.0.0.1:8080"
LOCAL_MODEL: Final = "ws://127.0.0.1:8765/v1/realtime"


class Environment(BaseSettings):
    """What the environment says. Empty values count as not given."""

    model_config = SettingsConfigDict(
        env_prefix="AGENT_WORKER_",
        env_file=".env",
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    signaling_url: str = DEFAULT_SIGNALING
    model_url: str = ""
    model: str = ""
    model_dialect: str = "ga"
    api_key: str = DEV_API_KEY
    api_secret: SecretStr = SecretStr(DEV_API_SECRET)
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")

    @property
    def key(self) -> Key:
        """The API key that signs our tokens."""
        return Key(self.api_key, self.api_secret.get_secret_value())

    @property
    def has_own_model(self) -> bool:
        """Whether a model other than the local one is chosen."""
        return bool(self.model_url or self.openai_api_key)

    def realtime_model(self, url: str | None = None) -> ModelSettings:
        """The model at `url`, else at AGENT_WORKER_MODEL_URL, else OpenAI's if there is a key, else the local one.

        AGENT_WORKER_MODEL_DIALECT is about the server at an address that is given.
        A key is never sent to a server on this machine: the local model asks for none.
        """
        key = None if self.openai_api_key is None else self.openai_api_key.get_secret_value()
        address = url or self.model_url
        if address:
            return ModelSettings(
                url=address,
                model=self.model,
                api_key=None if is_loopback(address) else key,
                dialect=self.model_dialect,
            )
        if key is None:
            return ModelSettings(url=LOCAL_MODEL, model=self.model, dialect="local")
        from agent_worker.realtime.openai import DEFAULT_MODEL, OPENAI_URL

        return ModelSettings(url=OPENAI_URL, model=self.model or DEFAULT_MODEL, api_key=key)


class TelemetryEnvironment(BaseSettings):
    """OpenTelemetry's own variables. A .env file is not read: the exporters would not see it."""

    model_config = SettingsConfigDict(
        env_prefix="OTEL_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    sdk_disabled: bool = False
    traces_exporter: str = ""
    metrics_exporter: str = ""
    exporter_otlp_endpoint: str = ""
    exporter_otlp_traces_endpoint: str = ""
    exporter_otlp_metrics_endpoint: str = ""
    exporter_otlp_protocol: str = "http/protobuf"
    exporter_otlp_traces_protocol: str = ""
    exporter_otlp_metrics_protocol: str = ""
    instrumentation_genai_capture_message_content: str = ""

    @property
    def settings(self) -> TelemetrySettings:
        """What is to be exported: what is named, else to OTLP if it has an address, else nothing.

        The words of a conversation only for "true", "span_only" or "span_and_event".
        """
        content = self.instrumentation_genai_capture_message_content.lower()
        traces = self.traces_exporter or _otlp(self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint)
        metrics = self.metrics_exporter or _otlp(self.exporter_otlp_metrics_endpoint or self.exporter_otlp_endpoint)
        if self.sdk_disabled:
            return TelemetrySettings()
        return TelemetrySettings(
            traces=_exporters(traces, self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol),
            metrics=_exporters(metrics, self.exporter_otlp_metrics_protocol or self.exporter_otlp_protocol),
            record_content=content in {"true", "span_only", "span_and_event"},
        )


def _otlp(endpoint: str) -> str:
    return "otlp" if endpoint else ""


def _exporters(names: str, protocol: str) -> tuple[str, ...]:
    """The names by which packages offer these exporters: otlp is one for each protocol."""
    otlp = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    given = (name.strip() for name in names.split(","))
    return tuple(otlp if name == "otlp" else name for name in given if name not in {"", "none"})


def forget_api_secret() -> None:
    """Take the API secret out of the environment that rooms' processes inherit: an agent has no use for it."""
    os.environ.pop("AGENT_WORKER_API_SECRET", None)


def has_display() -> bool:
    """Whether a browser could show something here (X11 or Wayland; other systems always have a screen)."""
    return os.name != "posix" or os.uname().sysname == "Darwin" or bool(_display())


def _display() -> str:
    return os.environ.get("WAYLAND_DISPLAY", "") or os.environ.get("DISPLAY", "")
