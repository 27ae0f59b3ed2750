"""What a model's capabilities rule out is answered for it, or said in words that it has."""

from dataclasses import replace
from typing import Any

import pytest

from agent_worker.history.items import FunctionCallOutput, Image, Item, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.reach import UNSUPPORTED, Fitted, Reach, beyond, taken_in_place
from agent_worker.tools.spec import ToolSpec

OPENAI = rt.Capabilities()
USER = Message(id="u1", role=Role.USER, text="Look", images=(Image(b"\xff\xd8\xff"),))
OUTPUT = FunctionCallOutput(id="o1", call_id="c1", output="noon")
ASKED = rt.CreateResponse(
    request_id="r1", instructions="Greet.", tools=(), tool_choice="none", modality=rt.Modality.TEXT, voice="ash"
)
PLAIN = rt.CreateResponse(request_id="r1")


def reach(turns: rt.TurnDetection = rt.TurnDetection.NONE, **flags: Any) -> Reach:
    return Reach(replace(OPENAI, **flags), turns=turns)


def create(item: Item, previous: str | None = None) -> rt.CreateItem:
    return rt.CreateItem(item=item, previous_item_id=previous)


COMMANDS = [
    rt.AppendAudio(b"12"),
    rt.CommitAudio(),
    rt.TruncateItem(item_id="a1", content_index=0, audio_end_ms=20),
    rt.DeleteItem("a1"),
    rt.RetrieveItem("a1"),
    rt.CancelResponse("resp"),
    rt.UpdateSession(rt.SessionSettings()),
    create(USER, "root"),
    create(OUTPUT),
    ASKED,
    replace(ASKED, in_conversation=False),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_model_that_can_do_it_is_told(command: rt.RealtimeCommand):
    assert reach().send(command) == Fitted((command,))


@pytest.mark.parametrize(
    ("command", "flag", "event"),
    [
        (COMMANDS[2], "truncate", rt.ItemTruncated(item_id="a1", audio_end_ms=20)),
        (COMMANDS[3], "delete_items", rt.ItemDeleted("a1")),
        (
            COMMANDS[5],
            "cancel_response",
            rt.ResponseEnded(response_id="resp", request_id=None, status=rt.ResponseStatus.CANCELLED),
        ),
    ],
)
def test_what_it_cannot_do_is_answered_as_if_it_had(command: rt.RealtimeCommand, flag: str, event: rt.RealtimeEvent):
    assert reach(**{flag: False}).send(command) == Fitted(events=(event,))


@pytest.mark.parametrize(
    ("command", "flag", "refused"),
    [
        (COMMANDS[4], "retrieve_items", (rt.Refused.RETRIEVE, "a1", None)),
        (COMMANDS[10], "out_of_band", (rt.Refused.RESPONSE, None, "r1")),
        (ASKED, "create_response", (rt.Refused.RESPONSE, None, "r1")),
    ],
)
def test_what_nobody_can_do_for_it_is_refused(command: rt.RealtimeCommand, flag: str, refused: tuple[Any, ...]):
    fitted = reach(**{flag: False}).send(command)
    (error,) = fitted.events
    assert fitted.commands == ()
    assert isinstance(error, rt.ModelError)
    assert (error.refused, error.item_id, error.request_id) == refused
    assert (error.code, error.policy) == (UNSUPPORTED, rt.ErrorPolicy.FAIL_REQUEST)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"response_tools": False}, [replace(ASKED, tools=None, tool_choice=None)]),
        ({"voice_per_response": False}, [replace(ASKED, voice=None)]),
        ({"text_output": False}, [replace(ASKED, modality=None)]),
        (
            {"response_instructions": False},
            [create(Message(id="r1_asked", role=Role.SYSTEM, text="Greet.")), replace(ASKED, instructions=None)],
        ),
        (
            {"response_instructions": False, "history_edits": rt.HistoryEdits.NONE},
            [replace(ASKED, instructions=None)],
        ),
    ],
)
def test_a_request_brings_what_it_may(flags: dict[str, Any], told: list[rt.RealtimeCommand]):
    assert reach(**flags).send(ASKED) == Fitted(tuple(told))


def test_who_writes_at_the_end_alone_writes_there():
    model = reach(history_edits=rt.HistoryEdits.APPEND, delete_items=False)
    assert model.send(create(USER, "root")) == Fitted((create(USER),))
    assert model.send(create(OUTPUT, "c1")) == Fitted((create(OUTPUT),))
    # What takes the place of another item cannot: the model keeps the one that it has, and is not told it twice.
    model.send(rt.DeleteItem("u1"))
    assert model.send(create(USER, "root")) == Fitted(events=(rt.ItemAdded(item_id="u1", previous_item_id="root"),))


def test_who_takes_nothing_still_takes_what_it_asked_for():
    model = reach(history_edits=rt.HistoryEdits.NONE)
    assert model.send(create(USER)) == Fitted(events=(rt.ItemAdded(item_id="u1", previous_item_id=None),))
    assert model.send(create(OUTPUT)) == Fitted((create(OUTPUT),))


def test_who_has_no_eyes_gets_the_words():
    assert reach(image_input=False).send(create(USER)) == Fitted((create(replace(USER, images=())),))


def test_who_answers_tools_by_itself_gets_the_outputs_when_an_answer_is_wanted():
    model = reach(auto_tool_reply=True)
    other = replace(OUTPUT, id="o2")
    assert model.send(create(OUTPUT)) == Fitted(events=(rt.ItemAdded(item_id="o1", previous_item_id=None),))
    assert model.send(create(other)).commands == ()
    assert model.send(PLAIN) == Fitted((create(OUTPUT), create(other)))
    started = rt.ResponseStarted(response_id="a", request_id=None)
    assert model.receive(started) == Fitted(events=(replace(started, request_id="r1"),))
    assert model.receive(started) == Fitted(events=(started,)), "the next one is its own idea"
    assert model.send(PLAIN) == Fitted((PLAIN,))


@pytest.mark.parametrize(
    ("turns", "told"), [(rt.TurnDetection.NONE, ()), (rt.TurnDetection.SERVER, (create(OUTPUT),))]
)
def test_outputs_that_nobody_wanted_to_hear_of_go_with_the_next_turn(
    turns: rt.TurnDetection, told: tuple[rt.RealtimeCommand, ...]
):
    model = reach(auto_tool_reply=True)
    model.send(rt.UpdateSession(rt.SessionSettings(turn_detection=turns)))
    model.send(create(OUTPUT))
    committed = rt.InputCommitted("u2")
    assert model.receive(committed) == Fitted(told, (committed,))


SERVER, HEARS = rt.TurnDetection.SERVER, rt.TurnDetection.SERVER_HEARS


@pytest.mark.parametrize(
    ("settings", "flag", "problem"),
    [
        ({}, "manual_turns", 'turn_detection="server"'),
        ({"turn_detection": SERVER}, "server_turns", '"vad" or "manual"'),
        ({"turn_detection": HEARS}, "voice_events", "server_interrupts"),
        ({"turn_detection": SERVER, "detector": rt.SemanticDetector()}, "semantic_turns", "LoudnessDetector"),
        (
            {"turn_detection": SERVER, "detector": rt.LoudnessDetector(idle_timeout_ms=5000)},
            "idle_timeout",
            "idle_timeout_ms",
        ),
        ({"modality": rt.Modality.TEXT}, "text_output", "Modality.AUDIO"),
        ({"hosted_tools": ({"type": "mcp"},)}, "hosted_tools", "hosted_tools"),
    ],
)
def test_settings_that_a_model_cannot_have_say_what_to_do(settings: dict[str, Any], flag: str, problem: str):
    wanted = rt.SessionSettings(**settings)
    assert beyond(wanted, OPENAI) == ""
    assert problem in beyond(wanted, replace(OPENAI, **{flag: False}))


OLD = rt.SessionSettings(instructions="old", voice="ash", speed=1.0)
NEW = rt.SessionSettings(
    instructions="new", voice="sage", speed=1.2, tools=(ToolSpec(name="t", description="", parameters={}),)
)


@pytest.mark.parametrize(
    ("flags", "has_spoken", "taken"),
    [
        ({}, True, NEW),
        ({"voice_per_response": False}, False, NEW),
        ({"voice_per_response": False}, True, replace(NEW, voice="ash")),
        ({"voice_per_response": False, "change_voice": False}, False, replace(NEW, voice="ash")),
        ({"change_instructions": False}, False, replace(NEW, instructions="old")),
        ({"change_tools": False}, False, replace(NEW, tools=())),
    ],
)
def test_a_running_connection_takes_what_it_can(flags: dict[str, Any], has_spoken: bool, taken: rt.SessionSettings):
    assert taken_in_place(NEW, OLD, replace(OPENAI, **flags), has_spoken=has_spoken) == taken
