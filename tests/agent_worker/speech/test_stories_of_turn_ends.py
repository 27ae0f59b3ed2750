"""When a user's turn is over: by silence, by a judge's word, by the application's (T-2, T-4)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import (
    Story,
    at,
    changed,
    check,
    request,
    stories,
    voice,
)
from tests.agent_worker.speech.world import Fact, Reply

LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)


def commit_turn(time: float) -> list[Fact]:
    return at(time, ev.TurnCommitRequested(time))


def clear_turn(time: float) -> list[Fact]:
    return at(time, ev.TurnDropped())


STORIES = {
    "the last words before the end are committed, not answered (oracle T21, L-2)": Story(
        given=[
            voice(0.05, 0.6),
            at(0.3, ev.InterruptRequested(force=True)),
            at(0.6, ev.DrainRequested()),
            at(0.6, ev.TurnCommitRequested(0.6)),
        ],
        then="""
            0.11 open; user speaking from 0.05
            0.60 drained; commit; user listening from 0.60
        """,
    ),
    "a turn that is too long is reported, once (oracle T22)": Story(
        given=[voice(0.5, 3.5), voice(6.0, 6.5)],
        options=OptionChanges(user_turn_limit=1.0),
        replies=[SHORT, SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.50 exceeded
            3.66 user listening from 3.50
            4.00 commit; ask answer1.0; agent thinking
            4.10 agent speaking
            5.08 done answer1; agent listening
            6.06 open; user speaking from 6.00
            6.66 user listening from 6.50
            7.00 commit; ask answer2.0; agent thinking
            7.10 agent speaking
            8.08 done answer2; agent listening
        """,
    ),
    "a turn that is too long while draining is not reported (oracle T22)": Story(
        given=[request(0.0), at(0.2, ev.DrainRequested()), voice(0.5, 3.5)],
        options=OptionChanges(user_turn_limit=1.0),
        replies=[Reply(seconds=1.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            0.56 open; user speaking from 0.50
            0.66 hold; agent listening
            3.66 user listening from 3.50
            4.00 commit; interrupted s; drop s.0; r:s.0/0 ends at 580; done s interrupted; resume; drained
        """,
    ),
    "a longer delay, as one agent wants it (oracle T23)": Story(
        given=[changed(0.1, min_endpointing_delay=1.0), voice(0.5, 1.5)],
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.66 user listening from 1.50
            2.50 commit; ask answer1.0; agent thinking
            2.60 agent speaking
            3.58 done answer1; agent listening
        """,
    ),
    "a sentence that is judged unfinished gets more time (T-2)": Story(
        given=[voice(0.5, 1.5), at(1.8, ev.TurnJudged(0.2))],
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.66 user listening from 1.50
            4.50 commit; ask answer1.0; agent thinking
            4.60 agent speaking
            5.58 done answer1; agent listening
        """,
    ),
    "a sentence that is judged finished after all (T-2)": Story(
        given=[voice(0.5, 1.5), at(1.8, ev.TurnJudged(0.2)), at(2.3, ev.TurnJudged(0.9))],
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.66 user listening from 1.50
            2.30 commit; ask answer1.0; agent thinking
            2.40 agent speaking
            3.38 done answer1; agent listening
        """,
    ),
    "a judgement counts for its own pause (T-2)": Story(
        given=[voice(0.5, 1.5), at(1.8, ev.TurnJudged(0.2)), voice(2.5, 3.0)],
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.66 user listening from 1.50
            2.56 user speaking from 2.50
            3.16 user listening from 3.00
            3.50 commit; ask answer1.0; agent thinking
            3.60 agent speaking
            4.58 done answer1; agent listening
        """,
    ),
    "a judgement that comes too late changes nothing (T-2)": Story(
        given=[voice(0.5, 1.5), at(1.0, ev.TurnJudged(0.2)), at(2.1, ev.TurnJudged(0.2))],
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.66 user listening from 1.50
            2.00 commit; ask answer1.0; agent thinking
            2.10 agent speaking
            3.08 done answer1; agent listening
        """,
    ),
    "commit_turn() in mid-word: the rest of the voice is a turn of its own": Story(
        given=[voice(0.5, 2.5), commit_turn(1.5)],
        words=["Tell me", "a story."],
        replies=[Reply(seconds=3.0), SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.50 commit; ask answer1.0; user listening from 1.50; agent thinking
            1.52 open; user speaking from 1.52
            1.60 agent speaking
            1.68 hold; agent listening
            2.66 user listening from 2.50
            3.00 commit
            3.20 interrupted answer1; drop answer1.0; r:answer1.0/0 ends at 100; done answer1 interrupted
            3.20 resume; ask answer2.0; agent thinking
            3.30 agent speaking
            4.28 done answer2; agent listening
        """,
    ),
    "clear_turn() in mid-word": Story(
        given=[voice(0.5, 2.5), clear_turn(2.4)],
        then="""
            0.56 open; user speaking from 0.50
            2.40 clear; user listening from 2.40
            2.42 open; user speaking from 2.42
            2.66 user listening from 2.50
            3.00 clear
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
