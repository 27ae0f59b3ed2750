"""Noises and coughs over the agent's speech: held at once, gone on with after a silence (I-1 to I-3, I-7 to I-12)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import (
    Story,
    at,
    check,
    request,
    script,
    stories,
    voice,
)
from tests.agent_worker.speech.world import Reply

COUGH = voice(3.0, 3.22)
LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)

STORIES = {
    "a cough in mid-word (I-1, I-3, I-7)": Story(
        given=[request(0.0), COUGH],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.22 resumed s; resume; agent speaking
            6.14 done s; agent listening
        """,
    ),
    "a cough while the agent thinks (I-9)": Story(
        given=[request(0.0), voice(0.1, 0.32)],
        replies=[Reply(after=2.0, seconds=1.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.16 open; user speaking from 0.10
            0.26 hold; agent listening
            0.48 user listening from 0.32
            0.82 clear
            1.32 resumed s; resume; agent thinking
            2.00 agent speaking
            2.98 done s; agent listening
        """,
    ),
    "a cough before the first frame: the reply is kept, not lost, not played (I-9)": Story(
        given=[request(0.0), voice(0.1, 0.32)],
        replies=[Reply(after=0.3, seconds=1.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.16 open; user speaking from 0.10
            0.26 hold; agent listening
            0.48 user listening from 0.32
            0.82 clear
            1.32 resumed s; resume; agent thinking; agent speaking
            2.30 done s; agent listening
        """,
    ),
    "a cough in the gap between two items": Story(
        given=[request(0.0), voice(1.5, 1.72)],
        replies=[Reply(seconds=2.0, items=2, made_in=6.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.56 open; user speaking from 1.50
            1.66 hold; agent listening
            1.88 user listening from 1.72
            2.22 clear
            2.72 resumed s; resume; agent speaking
            6.10 done s; agent listening
        """,
    ),
    "a cough while a tool runs": Story(
        given=[request(0.0), voice(2.0, 2.22)],
        replies=[Reply(seconds=1.0, tools=1, tools_take=3.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.38 user listening from 2.22
            2.72 clear
            3.22 resumed s; resume; agent thinking
            3.60 ask s.1
            3.70 agent speaking
            4.68 done s; agent listening
        """,
    ),
    "a tool that answers during the hold is spoken of after it": Story(
        given=[request(0.0), voice(2.0, 2.22)],
        replies=[Reply(seconds=1.0, tools=1, tools_take=2.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.38 user listening from 2.22
            2.72 clear
            3.22 resumed s; resume; ask s.1; agent thinking
            3.32 agent speaking
            4.30 done s; agent listening
        """,
    ),
    "a tool that ends the speech during the hold (T13)": Story(
        given=[request(0.0), voice(2.0, 2.22)],
        replies=[Reply(seconds=1.0, tools=1, tools_take=2.0, spoken=False)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.38 user listening from 2.22
            2.60 done s; ended s; resume
            2.72 clear
        """,
    ),
    "a cough over a protected speech (I-12)": Story(
        given=[request(0.0, interruptible=False), COUGH],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.38 user listening from 3.22
            3.72 clear
            5.08 done s; agent listening
        """,
    ),
    "words over a protected speech are not committed (I-12, against F-58)": Story(
        given=[request(0.0, interruptible=False), voice(3.0, 4.0)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            4.16 user listening from 4.00
            4.50 clear
            5.08 done s; agent listening
        """,
    ),
    "a voice over a protected speech while an interruptible one's tool runs (I-12)": Story(
        given=[request(0.0), request(0.1, "protected", interruptible=False), voice(2.0, 3.0)],
        replies=[Reply(seconds=1.0, tools=1, tools_take=2.0), Reply(seconds=3.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 ask protected.0; agent thinking
            1.18 agent speaking
            2.06 open; user speaking from 2.00
            3.16 user listening from 3.00
            3.50 clear
            4.16 done protected; ask s.1; agent thinking
            4.26 agent speaking
            5.24 done s; agent listening
        """,
    ),
    "a cough while draining": Story(
        given=[request(0.0), at(1.0, ev.DrainRequested()), voice(2.0, 2.22)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.38 user listening from 2.22
            2.72 clear
            3.22 resumed s; resume; agent speaking
            6.14 done s; agent listening; drained
        """,
    ),
    "a cough over a script": Story(
        given=[script(0.0), COUGH],
        replies=[LONG],
        then="""
            0.00 speak s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.22 resumed s; resume; agent speaking
            6.14 done s; agent listening
        """,
    ),
    "a second cough inside the silence (I-8)": Story(
        given=[request(0.0), COUGH, voice(4.0, 4.22)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.06 open; user speaking from 4.00
            4.38 user listening from 4.22
            4.72 clear
            5.22 resumed s; resume; agent speaking
            7.14 done s; agent listening
        """,
    ),
    "a voice 10 ms before the resume timer (I-8)": Story(
        given=[request(0.0), COUGH, voice(4.146, 4.346)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.21 open; user speaking from 4.15
            4.51 user listening from 4.35
            4.85 clear
            5.35 resumed s; resume; agent speaking
            7.28 done s; agent listening
        """,
    ),
    "a voice 10 ms after the resume timer (I-8)": Story(
        given=[request(0.0), COUGH, voice(4.166, 4.366)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.22 resumed s; resume; agent speaking
            4.23 open; user speaking from 4.17
            4.33 hold; agent listening
            4.53 user listening from 4.37
            4.87 clear
            5.37 resumed s; resume; agent speaking
            7.18 done s; agent listening
        """,
    ),
    "a noise of 0.1 s is not even held (1.8.4)": Story(
        given=[request(0.0), voice(3.0, 3.1)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.26 user listening from 3.10
            3.60 clear
            5.08 done s; agent listening
        """,
    ),
    "three pauses in one reply, then a cut at what was heard (I-6, R-2)": Story(
        given=[request(0.0), voice(1.0, 1.22), COUGH, voice(5.0, 5.4), voice(8.0, 8.6)],
        words=["", "Stop it."],
        replies=[Reply(), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.06 open; user speaking from 1.00
            1.16 hold; agent listening
            1.38 user listening from 1.22
            1.72 clear
            2.22 resumed s; resume; agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.22 resumed s; resume; agent speaking
            5.06 open; user speaking from 5.00
            5.16 hold; agent listening
            5.56 user listening from 5.40
            5.90 commit
            6.10 delete u1; resumed s; resume; agent speaking
            8.06 open; user speaking from 8.00
            8.16 hold; agent listening
            8.76 user listening from 8.60
            9.10 commit
            9.30 interrupted s; drop s.0; r:s.0/0 ends at 5020; done s interrupted; resume; ask answer1.0
            9.30 agent thinking
            9.40 agent speaking
            10.38 done answer1; agent listening
        """,
    ),
    "a voice that is shorter than what holds is judged when it is over": Story(
        given=[request(0.0), voice(3.0, 3.4)],
        options=OptionChanges(pause_after=0.45),
        words=["Stop it."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.56 user listening from 3.40
            3.90 hold; commit; agent listening
            4.10 interrupted s; drop s.0; r:s.0/0 ends at 3820; done s interrupted; resume; ask answer1.0
            4.10 agent thinking
            4.20 agent speaking
            5.18 done answer1; agent listening
        """,
    ),
    "a voice that is known to be long enough only when it has ended (no news while it lasts)": Story(
        given=[request(0.0), at(3.1, ev.VoiceStarted(3.0)), at(3.56, ev.VoiceStopped(3.4))],
        words=["Stop it."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.10 open; user speaking from 3.00
            3.56 hold; user listening from 3.40; agent listening
            3.90 commit
            4.10 interrupted s; drop s.0; r:s.0/0 ends at 3460; done s interrupted; resume; ask answer1.0
            4.10 agent thinking
            4.20 agent speaking
            5.18 done answer1; agent listening
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
