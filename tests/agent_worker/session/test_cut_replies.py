from agent_worker.media.ledger import Part, Progress
from agent_worker.realtime.base import DeleteItem, TruncateItem
from agent_worker.session.cut_replies import CutReplies

RATE = 24_000
A, B = Part("a", 0), Part("b", 0)


def made(*pieces: tuple[Part, int]) -> CutReplies:
    replies = CutReplies()
    for part, samples in pieces:
        replies.item_started("r", part.item_id)
        replies.audio_arrived("r", part, samples)
    return replies


def test_a_reply_that_was_not_cut_needs_no_word():
    assert made((A, 480)).ended("r", RATE) == []


def test_what_was_told_at_the_cut_is_not_told_again():
    """R-2."""
    replies = made((A, 4800))
    replies.cut("r")
    replies.settled([(A, Progress(received=4800, played=2400))])
    assert replies.is_cut("r")
    assert replies.ended("r", RATE) == []
    assert not replies.is_cut("r")


def test_audio_that_comes_after_all_was_heard_is_taken_back():
    replies = made((A, 4800))
    replies.cut("r")
    replies.settled([(A, Progress(received=4800, played=4800))])
    replies.audio_arrived("r", A, 2400)
    assert replies.ended("r", RATE) == [TruncateItem(item_id="a", content_index=0, audio_end_ms=200)]


def test_an_item_that_begins_after_the_cut_is_deleted():
    """R-1, R-4: with sound, and without."""
    replies = made((A, 4800))
    replies.cut("r")
    replies.settled([(A, Progress(received=4800, played=2400))])
    replies.audio_arrived("r", B, 100)
    replies.item_started("r", "c")
    assert replies.ended("r", RATE) == [DeleteItem("b"), DeleteItem("c")]


def test_an_item_of_which_nothing_was_heard_is_deleted_once():
    replies = made((A, 4800))
    replies.cut("r")
    # The model was told of it by the cut.
    replies.settled([(A, Progress(received=4800, played=0))])
    assert replies.ended("r", RATE) == []


def test_a_reply_that_was_cut_before_it_began_leaves_nothing():
    replies = CutReplies()
    replies.cut("r")
    replies.item_started("r", "a")
    replies.audio_arrived("r", A, 480)
    assert replies.ended("r", RATE) == [DeleteItem("a")]
