"""What of a session fits which step of a script, and what is told where they part."""

import re

import pytest

from agent_worker.history.items import FunctionCallOutput, Message, Role
from agent_worker.realtime.base import (
    AppendAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    RealtimeCommand,
    SessionSettings,
    UpdateSession,
)
from agent_worker.realtime.scripted_steps import (
    Breaks,
    Connects,
    Emits,
    Expects,
    Hears,
    Progress,
    Refuses,
    Replies,
    ScriptError,
    Stalls,
    Step,
    ToolAnswers,
    Types,
    Waits,
    anything,
    call,
    containing,
)

GREET = CreateResponse(request_id="r", instructions="Greet the guest.", tool_choice="none")
OUTPUT = CreateItem(item=FunctionCallOutput(id="o", call_id="c1", output="7 guests"))
TYPED = CreateItem(item=Message(id="m", role=Role.USER, text="Hi"))
SAID = CreateItem(item=Message(id="m", role=Role.ASSISTANT, text="Hi"))


def progress(*steps: Step) -> Progress:
    made = Progress(steps)
    made.called("c1", "count")
    return made


@pytest.mark.parametrize(
    ("step", "command"),
    [
        (Replies(), GREET),
        (Replies("Hi", instructions="Greet the guest.", tool_choice="none"), GREET),
        (Replies("Hi", instructions=containing("GREET")), GREET),
        (Replies("Hi", instructions=re.compile("G.*t")), GREET),
        (Replies("Hi", instructions=lambda text: len(text) == 16), GREET),
        (Refuses("rate_limit"), GREET),
        (Hears("Hi"), CommitAudio()),
        (Types("Hi"), TYPED),
        (ToolAnswers("count"), OUTPUT),
        (ToolAnswers("count", containing("7"), is_error=anything), OUTPUT),
        (Expects(CreateItem), SAID),
        (
            Expects(UpdateSession, settings=SessionSettings(voice="marin")),
            UpdateSession(SessionSettings(voice="marin")),
        ),
    ],
)
def test_a_command_fulfils_a_step(step: Step, command: RealtimeCommand) -> None:
    made = progress(step)
    assert made.receive(command) == step
    assert made.next is None
    made.check()


@pytest.mark.parametrize(
    ("step", "command"),
    [
        (ToolAnswers("count", "8 guests"), OUTPUT),
        (ToolAnswers("count", is_error=True), OUTPUT),
        (ToolAnswers("book"), OUTPUT),
        (ToolAnswers("count"), TYPED),
        (Types("Hi"), SAID),
        (Types("Hello"), TYPED),
        (Expects(DeleteItem, item_id="x"), DeleteItem("y")),
        (Hears("Hi"), AppendAudio(b"")),
        (Replies(), UpdateSession(SessionSettings())),
    ],
)
def test_another_one_passes_and_the_script_waits(step: Step, command: RealtimeCommand) -> None:
    made = progress(step)
    assert made.receive(command) is None
    assert made.next == step


@pytest.mark.parametrize(
    ("step", "command", "says"),
    [
        (Replies(instructions="Be rude."), GREET, "instructions: 'Greet the guest.' is not 'Be rude.'"),
        (Replies(tool_choice="auto"), GREET, "tool_choice: 'none' is not 'auto'"),
        (Replies(), CommitAudio(), "instead came: CommitAudio()"),
        (Hears("Hi"), GREET, "instead came: CreateResponse(request_id='r'"),
        (Connects(), GREET, ">>>>  1. Connects"),
        (Breaks(), CommitAudio(), ">>>>  1. Breaks"),
    ],
)
def test_what_drives_a_conversation_must_come_as_written(step: Step, command: RealtimeCommand, says: str) -> None:
    made = progress(step)
    with pytest.raises(ScriptError, match=re.escape(says)):
        made.receive(command)
    # One word about it is enough: what a session does while it ends changes nothing.
    assert made.receive(CommitAudio()) is None
    with pytest.raises(ScriptError, match=re.escape(says)):
        made.check()


def test_where_they_part_can_be_read():
    made = progress(Hears("Hi"), ToolAnswers("count", "8 guests"), Replies("Eight."))
    made.receive(CommitAudio())
    made.receive(OUTPUT)
    with pytest.raises(ScriptError) as left:
        made.receive(GREET)
    beginnings = [
        "the session did not follow the script",
        "",
        "done  1. Hears('Hi')",
        ">>>>  2. ToolAnswers(name='count', output='8 guests')",
        "          not it: CreateItem(item=FunctionCallOutput(id='o', call_id='c1', output='7 guests', ",
        "          instead came: CreateResponse(request_id='r', instructions='Greet the guest.', tool_choice='none'",
        "      3. Replies('Eight.')",
    ]
    lines = str(left.value).splitlines()
    assert [line[: len(beginning)] for line, beginning in zip(lines, beginnings, strict=True)] == beginnings
    assert lines[4].endswith(": output: '7 guests' is not '8 guests'")


def test_a_script_that_was_not_finished_and_one_that_was_over():
    made = progress(Hears("Hi"), Replies("Hi"))
    made.receive(CommitAudio())
    with pytest.raises(ScriptError, match=r"(?s)>>>>  2\. Replies.*instead came: nothing any more"):
        made.check()
    made = progress()
    with pytest.raises(ScriptError, match=r"(?s)end of the script.*instead came: CommitAudio"):
        made.receive(CommitAudio())


def test_the_model_acts_when_it_is_its_turn():
    steps = (Emits(), Waits(1.0), Hears("Hi"), Stalls(2.0), Breaks())
    made = progress(*steps)
    assert [made.act(), made.act(), made.act()] == [steps[0], steps[1], None]
    made.receive(CommitAudio())
    assert [made.act(), made.act(), made.act()] == [steps[3], steps[4], None]
    made.check()


def test_connections():
    history = [Message(id="a", role=Role.USER, text="Hi"), Message(id="b", role=Role.ASSISTANT, text="Hello")]
    made = progress(Hears("Hi"), Connects(["Hi", "Hello"]), Connects(), Hears("Ho"))
    made.connected([])
    made.receive(CommitAudio())
    made.connected(history)
    made.connected([])
    with pytest.raises(ScriptError, match="instead came: a new connection"):
        made.connected(history)
    made = progress(Connects(["Hello"]))
    with pytest.raises(ScriptError, match=re.escape("history: ['Hi', 'Hello'] is not ['Hello']")):
        made.connected(history)


def test_a_pattern_for_what_is_not_there_is_refused_at_once():
    with pytest.raises(TypeError, match="CommitAudio has no color"):
        Expects(CommitAudio, color="red")
    assert repr(Expects(DeleteItem, item_id=containing("x"))) == "Expects(DeleteItem, item_id=containing('x'))"
    assert call("book", day="Friday", guests=4) == ("book", '{"day": "Friday", "guests": 4}')
