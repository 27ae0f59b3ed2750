"""What servers that speak OpenAI's Realtime protocol do differently: one value for each kind of server. Pure.

Only what is sent differs by it: what is read, the codec takes under the names of GA and of the beta protocol alike.
To support a further server is to describe it here. One is chosen by `OpenAIRealtimeModel(dialect=...)`, or by its
name in AGENT_WORKER_MODEL_DIALECT.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from agent_worker.errors import ConfigError
from agent_worker.realtime.capabilities import Capabilities


class SessionShape(StrEnum):
    """How the settings of a session are laid out."""

    NESTED = "nested"
    """session.audio.input.turn_detection and so on (GA)."""
    FLAT = "flat"
    """session.turn_detection and so on, as in the beta protocol."""


_GA_FLAGS: Final = Capabilities(voice_per_response=False)
Pairs = tuple[tuple[str, str], ...]
"""Names and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One kind of server, told apart from the GA protocol of api.openai.com."""

    name: str
    """How it is chosen by a setting."""
    session_shape: SessionShape = SessionShape.NESTED
    agent_text_part: str = "output_text"
    """The type of a content part that holds an agent's words."""
    metadata: bool = True
    """Whether a response repeats the metadata of its request."""
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    headers: Pairs = ()
    """What every connect sends beside the key."""
    model_parameter: str = "model"
    """What the model's name is called in the address's query."""
    names_model: bool = False
    """Whether the server takes nobody who names no model."""
    query: Pairs = ()
    """What the address's query says, if it does not say it by itself."""
    capabilities: Capabilities = field(default=_GA_FLAGS)


GA: Final = Dialect(name="ga")
"""OpenAI itself, and whoever follows the protocol as it is."""

LOCAL: Final = Dialect(name="local", capabilities=Capabilities())
"""The local model: a reply speaks in the voice that its request names."""

AZURE: Final = Dialect(name="azure", key_header="api-key", key_prefix="", names_model=True)
"""Azure OpenAI: wss://<resource>.openai.azure.com/openai/v1/realtime, with the deployment's name as the model."""

BETA: Final = Dialect(
    name="beta",
    session_shape=SessionShape.FLAT,
    agent_text_part="text",
    headers=(("OpenAI-Beta", "realtime=v1"),),
    capabilities=replace(_GA_FLAGS, idle_timeout=False, hosted_tools=False),
)
"""Servers that still speak the protocol of 2024 (Speaches, sglang-omni and others)."""

AZURE_PREVIEW: Final = replace(
    BETA,
    name="azure-preview",
    key_header="api-key",
    key_prefix="",
    headers=(),
    model_parameter="deployment",
    names_model=True,
    query=(("api-version", "2025-04-01-preview"),),
)
"""Azure OpenAI with an api-version: wss://<resource>.openai.azure.com/openai/realtime."""

BETA_16K: Final = replace(
    BETA,
    name="beta-16k",
    headers=(),
    metadata=False,
    capabilities=replace(
        BETA.capabilities,
        input_rate=16_000,
        response_metadata=False,
        image_input=False,
        out_of_band=False,
        retrieve_items=False,
    ),
)
"""Servers of the beta shape that hear 16 kHz and speak 24 kHz (Qwen-Omni)."""

_ALL_DIALECTS: Final = {dialect.name: dialect for dialect in (GA, LOCAL, AZURE, BETA, AZURE_PREVIEW, BETA_16K)}


def dialect_named(name: str) -> Dialect:
    """The dialect that a setting names.

    Raises:
        ConfigError: There is none of this name.

    """
    dialect = _ALL_DIALECTS.get(name)
    if dialect is None:
        raise ConfigError(
            f"There is no dialect {name!r} of the realtime protocol; there are {', '.join(_ALL_DIALECTS)}."
        )
    return dialect
