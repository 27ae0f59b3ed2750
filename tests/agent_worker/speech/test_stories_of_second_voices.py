"""Another voice while the words of the first are awaited: the hold stays until all is decided (I-8)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import Story, at, check, request, stories, voice
from tests.agent_worker.speech.world import NEVER, Fact, Reply

LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)
FIRST = voice(3.0, 3.6)
"""Committed as u1 at 4.1."""


def understood(time: float, text: str | None, item_id: str = "u1") -> list[Fact]:
    return at(time, ev.TurnTranscribed(item_id, text))


STORIES = {
    "words while the second voice is heard": Story(
        given=[request(0.0), FIRST, voice(4.3, 5.5), understood(4.8, "Stop it.")],
        words=[NEVER],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.80 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; agent thinking
            5.66 user listening from 5.50
            6.00 commit; done answer1 interrupted; ask answer2.0
            6.10 agent speaking
            7.08 done answer2; agent listening
        """,
    ),
    "no words while the second voice is heard: that voice is now the one in doubt": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(4.45, "")],
        words=[NEVER],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.45 delete u1
            4.66 user listening from 4.50
            5.00 clear
            5.50 resumed s; resume; agent speaking
            7.42 done s; agent listening
        """,
    ),
    "words in the pause after the second voice": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(4.8, "Stop it.")],
        words=[NEVER],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            4.80 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; agent thinking
            5.00 clear; ask answer1.0
            5.10 agent speaking
            6.08 done answer1; agent listening
        """,
    ),
    "no words in the pause after the second voice, which goes on": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(4.8, ""), voice(4.9, 5.1)],
        words=[NEVER, "Stop it."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            4.80 delete u1
            4.96 user speaking from 4.90
            5.26 user listening from 5.10
            5.60 commit
            5.80 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            5.80 agent thinking
            5.90 agent speaking
            6.88 done answer1; agent listening
        """,
    ),
    "no words in the pause after the second voice, which was a cough": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(4.8, "")],
        words=[NEVER],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            4.80 delete u1
            5.00 clear
            5.50 resumed s; resume; agent speaking
            7.42 done s; agent listening
        """,
    ),
    "the second voice was a cough; then words": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(5.3, "Stop it.")],
        words=[NEVER],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            5.00 clear
            5.30 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            5.30 agent thinking
            5.40 agent speaking
            6.38 done answer1; agent listening
        """,
    ),
    "the second voice was a cough; then no words": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(5.3, "Yeah.")],
        words=[NEVER],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            5.00 clear
            5.30 delete u1; resumed s; resume; agent speaking
            7.22 done s; agent listening
        """,
    ),
    "the second voice has words of its own; the first had none": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.7), understood(5.3, "")],
        words=[NEVER, "Stop it."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.86 user listening from 4.70
            5.20 commit
            5.30 delete u1
            5.40 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            5.40 agent thinking
            5.50 agent speaking
            6.48 done answer1; agent listening
        """,
    ),
    "two voices in doubt, and both were nothing": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.7), understood(5.3, "Mm-hm.")],
        words=[NEVER, "Okay."],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.86 user listening from 4.70
            5.20 commit
            5.40 delete u1; delete u2; resumed s; resume; agent speaking
            7.32 done s; agent listening
        """,
    ),
    "the second voice is so long that nobody waits for any words": Story(
        given=[request(0.0), voice(3.0, 3.6), voice(4.2, 5.4), voice(5.6, 6.2)],
        options=OptionChanges(verdict_timeout=4.0),
        words=[NEVER, NEVER],
        replies=[Reply(seconds=6.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.26 open; user speaking from 4.20
            5.56 user listening from 5.40
            5.66 user speaking from 5.60
            6.36 user listening from 6.20
            6.70 commit; interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            6.70 ask answer1.0; agent thinking
            6.80 agent speaking
            7.78 done answer1; agent listening
        """,
    ),
    "the second voice pauses and goes on; words come while it is heard again": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), voice(4.8, 5.2), understood(5.0, "Stop it.")],
        words=[NEVER],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            4.86 user speaking from 4.80
            5.00 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; agent thinking
            5.36 user listening from 5.20
            5.70 commit; done answer1 interrupted; ask answer2.0
            5.80 agent speaking
            6.78 done answer2; agent listening
        """,
    ),
    "the second voice pauses and goes on; no words come while it is heard again": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.4), voice(4.8, 4.9), understood(4.88, "")],
        words=[NEVER],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.56 user listening from 4.40
            4.86 user speaking from 4.80
            4.88 delete u1
            5.06 user listening from 4.90
            5.40 clear
            5.90 resumed s; resume; agent speaking
            7.82 done s; agent listening
        """,
    ),
    "interrupt() while a voice is heard": Story(
        given=[request(0.0), voice(3.0, 3.8), at(3.4, ev.InterruptRequested())],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.40 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            3.96 user listening from 3.80
            4.30 commit; ask answer1.0; agent thinking
            4.40 agent speaking
            5.38 done answer1; agent listening
        """,
    ),
    "interrupt() while a dismissed voice's silence runs": Story(
        given=[request(0.0), voice(3.0, 3.22), at(4.0, ev.InterruptRequested())],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.00 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
        """,
    ),
    "interrupt() while words are awaited: they are an answer": Story(
        given=[request(0.0), FIRST, at(4.2, ev.InterruptRequested()), understood(4.4, "Yeah.")],
        words=[NEVER],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.20 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            4.40 ask answer1.0; agent thinking
            4.50 agent speaking
            5.48 done answer1; agent listening
        """,
    ),
    "a speech that ends while words are awaited and the second voice is heard": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(4.8, "Yeah.")],
        words=[NEVER],
        replies=[Reply(seconds=2.5, tools=1, tools_take=3.8, spoken=False), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.58 agent thinking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.40 done s; ended s; resume
            4.66 user listening from 4.50
            4.80 agent thinking
            5.00 clear; ask answer1.0
            5.10 agent speaking
            6.08 done answer1; agent listening
        """,
    ),
    "a speech that ends while words are awaited, in the pause after the second voice": Story(
        given=[request(0.0), FIRST, voice(4.3, 4.5), understood(5.2, "Yeah.")],
        words=[NEVER],
        replies=[Reply(seconds=2.5, tools=1, tools_take=4.2, spoken=False), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.58 agent thinking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.36 open; user speaking from 4.30
            4.66 user listening from 4.50
            4.80 done s; ended s; resume
            5.00 clear
            5.20 ask answer1.0; agent thinking
            5.30 agent speaking
            6.28 done answer1; agent listening
        """,
    ),
    "a speech that ends while the voice over it is heard": Story(
        given=[request(0.0), voice(3.0, 3.8)],
        replies=[Reply(seconds=2.5, tools=1, tools_take=2.8, spoken=False), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.58 agent thinking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.40 done s; ended s; resume
            3.96 user listening from 3.80
            4.30 commit; ask answer1.0; agent thinking
            4.40 agent speaking
            5.38 done answer1; agent listening
        """,
    ),
    "a speech that ends in the silence after a cough": Story(
        given=[request(0.0), voice(3.0, 3.22)],
        replies=[Reply(seconds=2.5, tools=1, tools_take=3.4, spoken=False)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.58 agent thinking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.00 done s; ended s; resume
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
