"""What the supervisor keeps of a conversation is what the session had, however it came there, and within bounds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image, Message, Role
from agent_worker.realtime.settings import (
    LoudnessDetector,
    Modality,
    SemanticDetector,
    SessionSettings,
    StoredPrompt,
    Tracing,
)
from agent_worker.speech.options import SpeechOptions
from agent_worker.worker.checkpoint import (
    MAX_ITEM,
    MAX_TOTAL,
    UNKNOWN_OUTCOME,
    Character,
    Checkpoint,
    Recorder,
    kept,
    to_go_on_with,
)
from agent_worker.worker.checkpoint_store import KEEP_SECONDS, MAX_BROKEN, CheckpointStore
from agent_worker.worker.ipc import Told, decode_for_supervisor, encode


def message(number, text="hello", role=Role.USER):
    return Message(id=f"m{number}", role=role, text=text)


def call(number, arguments="{}"):
    return FunctionCall(id=f"c{number}", call_id=f"call{number}", name="look", arguments=arguments)


def output(number, text="found"):
    return FunctionCallOutput(id=f"o{number}", call_id=f"call{number}", output=text)


@st.composite
def conversations(draw):
    """Items in any order, none twice, each output behind its call."""
    items = []
    for number in draw(st.permutations(range(6))):
        kind = draw(st.sampled_from(["nothing", "message", "long", "odd", "call", "answered"]))
        match kind:
            case "message":
                items.append(message(number, draw(st.text(max_size=5))))
            case "long":
                items.append(message(number, "x" * (MAX_ITEM + draw(st.integers(-1, 1)))))
            case "odd":
                items.append(message(number, "\ud83d\x00é"))
            case "call" | "answered":
                items.append(call(number))
                if kind == "answered":
                    items.append(output(number, draw(st.text(max_size=5))))
            case _:
                pass
    return items


characters = st.builds(
    Character,
    agent=st.sampled_from(["app:Waiter", "app:Cook"]),
    options=st.builds(SpeechOptions, pause_after=st.sampled_from([0.1, 0.2])),
    model=st.builds(
        SessionSettings,
        speed=st.sampled_from([None, 1.2]),
        modality=st.sampled_from(Modality),
        detector=st.sampled_from(
            [
                LoudnessDetector(),
                LoudnessDetector(threshold=0.4),
                SemanticDetector(),
                SemanticDetector(eagerness="low"),
            ]
        ),
        truncation=st.sampled_from([None, "auto", 0.5]),
        tracing=st.sampled_from([None, "auto", Tracing(group_id="g")]),
        prompt=st.sampled_from([None, StoredPrompt(id="p", variables={"a": "b"})]),
        hosted_tools=st.sampled_from([(), ({"type": "mcp", "server_label": "x"},)]),
    ),
)


@given(st.lists(st.tuples(conversations(), characters), min_size=1, max_size=5))
def test_changes_over_the_pipe_make_the_same_conversation(steps):
    recorder, theirs = Recorder(Checkpoint()), Checkpoint()
    for items, character in steps:
        for change in recorder.changes(items, character):
            told = decode_for_supervisor(encode(Told(job="J", what=change)))
            theirs = theirs.after(told.what)
        recorder.confirm()
        assert theirs == Checkpoint(items=kept(items), character=character)
        assert recorder.changes(items, character) == []


def test_what_was_not_sent_is_sent_the_next_time():
    recorder = Recorder(Checkpoint())
    first = recorder.changes([message(1)], Character())
    assert recorder.changes([message(1)], Character()) == first != []


def test_the_end_of_a_long_conversation_is_kept():
    items = [message(number, "x" * MAX_ITEM) for number in range(40)]
    assert kept(items) == tuple(items[-(MAX_TOTAL // MAX_ITEM) :])


def test_an_output_whose_call_is_too_old_goes_with_it():
    filler = [message(number, "x" * MAX_ITEM) for number in range(12)]
    items = [call(1, "y" * 9000), output(1), *filler]
    assert kept(items) == tuple(filler)


def test_pictures_stay_behind_and_long_arguments_are_no_half_json():
    picture = replace(message(1), images=(Image(b"\xff\xd8"),))
    assert kept([picture, call(2, "x" * (MAX_ITEM + 1))]) == (message(1), call(2))


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([message(1, "")], []),
        ([call(1), output(1)], [call(1), output(1)]),
        (
            [call(1), message(2)],
            [
                call(1),
                FunctionCallOutput(id="c1_lost", call_id="call1", output=UNKNOWN_OUTCOME, is_error=True),
                message(2),
            ],
        ),
    ],
)
def test_a_new_model_is_told_of_nothing_half(items, told):
    assert to_go_on_with(items) == tuple(told)


# The store. ------------------------------------------------------------------------------------------------------


def change(number):
    (made,) = Recorder(Checkpoint()).changes([message(number)], Character())
    return made


def test_a_job_that_broke_goes_on_where_it_was_and_one_that_ended_well_is_forgotten():
    store = CheckpointStore()
    store.change("J_1", change(1))
    store.change("J_2", change(2))
    store.end("J_1", broken=True, now=0.0)
    store.end("J_2", broken=False, now=0.0)
    assert store.resume("J_1") == Checkpoint(items=(message(1),))
    assert store.resume("J_2") is None
    assert len(store) == 1


def test_what_nobody_comes_back_for_is_forgotten():
    store = CheckpointStore()
    store.change("J_1", change(1))
    store.end("J_1", broken=True, now=0.0)
    store.end("J_9", broken=True, now=KEEP_SECONDS)
    assert len(store) == 0


def test_a_job_that_is_running_again_is_not_forgotten():
    store = CheckpointStore()
    store.change("J_1", change(1))
    store.end("J_1", broken=True, now=0.0)
    store.resume("J_1")
    store.end("J_9", broken=True, now=2 * KEEP_SECONDS)
    assert store.resume("J_1") is not None


def test_the_store_is_bounded():
    store = CheckpointStore()
    for number in range(MAX_BROKEN + 5):
        store.change(f"J_{number}", change(number))
        store.end(f"J_{number}", broken=True, now=0.0)
    assert len(store) == MAX_BROKEN
    assert store.resume("J_0") is None


def test_one_in_whose_room_nothing_was_said_begins_anew():
    store = CheckpointStore()
    store.change("J_1", Character(agent="app:Waiter"))
    assert store.resume("J_1") is None
    assert len(store) == 0
