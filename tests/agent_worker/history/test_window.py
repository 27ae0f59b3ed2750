"""What of a long history is told anew: its newest part, whole entries, no answer without its call, and a notice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.errors import ConfigError
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image, Item, Message, Role
from agent_worker.history.window import IMAGE_CHARACTERS, NOTICE_ID, Window

ITEMS: list[Item] = [
    Message(id="m1", role=Role.USER, text="a" * 10),
    FunctionCall(id="f1", call_id="c1", name="n" * 3, arguments="{}"),
    Message(id="m2", role=Role.USER, text="b" * 10),
    FunctionCallOutput(id="o1", call_id="c1", output="o" * 5),
    Message(id="m3", role=Role.ASSISTANT, text="c" * 10),
]


@pytest.mark.parametrize(
    ("window", "kept"),
    [
        (Window(), ["m1", "f1", "m2", "o1", "m3"]),
        (Window(items=5), ["m1", "f1", "m2", "o1", "m3"]),
        (Window(items=4), ["f1", "m2", "o1", "m3"]),
        # The answer stands within the window, and its call does not.
        (Window(items=3), ["m2", "m3"]),
        (Window(items=1), ["m3"]),
        (Window(characters=40), ["m1", "f1", "m2", "o1", "m3"]),
        (Window(characters=39), ["f1", "m2", "o1", "m3"]),
        (Window(characters=29), ["m2", "m3"]),
        (Window(characters=1), ["m3"]),
    ],
)
def test_the_newest_part(window: Window, kept: list[str]) -> None:
    earlier = window.earlier(ITEMS)
    if earlier is None:
        assert len(kept) == len(ITEMS)
        return
    notice, *rest = earlier.without(ITEMS)
    assert [item.id for item in rest] == kept
    assert notice.id == NOTICE_ID
    assert isinstance(notice, Message)
    assert (notice.role, str(len(earlier.item_ids)) in notice.text) == (Role.SYSTEM, True)


def test_pictures_are_large() -> None:
    shown = Message(id="p", role=Role.USER, text="", images=(Image(b"\x89PNG"),))
    items = [*ITEMS, shown, ITEMS[0]]
    earlier = Window(characters=IMAGE_CHARACTERS).earlier(items)
    assert earlier is not None
    assert [item.id for item in earlier.without(items)][1:] == []
    assert Window(characters=IMAGE_CHARACTERS + 40 + 10).earlier(items) is None


def test_an_answer_that_comes_when_its_call_is_left_out_is_not_told() -> None:
    earlier = Window(items=2).earlier(ITEMS[:3])
    assert earlier is not None
    assert [item.id for item in earlier.without(ITEMS)] == [NOTICE_ID, "f1", "m2", "o1", "m3"]
    earlier = Window(items=1).earlier(ITEMS[:3])
    assert earlier is not None
    assert [item.id for item in earlier.without(ITEMS)] == [NOTICE_ID, "m2", "m3"]


def test_an_emptied_history_needs_no_notice() -> None:
    earlier = Window(items=1).earlier(ITEMS)
    assert earlier is not None
    assert earlier.without([]) == []


@given(
    kinds=st.lists(st.tuples(st.sampled_from("mfo"), st.integers(0, 30)), max_size=40),
    items=st.integers(1, 45),
    characters=st.integers(1, 400),
)
def test_whatever_the_history_the_window_fits_and_is_whole(kinds: list, items: int, characters: int) -> None:
    history: list[Item] = []
    calls: list[str] = []
    for number, (kind, size) in enumerate(kinds):
        match kind:
            case "f":
                calls.append(f"c{number}")
                history.append(FunctionCall(id=f"{number}", call_id=f"c{number}", name="", arguments="x" * size))
            case "o" if calls:
                history.append(FunctionCallOutput(id=f"{number}", call_id=calls.pop(0), output="x" * size))
            case _:
                history.append(Message(id=f"{number}", role=Role.USER, text="x" * size))
    earlier = Window(items=items, characters=characters).earlier(history)
    if earlier is None:
        assert len(history) <= items
        return
    _, *told = earlier.without(history)
    texts = sum(len(getattr(item, "text", "") + getattr(item, "arguments", "")) for item in told)
    assert len(told) <= items
    assert len(told) <= 1 or texts <= characters
    # Only the beginning is missing, and what answers it.
    asked = {item.call_id for item in told if isinstance(item, FunctionCall)}
    rest = history[len(earlier.item_ids) :]
    assert told == [item for item in rest if not isinstance(item, FunctionCallOutput) or item.call_id in asked]


def test_a_window_of_nothing_is_refused() -> None:
    for wrong in ({"items": 0}, {"characters": 0}):
        with pytest.raises(ConfigError, match="at least one"):
            Window(**wrong)
