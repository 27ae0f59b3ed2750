"""Words over the agent's speech: an interruption, or a sign of listening? (I-2, I-4 to I-6)"""

from agent_worker.speech import events as ev
from tests.agent_worker.speech.story import (
    Story,
    at,
    check,
    request,
    stories,
    voice,
)
from tests.agent_worker.speech.world import NEVER, Reply

COUGH = voice(3.0, 3.22)
LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)

STORIES = {
    "a word 10 ms before the verdict's timer (I-4)": Story(
        given=[request(0.0), voice(3.0, 3.4), at(5.39, ev.TurnTranscribed("u1", "Stop."))],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.39 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            5.39 agent thinking
            5.50 agent speaking
            6.48 done answer1; agent listening
        """,
    ),
    "a word 10 ms after the verdict's timer still counts": Story(
        given=[request(0.0), voice(3.0, 3.4), at(5.41, ev.TurnTranscribed("u1", "Stop."))],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            5.41 interrupted s; drop s.0; r:s.0/0 ends at 3080; done s interrupted; ask answer1.0; agent thinking
            5.52 agent speaking
            6.50 done answer1; agent listening
        """,
    ),
    "a late word while the silence after a cough runs": Story(
        given=[request(0.0), voice(3.0, 3.4), voice(5.6, 5.82), at(6.5, ev.TurnTranscribed("u1", "Stop."))],
        replies=[Reply(), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            5.66 open; user speaking from 5.60
            5.76 hold; agent listening
            5.98 user listening from 5.82
            6.32 clear
            6.50 interrupted s; drop s.0; r:s.0/0 ends at 3420; done s interrupted; resume; ask answer1.0
            6.50 agent thinking
            6.60 agent speaking
            7.58 done answer1; agent listening
        """,
    ),
    "a late word while another voice is heard": Story(
        given=[request(0.0), voice(3.0, 3.4), voice(5.6, 6.6), at(6.2, ev.TurnTranscribed("u1", "Stop."))],
        words=[NEVER, "Right now."],
        replies=[Reply(), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            5.66 open; user speaking from 5.60
            5.76 hold; agent listening
            6.20 interrupted s; drop s.0; r:s.0/0 ends at 3420; done s interrupted; resume; agent thinking
            6.76 user listening from 6.60
            7.10 commit; done answer1 interrupted; ask answer2.0
            7.20 agent speaking
            8.18 done answer2; agent listening
        """,
    ),
    "a late word in the pause after another voice": Story(
        given=[request(0.0), voice(3.0, 3.4), voice(5.6, 5.82), at(6.1, ev.TurnTranscribed("u1", "Stop."))],
        replies=[Reply(), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            5.66 open; user speaking from 5.60
            5.76 hold; agent listening
            5.98 user listening from 5.82
            6.10 interrupted s; drop s.0; r:s.0/0 ends at 3420; done s interrupted; resume; agent thinking
            6.32 clear; ask answer1.0
            6.42 agent speaking
            7.40 done answer1; agent listening
        """,
    ),
    "a late backchannel is deleted": Story(
        given=[request(0.0), voice(3.0, 3.4), at(6.0, ev.TurnTranscribed("u1", "Yeah."))],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            6.00 delete u1
            7.32 done s; agent listening
        """,
    ),
    "a late backchannel in another hold is deleted at its end": Story(
        given=[request(0.0), voice(3.0, 3.4), voice(5.6, 5.82), at(6.1, ev.TurnTranscribed("u1", "Yeah."))],
        replies=[Reply()],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            5.66 open; user speaking from 5.60
            5.76 hold; agent listening
            5.98 user listening from 5.82
            6.32 clear
            6.82 delete u1; resumed s; resume; agent speaking
            13.38 done s; agent listening
        """,
    ),
    "a transcript that never comes: a short voice was nothing": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        replies=[Reply(seconds=12.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            5.40 resumed s; resume; agent speaking
            10.40 delete u1
            14.32 done s; agent listening
        """,
    ),
    "a transcript that never comes: a longer voice was meant": Story(
        given=[request(0.0), voice(3.0, 3.6)],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            5.60 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            5.60 agent thinking
            5.70 agent speaking
            6.68 done answer1; agent listening
        """,
    ),
    "a transcript that could not be made: a short voice was nothing": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        words=[None],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            4.10 delete u1; resumed s; resume; agent speaking
            6.02 done s; agent listening
        """,
    ),
    "a transcript that could not be made: a longer voice was meant": Story(
        given=[request(0.0), voice(3.0, 3.6)],
        words=[None],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.30 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            4.30 agent thinking
            4.40 agent speaking
            5.38 done answer1; agent listening
        """,
    ),
    "a noise of 0.8 s without words (1.8.4)": Story(
        given=[request(0.0), voice(3.0, 3.8)],
        words=[""],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.96 user listening from 3.80
            4.30 commit
            4.50 delete u1; resumed s; resume; agent speaking
            6.42 done s; agent listening
        """,
    ),
    "a backchannel during a story (I-4)": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        words=["Yeah."],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            4.10 delete u1; resumed s; resume; agent speaking
            6.02 done s; agent listening
        """,
    ),
    "a backchannel after a question is an answer": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        words=["Yeah."],
        replies=[Reply(seconds=2.5), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.58 done s; agent listening
            3.06 open; user speaking from 3.00
            3.56 user listening from 3.40
            3.90 commit; ask answer1.0; agent thinking
            4.00 agent speaking
            4.98 done answer1; agent listening
        """,
    ),
    "a backchannel whose speech ends before its words come is an answer": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        words=["Yeah."],
        replies=[Reply(seconds=2.92, tools=1, tools_take=3.4, spoken=False, made_in=0.5), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.00 agent thinking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            4.00 done s; ended s; resume
            4.10 ask answer1.0; agent thinking
            4.20 agent speaking
            5.18 done answer1; agent listening
        """,
    ),
    "words cut a reply that is still made; the next is asked for once it has stopped (I-6, M-2)": Story(
        given=[request(0.0), voice(3.0, 3.6)],
        words=["Stop it."],
        replies=[Reply(made_in=8.0, items=3), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.30 interrupted s; cancel r:s.0; drop s.0; r:s.0/0 ends at 3060; r:s.0/1 was never played
            4.30 done s interrupted; resume; agent thinking
            4.33 ask answer1.0
            4.44 agent speaking
            5.42 done answer1; agent listening
        """,
    ),
    "a long turn needs no words (I-5)": Story(
        given=[request(0.0), voice(3.0, 5.0)],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            5.16 user listening from 5.00
            5.50 commit; interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            5.50 ask answer1.0; agent thinking
            5.60 agent speaking
            6.58 done answer1; agent listening
        """,
    ),
    "two bursts in one turn count together (I-2, I-4)": Story(
        given=[request(0.0), voice(3.0, 3.2), voice(3.5, 3.7)],
        words=["Stop it."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.36 user listening from 3.20
            3.56 user speaking from 3.50
            3.86 user listening from 3.70
            4.20 commit
            4.40 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; ask answer1.0
            4.40 agent thinking
            4.50 agent speaking
            5.48 done answer1; agent listening
        """,
    ),
    "without transcription a short voice is nothing (I-5)": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        transcribes=False,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.56 user listening from 3.40
            3.90 clear
            4.40 resumed s; resume; agent speaking
            6.32 done s; agent listening
        """,
    ),
    "without transcription a longer voice is meant (I-5)": Story(
        given=[request(0.0), voice(3.0, 3.6)],
        transcribes=False,
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit; interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            4.10 ask answer1.0; agent thinking
            4.20 agent speaking
            5.18 done answer1; agent listening
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
