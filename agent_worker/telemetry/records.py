"""What is to be recorded: spans that open and close, moments in them, and figures. Times are loop seconds.

A span is known by a key; `tracks` makes these, `recorder` has OpenTelemetry write them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent_worker.telemetry.names import Figure

__all__ = ["Attributes", "Measured", "MomentNoted", "Record", "SpanClosed", "SpanOpened"]

Attributes = Mapping[str, str | bool | int | float | Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanOpened:
    """Something began at `at`, as a part of `parent`; None: it is the whole. `remote`: it is done by a server."""

    key: str
    parent: str | None
    name: str
    at: float
    attributes: Attributes
    remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentNoted:
    """Something happened in a span."""

    key: str
    name: str
    at: float
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanClosed:
    """Something ended. `failure` says what went wrong with it, or is ""."""

    key: str
    at: float
    attributes: Attributes = field(default_factory=dict[str, str])
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure was found, in its own unit."""

    figure: Figure
    value: float
    attributes: Attributes


Record = SpanOpened | MomentNoted | SpanClosed | Measured
