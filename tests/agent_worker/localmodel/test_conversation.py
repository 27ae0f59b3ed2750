from base64 import b64decode

import pytest

from agent_worker.audio import MODEL_RATE
from agent_worker.cascade.base import TimedWord
from agent_worker.history.items import Role
from agent_worker.localmodel import conversation as module
from agent_worker.localmodel.conversation import Conversation, heard_words
from agent_worker.localmodel.dialogue import AgentLine, CallLine, OutputLine, Say, SystemLine, UserLine
from agent_worker.localmodel.items import CallItem, Message, OutputItem, Part, PartKind
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import Audio


def typed(item_id: str, text: str = "hello") -> Message:
    return Message(id=item_id, role=Role.USER, parts=(Part(PartKind.INPUT_TEXT, text),))


def reply(item_id: str, text: str) -> Message:
    return Message(id=item_id, role=Role.ASSISTANT, parts=(Part(PartKind.OUTPUT_AUDIO, text),), said=Say(text))


def audio(milliseconds: int) -> bytes:
    return bytes(2 * milliseconds * MODEL_RATE // 1000)


def words(*starts: int) -> tuple[TimedWord, ...]:
    return tuple(TimedWord(text=f"word{number}", start_ms=start) for number, start in enumerate(starts))


def test_items_stand_where_they_were_put() -> None:
    items = Conversation()
    assert items.add(typed("b")) is None
    assert items.add(typed("d")) == "b"
    assert items.add(typed("a"), "root") is None
    assert items.add(typed("c"), "b") == "b"
    assert items.add(typed("e"), "") == "d"
    assert [items.previous_of(each) for each in "abcde"] == [None, "a", "b", "c", "d"]
    items.delete("c")
    assert items.previous_of("d") == "b"
    assert items.find("c") is None


def test_refusals_say_what_is_wrong() -> None:
    items = Conversation()
    items.add(typed("a"))
    with pytest.raises(EventRefusedError, match="an item with id 'a' already exists") as refused:
        items.add(typed("a"))
    assert refused.value.code == "item_create_duplicate_item_id"
    with pytest.raises(EventRefusedError, match="previous item with id 'z' does not exist") as refused:
        items.add(typed("b"), "z")
    assert refused.value.code == "item_create_invalid_previous_item_id"
    with pytest.raises(
        EventRefusedError, match="Error deleting item: the item with id 'z' does not exist"
    ) as refused:
        items.delete("z")
    assert refused.value.code == "item_delete_invalid_item_id"
    with pytest.raises(EventRefusedError, match="Error retrieving item") as refused:
        items.retrieve("z", Audio())
    assert refused.value.code == "item_retrieve_invalid_item_id"
    with pytest.raises(EventRefusedError, match="Error truncating item") as refused:
        items.truncate("z", 0, 1)
    assert refused.value.code == "item_truncate_invalid_item_id"


def test_a_retrieved_item_has_its_audio() -> None:
    items = Conversation()
    items.add(reply("a", "word0"))
    items.sound("a", b"\x01\x00" * 240, words(0))
    (part,) = items.retrieve("a", Audio())["content"]
    assert part["type"] == "output_audio"
    assert b64decode(part["audio"]) == b"\x01\x00" * 240
    items.add(typed("b"))
    assert items.retrieve("b", Audio())["content"] == [{"type": "input_text", "text": "hello"}]


def test_old_audio_is_forgotten_first_but_not_how_long_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORED_SECONDS", 1)
    items = Conversation()
    for item_id in "abc":
        items.add(reply(item_id, "word0"))
        items.sound(item_id, audio(600))
    assert ["audio" in items.retrieve(each, Audio())["content"][0] for each in "abc"] == [False, False, True]
    assert items.milliseconds("a") == 600
    assert items.truncate("a", 0, 500) == 500


def test_a_reply_is_cut_where_it_was_heard() -> None:
    items = Conversation()
    items.add(reply("a", "word0 word1 word2 word3"))
    items.sound("a", audio(2000), words(0, 500, 1000, 1500))
    assert items.truncate("a", 0, 1200) == 1200
    assert items.milliseconds("a") == 1200
    retrieved = items.retrieve("a", Audio())["content"][0]
    assert retrieved["transcript"] is None
    assert len(b64decode(retrieved["audio"])) == len(audio(1200))
    assert [word.text for word in items.words("a")] == ["word0", "word1", "word2"]
    (line,) = items.lines()
    assert isinstance(line, AgentLine)
    assert line.heard == 2
    assert line.unheard == "word2 word3"


def test_there_is_never_more_than_was_sent() -> None:
    items = Conversation()
    items.add(reply("a", "word0"))
    items.sound("a", audio(990), words(0))
    assert items.truncate("a", 0, 1000) == 990
    with pytest.raises(EventRefusedError, match="Audio content of 990ms is already shorter than 9990ms") as refused:
        items.truncate("a", 0, 9990)
    assert refused.value.code == "invalid_value"
    with pytest.raises(EventRefusedError) as refused:
        items.truncate("a", 1, 10)
    assert refused.value.param == "content_index"


def test_only_what_sounded_can_be_truncated() -> None:
    items = Conversation()
    items.add(typed("typed"))
    items.add(Message(id="spoken", role=Role.USER, parts=(Part(PartKind.INPUT_AUDIO),)))
    items.sound("spoken", audio(500))
    items.add(reply("silent", "word0"))
    items.add(CallItem(id="call", call_id="1", name="f", arguments="{}"))
    for item_id in ("typed", "spoken", "silent", "call"):
        with pytest.raises(EventRefusedError, match="Only model output audio messages") as refused:
            items.truncate(item_id, 0, 100)
        assert refused.value.code == "unsupported_content_type"


def test_lines_are_what_was_said() -> None:
    items = Conversation()
    items.add(Message(id="s", role=Role.SYSTEM, parts=(Part(PartKind.INPUT_TEXT, "be kind"),)))
    items.add(typed("a", "what time is it"))
    items.add(CallItem(id="b", call_id="1", name="get_time", arguments="{}"))
    items.add(OutputItem(id="c", call_id="1", output="noon"))
    items.add(Message(id="d", role=Role.ASSISTANT, parts=(Part(PartKind.OUTPUT_TEXT, "It is noon."),)))
    items.add(Message(id="e", role=Role.USER, parts=(Part(PartKind.INPUT_AUDIO),)))
    assert items.lines() == (
        SystemLine("be kind"),
        UserLine("what time is it", typed=True),
        CallLine(call_id="1", name="get_time", arguments="{}"),
        OutputLine(call_id="1", output="noon"),
        AgentLine(said=Say("It is noon.")),
        UserLine("", typed=False),
    )
    assert items.lines(["c", "gone"]) == (OutputLine(call_id="1", output="noon"),)
    text, sound = items.tokens()
    assert text > 0
    assert sound == 0


def test_deleted_items_stay_deleted() -> None:
    items = Conversation()
    items.add(reply("a", "word0"))
    items.delete("a")
    items.sound("a", audio(100), words(0))
    items.put(reply("a", "word0"))
    assert items.find("a") is None
    assert items.milliseconds("a") == 0
    assert items.words("a") == ()


@pytest.mark.parametrize(("end", "count"), [(0, 0), (100, 0), (500, 1), (980, 1), (1000, 2), (1400, 2), (1600, 3)])
def test_words_heard_in_full(end: int, count: int) -> None:
    assert heard_words(list(words(0, 500, 1000)), end) == count


def test_the_pause_behind_a_word_is_not_the_word() -> None:
    spoken = [TimedWord(text="one.", start_ms=0), TimedWord(text="two", start_ms=3000)]
    assert heard_words(spoken, 500) == 1
