"""What the environment says, and what of it goes where."""

import os

import pytest

from agent_worker.cli.environment import Environment, TelemetryEnvironment, forget_api_secret
from agent_worker.realtime.openai import DEFAULT_MODEL, OPENAI_URL
from agent_worker.telemetry.settings import TelemetrySettings
from agent_worker.worker.program import ModelSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET

LOCAL = "ws://127.0.0.1:8765/v1/realtime"
OTHER = "wss://models.example.org/v1/realtime"


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    """No variables and no .env file of the developer's own."""
    for name in ("SIGNALING_URL", "MODEL_URL", "MODEL", "MODEL_DIALECT", "API_KEY", "API_SECRET"):
        monkeypatch.delenv(f"AGENT_WORKER_{name}", raising=False)
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "OTEL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("variables", "flag", "chosen"),
    [
        ({}, None, ModelSettings(url=LOCAL, dialect="local")),
        ({"OPENAI_API_KEY": ""}, None, ModelSettings(url=LOCAL, dialect="local")),
        ({"OPENAI_API_KEY": "sk"}, None, ModelSettings(url=OPENAI_URL, model=DEFAULT_MODEL, api_key="sk")),
        (
            {"OPENAI_API_KEY": "sk", "AGENT_WORKER_MODEL": "gpt-x"},
            None,
            ModelSettings(url=OPENAI_URL, model="gpt-x", api_key="sk"),
        ),
        ({"AGENT_WORKER_MODEL_URL": OTHER}, None, ModelSettings(url=OTHER)),
        (
            {"AGENT_WORKER_MODEL_URL": OTHER, "OPENAI_API_KEY": "sk", "AGENT_WORKER_MODEL": "m"},
            None,
            ModelSettings(url=OTHER, model="m", api_key="sk"),
        ),
        (
            {"AGENT_WORKER_MODEL_URL": OTHER, "AGENT_WORKER_MODEL_DIALECT": "azure"},
            None,
            ModelSettings(url=OTHER, dialect="azure"),
        ),
        ({"AGENT_WORKER_MODEL_URL": OTHER}, LOCAL, ModelSettings(url=LOCAL)),
        # A key is never sent to a server on this machine.
        ({"OPENAI_API_KEY": "sk"}, "ws://localhost:9/v1/realtime", ModelSettings(url="ws://localhost:9/v1/realtime")),
    ],
)
def test_which_model_is_chosen(monkeypatch, variables, flag, chosen):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Environment().realtime_model(flag) == chosen


def test_without_anything_it_is_this_machine_and_the_development_key():
    environment = Environment()
    assert environment.signaling_url == "ws://127.0.0.1:8080"
    assert (environment.api_key, environment.api_secret.get_secret_value()) == (DEV_API_KEY, DEV_API_SECRET)


def test_a_file_is_read_and_variables_go_first(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text(
        "AGENT_WORKER_API_KEY=filed\nAGENT_WORKER_MODEL=filed\nOPENAI_API_KEY=sk\nOTHER=1\n"
    )
    monkeypatch.setenv("AGENT_WORKER_MODEL", "said")
    environment = Environment()
    assert (environment.api_key, environment.model) == ("filed", "said")
    assert environment.has_own_model


def test_secrets_are_in_no_repr(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("AGENT_WORKER_API_SECRET", "worker-secret")
    environment = Environment()
    for shown in (repr(environment), repr(environment.realtime_model())):
        assert "secret'" not in shown.replace("SecretStr", "")
        assert "sk-secret" not in shown
        assert "worker-secret" not in shown


def test_rooms_do_not_inherit_the_api_secret(monkeypatch):
    import os

    monkeypatch.setenv("AGENT_WORKER_API_SECRET", "worker-secret")
    forget_api_secret()
    assert "AGENT_WORKER_API_SECRET" not in os.environ


HTTP = ("otlp_proto_http",)


@pytest.mark.parametrize(
    ("variables", "settings"),
    [
        ({}, TelemetrySettings()),
        ({"TRACES_EXPORTER": "none", "METRICS_EXPORTER": ""}, TelemetrySettings()),
        ({"TRACES_EXPORTER": "console"}, TelemetrySettings(traces=("console",))),
        ({"METRICS_EXPORTER": "otlp, console"}, TelemetrySettings(metrics=(*HTTP, "console"))),
        ({"EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, TelemetrySettings(traces=HTTP, metrics=HTTP)),
        (
            {"EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "METRICS_EXPORTER": "none"},
            TelemetrySettings(traces=HTTP),
        ),
        ({"EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, TelemetrySettings(traces=HTTP)),
        ({"EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1/v1/metrics"}, TelemetrySettings(metrics=HTTP)),
        (
            {"TRACES_EXPORTER": "otlp", "METRICS_EXPORTER": "otlp", "EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
            TelemetrySettings(traces=("otlp_proto_grpc",), metrics=HTTP),
        ),
        ({"EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "SDK_DISABLED": "true"}, TelemetrySettings()),
        (
            {"TRACES_EXPORTER": "console", "INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "True"},
            TelemetrySettings(traces=("console",), record_content=True),
        ),
        (
            {"TRACES_EXPORTER": "console", "INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "no_content"},
            TelemetrySettings(traces=("console",)),
        ),
    ],
)
def test_telemetry_goes_where_the_standard_variables_say(monkeypatch, variables, settings):
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_{name}", value)
    assert TelemetryEnvironment().settings == settings
