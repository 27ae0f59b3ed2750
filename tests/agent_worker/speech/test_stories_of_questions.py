"""The agent asks: "yeah" at the end of its question is an answer, and no sign of listening (I-4)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import Story, at, check, request, stories, voice
from tests.agent_worker.speech.world import Reply

LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)

STORIES = {
    "a backchannel begun in the last instants of a question is its answer": Story(
        given=[request(0.0), at(4.1, ev.QuestionHeard("s.0")), voice(4.6, 5.0)],
        words=["Yeah."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            4.66 open; user speaking from 4.60
            4.76 hold; agent listening
            5.16 user listening from 5.00
            5.50 commit
            5.70 interrupted s; drop s.0; r:s.0/0 ends at 4660; done s interrupted; resume; ask answer1.0
            5.70 agent thinking
            5.80 agent speaking
            6.78 done answer1; agent listening
        """,
    ),
    "no words in that moment are no answer": Story(
        given=[request(0.0), at(4.1, ev.QuestionHeard("s.0")), voice(4.6, 5.0)],
        words=[""],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            4.66 open; user speaking from 4.60
            4.76 hold; agent listening
            5.16 user listening from 5.00
            5.50 commit
            5.70 delete u1; resumed s; resume; agent speaking
            6.04 done s; agent listening
        """,
    ),
    "one word is answer enough to a question, whatever an interruption takes": Story(
        given=[request(0.0), at(4.1, ev.QuestionHeard("s.0")), voice(4.6, 5.0)],
        options=OptionChanges(min_interruption_words=2),
        words=["Tomorrow."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            4.66 open; user speaking from 4.60
            4.76 hold; agent listening
            5.16 user listening from 5.00
            5.50 commit
            5.70 interrupted s; drop s.0; r:s.0/0 ends at 4660; done s interrupted; resume; ask answer1.0
            5.70 agent thinking
            5.80 agent speaking
            6.78 done answer1; agent listening
        """,
    ),
    "the question of an earlier speech does not count": Story(
        given=[request(0.0), request(0.0, "next"), at(0.9, ev.QuestionHeard("s.0")), voice(2.5, 2.9)],
        words=["Yeah."],
        replies=[SHORT, LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 done s; ask next.0; agent thinking
            1.18 agent speaking
            2.56 open; user speaking from 2.50
            2.66 hold; agent listening
            3.06 user listening from 2.90
            3.40 commit
            3.60 delete u1; resumed next; resume; agent speaking
            7.10 done next; agent listening
        """,
    ),
    "a question before a tool is no question behind it": Story(
        given=[request(0.0), at(0.9, ev.QuestionHeard("s.0")), voice(3.5, 3.9)],
        words=["Yeah."],
        replies=[Reply(seconds=1.0, tools=1, tools_take=1.0), LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            1.60 ask s.1
            1.70 agent speaking
            3.56 open; user speaking from 3.50
            3.66 hold; agent listening
            4.06 user listening from 3.90
            4.40 commit
            4.60 delete u1; resumed s; resume; agent speaking
            7.62 done s; agent listening
        """,
    ),
    "asked by nobody who has the floor: nothing": Story(given=[at(1.0, ev.QuestionHeard("s.0"))], then=""),
}


@stories(STORIES)
def test_questions(story: Story):
    check(story)
