"""What is sent and read is OpenAI's protocol, as the `openai` package of this very machine describes it."""

import json
from typing import Annotated, Any, get_args

import pytest
from openai.types import realtime as theirs
from pydantic import Field, TypeAdapter

from agent_worker.realtime import base as rt
from agent_worker.realtime.openai_events import REPEATING, read
from agent_worker.realtime.openai_wire import Codec
from tests.agent_worker.realtime.client_samples import COMMANDS
from tests.agent_worker.realtime.server_samples import SAMPLES, framed

SERVER: TypeAdapter[Any] = TypeAdapter(Annotated[theirs.RealtimeServerEvent, Field(discriminator="type")])
CLIENT: TypeAdapter[Any] = TypeAdapter(Annotated[theirs.RealtimeClientEvent, Field(discriminator="type")])


def types_of(union: Any) -> set[str]:
    members = get_args(get_args(union)[0] if hasattr(union, "__metadata__") else union)
    return {get_args(member.model_fields["type"].annotation)[0] for member in members}


@pytest.mark.parametrize("frame", [frame for frame, _ in SAMPLES.values()], ids=SAMPLES.keys())
def test_each_sample_is_an_event_of_the_protocol(frame: dict[str, Any]) -> None:
    SERVER.validate_python(framed(frame), strict=True)


def test_every_server_event_is_known_by_a_sample() -> None:
    told = {frame["type"] for frame, _ in SAMPLES.values()}
    assert told == types_of(theirs.RealtimeServerEvent)
    assert len(told) == 46


def test_no_event_of_the_protocol_is_unknown() -> None:
    for kind in types_of(theirs.RealtimeServerEvent):
        assert not isinstance(read(json.dumps({"type": kind})), rt.UnknownEvent)
    assert types_of(theirs.RealtimeServerEvent) >= REPEATING


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_each_frame_that_is_sent_is_an_event_of_the_protocol(command: rt.RealtimeCommand) -> None:
    for frame in Codec().encode(command):
        CLIENT.validate_json(frame)
        assert unknown_keys(json.loads(frame)) == set()


@pytest.mark.parametrize(
    "settings",
    [command.settings for command in COMMANDS.values() if isinstance(command, rt.UpdateSession)],
)
def test_each_configuration_is_an_event_of_the_protocol(settings: rt.SessionSettings) -> None:
    frame = Codec().configure(settings)
    CLIENT.validate_json(frame)
    assert unknown_keys(json.loads(frame)) == set()


def test_every_client_event_is_sent_by_a_command() -> None:
    sent = {json.loads(frame)["type"] for command in COMMANDS.values() for frame in Codec().encode(command)}
    assert sent == types_of(theirs.RealtimeClientEvent)
    assert len(sent) == 11


def unknown_keys(frame: dict[str, Any]) -> set[str]:
    """Keys that their models do not name: they let them pass, and so do not tell."""
    kept = CLIENT.validate_python(frame)
    return set(_extras(kept, ""))


def _extras(value: Any, path: str) -> list[str]:
    match value:
        case list():
            return [extra for element in value for extra in _extras(element, f"{path}[]")]
        case dict():
            return []
        case _ if hasattr(value, "model_fields_set"):
            extras = [f"{path}.{key}" for key in value.model_extra or {}]
            for key in type(value).model_fields:
                extras += _extras(getattr(value, key), f"{path}.{key}")
            return extras
        case _:
            return []
