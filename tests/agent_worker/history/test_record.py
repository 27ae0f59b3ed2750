from agent_worker.history.items import FunctionCall, Message, Role
from agent_worker.history.record import History


def said(id: str, text: str = "") -> Message:
    return Message(id=id, role=Role.USER, text=text)


def test_words_that_come_late_keep_their_place():
    """R-5."""
    history = History()
    for item in (said("u1"), said("a1", "reply")):
        history.add(item)
    assert history.set_text("u1", "question") == said("u1", "question")
    assert [message.text for message in history.messages()] == ["question", "reply"]


def test_only_messages_have_words():
    history = History()
    history.add(FunctionCall(id="f", call_id="c", name="n", arguments="{}"))
    assert history.set_text("f", "text") is None
    assert history.set_text("unknown", "text") is None
    assert history.messages() == ()


def test_removing():
    history = History()
    history.add(said("u"))
    assert (history.remove("u"), history.remove("u"), len(history)) == (True, False, 0)


def test_what_stands_before_an_item():
    history = History()
    for item in (said("u1"), said("a1")):
        history.add(item)
    assert (history.before("a1"), history.before("u1"), history.before("unknown")) == ("u1", None, None)
