"""Every name that docs/realtime.md quotes for those who come from elsewhere is there."""

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pydantic
import pytest

import agent_worker
from agent_worker import Agent, AgentSession
from agent_worker.cascade import base as cascade
from agent_worker.realtime import base, dialects, enduring, openai
from agent_worker.session import events, model_changes
from agent_worker.testing import EnergyVad, LoopbackRoom, ScriptedModel

PAGE = (Path(__file__).parents[2] / "docs/realtime.md").read_text(encoding="utf-8")
HOMES = (agent_worker, base, dialects, enduring, openai, events, model_changes, cascade)
TABLE = PAGE.partition("## What it is called here")[2].partition("\n## ")[0]
NAMES = sorted(set(re.findall(r"`([A-Za-z_]+(?:\.[A-Za-z_]+)?)`", TABLE)))
OF_OTHERS = {"transcription"}
"""Topics of the room."""
FIELDS = {field.name for event in (events.ErrorOccurred, events.UserInputTranscribed) for field in fields(event)}


def found(name: str) -> Any:
    if name == "AgentSession":
        # Some of what it has is made with it.
        return AgentSession(Agent(), door=LoopbackRoom(), model=ScriptedModel(), vad=EnergyVad())
    return next((getattr(home, name) for home in HOMES if hasattr(home, name)), None)


def arguments() -> set[str]:
    takers = (AgentSession, AgentSession.ask, openai.OpenAIRealtimeModel)
    return {name for taker in takers for name in inspect.signature(taker).parameters}


def test_the_table_quotes_what_it_is_about():
    assert {"AgentSession.update_model", "SessionSettings", "EnduringModel", "ErrorPolicy"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_quoted_name_is_there(name: str):
    owner, _, member = name.partition(".")
    home = found(owner)
    if home is None:
        assert name in OF_OTHERS | arguments() | FIELDS
    elif member:
        assert hasattr(home, member) or member in vars(home).get("__annotations__", {})


def test_settings_come_from_a_mapping():
    """Unknown words are no settings, and those that are given are checked."""
    adapter = pydantic.TypeAdapter(base.SessionSettings)
    made = adapter.validate_python(
        {"speed": 1.2, "modality": "text", "turn_detection": "server", "detector": {"eagerness": "low"}}
    )
    assert made == base.SessionSettings(
        speed=1.2,
        modality=base.Modality.TEXT,
        turn_detection=base.TurnDetection.SERVER,
        detector=base.SemanticDetector(eagerness="low"),
    )
    with pytest.raises(pydantic.ValidationError, match="modality"):
        adapter.validate_python({"modality": "smell"})
