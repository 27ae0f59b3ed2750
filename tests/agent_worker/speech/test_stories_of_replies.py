"""Tools, models that fail, scripts and draining (S-3, S-7, S-8, U-3, U-5, L-2)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import Story, at, check, request, script, stories, voice
from tests.agent_worker.speech.world import Reply

SHORT, TWO = Reply(seconds=1.0), Reply(seconds=2.0)
QUEUE = [request(0.0, "cur"), request(0.2, "A"), request(0.2, "B", interruptible=False), request(0.2, "C")]

STORIES = {
    # Tools (S-3, U-3, U-5).
    "a tool is spoken of on the same speech (oracle T3)": Story(
        given=[voice(0.5, 2.5)],
        replies=[Reply(seconds=2.0, after=0.5, tools=1, tools_take=0.5), Reply(seconds=3.0, after=0.3)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            5.48 ask answer1.1; agent thinking
            5.78 agent speaking
            8.76 done answer1; agent listening
        """,
    ),
    "a tool without a reply ends in listening (oracle T5)": Story(
        given=[voice(0.5, 2.5)],
        replies=[Reply(seconds=1.0, after=0.5, tools=1, tools_take=8.0, spoken=False)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            4.48 agent thinking
            12.00 done answer1; agent listening
        """,
    ),
    "say() inside a tool: thinking before and after it (3.6)": Story(
        given=[request(0.0), script(2.0, "aside")],
        replies=[Reply(seconds=1.0, tools=1, tools_take=4.0), SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.00 speak aside.0
            2.10 agent speaking
            3.08 done aside; agent thinking
            4.60 ask s.1
            4.70 agent speaking
            5.68 done s; agent listening
        """,
    ),
    "words while a tool runs silence its reply (U-3)": Story(
        given=[request(0.0), voice(2.0, 2.6)],
        words=["Never mind."],
        replies=[Reply(seconds=1.0, tools=1, tools_take=5.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.76 user listening from 2.60
            3.10 commit
            3.30 interrupted s; done s interrupted; resume; ask answer1.0; agent thinking
            3.40 agent speaking
            4.38 done answer1; agent listening
        """,
    ),
    "tools upon tools: the last reply may not call any (U-5, against 1.18.6)": Story(
        given=[request(0.0)],
        options=OptionChanges(max_tool_steps=2),
        replies=[Reply(seconds=0.2, tools=1, tools_take=0.1)] * 2 + [SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            0.60 agent thinking
            0.70 ask s.1
            0.80 agent speaking
            1.30 agent thinking
            1.40 ask s.2 tools none
            1.50 agent speaking
            2.48 done s; agent listening
        """,
    ),
    # The model (S-7, M-2).
    "cut before the model began: it is stopped when it begins (against 1.18.2, 1.18.9)": Story(
        given=[request(0.0), at(0.5, ev.InterruptRequested()), request(0.6, "next")],
        replies=[Reply(after=1.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.50 interrupted s; drop s.0; done s interrupted; agent listening
            0.60 agent thinking
            1.00 cancel r:s.0
            1.03 ask next.0
            1.14 agent speaking
            2.12 done next; agent listening
        """,
    ),
    "cut while it waits: the model is never asked (against 1.18.2)": Story(
        given=[request(0.0), request(0.1, "next"), at(0.5, ev.SpeechInterruptRequested("next"))],
        replies=[SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            0.50 done next interrupted
            1.08 done s; agent listening
        """,
    ),
    "a cut reply that never ends does not block the next for ever (S-7)": Story(
        given=[request(0.0), at(0.5, ev.InterruptRequested()), request(0.6, "next")],
        replies=[Reply(begins=False), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.50 interrupted s; drop s.0; done s interrupted; agent listening
            0.60 agent thinking
            5.50 problem: the model did not answer in time (request s.0); ask next.0
            5.60 agent speaking
            6.58 done next; agent listening
        """,
    ),
    "a model that never begins (S-7)": Story(
        given=[request(0.0), request(0.1, "next")],
        replies=[Reply(begins=False), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            15.00 problem: the model did not answer in time (request s.0)
            15.00 done s: the model did not answer in time; ask next.0
            15.10 agent speaking
            16.08 done next; agent listening
        """,
    ),
    "a model that refuses fails the speech at once (3.6)": Story(
        given=[request(0.0), at(0.5, ev.ReplyEnded(response_id="", request_id="s.0", failure="no quota"))],
        replies=[Reply(begins=False)],
        then="""
            0.00 ask s.0; agent thinking
            0.50 done s: no quota; agent listening
        """,
    ),
    "a reply without sound still ends (against 1.18.5)": Story(
        given=[request(0.0)],
        replies=[Reply(seconds=0.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.60 done s; agent listening
        """,
    ),
    "all items of a reply are heard (against 1.18.8), and a cut tells of each": Story(
        given=[request(0.0), at(2.5, ev.InterruptRequested())],
        replies=[Reply(seconds=4.0, items=4)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.50 interrupted s; drop s.0; r:s.0/2 ends at 400; r:s.0/3 was never played; done s interrupted
            2.50 agent listening
        """,
    ),
    # Scripts (S-8).
    "a script is cut like a reply": Story(
        given=[script(0.0), voice(3.0, 5.0)],
        replies=[Reply(seconds=8.0, made_in=6.0), SHORT],
        then="""
            0.00 speak s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            5.16 user listening from 5.00
            5.50 commit; interrupted s; unspeak s.0; drop s.0; s.0/0 ends at 3060; done s interrupted
            5.50 resume; ask answer1.0; agent thinking
            5.60 agent speaking
            6.58 done answer1; agent listening
        """,
    ),
    "a script that is cut before its first sound; what still comes of it is nothing": Story(
        given=[
            script(0.0),
            at(0.05, ev.InterruptRequested()),
            at(0.1, ev.ReplyStarted(response_id="s.0", request_id="s.0")),
        ],
        then="""
            0.00 speak s.0; agent thinking
            0.05 interrupted s; unspeak s.0; drop s.0; done s interrupted; agent listening
        """,
    ),
    "a script that never begins (S-7)": Story(
        given=[script(0.0)],
        replies=[Reply(begins=False)],
        then="""
            0.00 speak s.0; agent thinking
            15.00 problem: the synthesiser did not answer in time (request s.0); unspeak s.0
            15.00 done s: the synthesiser did not answer in time; agent listening
        """,
    ),
    "a script does not wait for a model that owes an end": Story(
        given=[request(0.0), script(1.0, "bye", interrupts=True), request(1.1, "next")],
        replies=[Reply(begins=False), SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            1.00 interrupted s; drop s.0; done s interrupted; speak bye.0
            1.10 agent speaking
            2.08 done bye; agent thinking
            6.00 problem: the model did not answer in time (request s.0); ask next.0
            6.10 agent speaking
            7.08 done next; agent listening
        """,
    ),
    # Draining (L-2).
    "draining: what waits is said, tools finish, nothing new is taken": Story(
        given=[request(0.0), request(0.0, "next"), at(0.5, ev.DrainRequested()), request(1.0, "late")],
        replies=[Reply(seconds=1.0, tools=1, tools_take=2.0), SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.00 done late: the session is draining: it says nothing new
            1.08 ask next.0; agent thinking
            1.18 agent speaking
            2.16 done next; agent thinking
            2.60 ask s.1
            2.70 agent speaking
            3.68 done s; agent listening; drained
        """,
    ),
    "draining in silence": Story(
        given=[at(1.0, ev.DrainRequested()), at(2.0, ev.DrainRequested())],
        until=3.0,
        then="""
            1.00 drained
        """,
    ),
    "words while draining cut, and are not answered": Story(
        given=[request(0.0), at(0.5, ev.DrainRequested()), voice(2.0, 2.6)],
        words=["Stop it."],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.76 user listening from 2.60
            3.10 commit
            3.30 interrupted s; drop s.0; r:s.0/0 ends at 2060; done s interrupted; resume; drained
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
