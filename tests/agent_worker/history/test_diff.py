"""The differences between two copies of a conversation, applied to one, give the other."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent_worker.history.diff import ROOT, Change, Deletion, Insertion, differences
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role


def message(number: int, text: str = "") -> Message:
    return Message(id=f"m{number}", role=Role.USER, text=text or f"text {number}")


def call(number: int) -> FunctionCall:
    return FunctionCall(id=f"c{number}", call_id=f"call{number}", name="look", arguments="{}")


def output(number: int, text: str = "found") -> FunctionCallOutput:
    return FunctionCallOutput(id=f"o{number}", call_id=f"call{number}", output=text)


def applied(changes: list[Change], items: list[Item]) -> list[Item]:
    """As a strict server does it: what is referred to must be there, and no output may be without its call."""
    copy = list(items)
    for change in changes:
        ids = [item.id for item in copy]
        match change:
            case Deletion(item_id):
                del copy[ids.index(item_id)]
            case Insertion(item=item, after=after):
                assert item.id not in ids
                if isinstance(item, FunctionCallOutput):
                    assert any(isinstance(other, FunctionCall) and other.call_id == item.call_id for other in copy)
                copy.insert(0 if after == ROOT else ids.index(after) + 1, item)
    return copy


@st.composite
def conversations(draw: st.DrawFn) -> list[Item]:
    items: list[Item] = []
    for number in draw(st.permutations(range(6))):
        kind = draw(st.sampled_from(["nothing", "message", "changed", "call", "answered call"]))
        if kind == "message":
            items.append(message(number))
        elif kind == "changed":
            items.append(message(number, "changed"))
        elif kind != "nothing":
            items.append(call(number))
            if kind == "answered call":
                items.append(output(number, draw(st.sampled_from(["found", "lost"]))))
    return items


@given(conversations(), conversations())
def test_the_changes_make_their_copy_ours(theirs: list[Item], ours: list[Item]):
    assert applied(differences(theirs, ours), theirs) == ours


@given(conversations())
def test_equal_copies_need_no_change(items: list[Item]):
    assert differences(items, items) == []


@given(conversations(), st.data())
def test_what_is_fixed_is_neither_taken_out_nor_put_in_again(theirs: list[Item], data: st.DataObject):
    ours = [item for item in theirs if data.draw(st.booleans()) or isinstance(item, FunctionCall)]
    ours = [replace(item, text="cut") if isinstance(item, Message) else item for item in ours]
    fixed = {item.id for item in ours if isinstance(item, Message)}
    changes = differences(theirs, ours, fixed=fixed)
    touched = {change.item_id if isinstance(change, Deletion) else change.item.id for change in changes}
    assert not touched & fixed
    assert [item.id for item in applied(changes, theirs)] == [item.id for item in ours]


@given(conversations(), conversations(), st.data())
def test_around_what_is_fixed_all_else_is_put_in_our_order(theirs: list[Item], ours: list[Item], data: st.DataObject):
    shared = [item for item in theirs if isinstance(item, Message) and item in ours]
    fixed = data.draw(st.sampled_from(shared)).id if shared else ""
    assert applied(differences(theirs, ours, fixed={fixed}), theirs) == ours


def test_a_few_changes_to_a_long_conversation_are_a_few():
    theirs: list[Item] = [message(number) for number in range(500)]
    ours = [*theirs[:250], message(999), *theirs[251:], message(1000)]
    assert differences(theirs, ours) == [
        Deletion("m250"),
        Insertion(item=message(999), after="m249"),
        Insertion(item=message(1000), after="m499"),
    ]


def test_a_message_that_was_cut_is_put_in_again_under_its_id():
    theirs: list[Item] = [message(1), message(2, "all of it"), message(3)]
    ours: list[Item] = [message(1), message(2, "all"), message(3)]
    assert differences(theirs, ours) == [Deletion("m2"), Insertion(item=message(2, "all"), after="m1")]


def test_an_output_goes_and_comes_with_its_call():
    theirs: list[Item] = [call(1), output(1)]
    ours: list[Item] = [replace(call(1), arguments='{"a": 1}'), output(1)]
    assert applied(differences(theirs, ours), theirs) == ours
