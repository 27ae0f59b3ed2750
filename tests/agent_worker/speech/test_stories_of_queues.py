"""Who speaks next, and what interrupt() takes (S-2, S-4 to S-6)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from agent_worker.speech.queue import Priority
from tests.agent_worker.speech.story import Story, at, check, request, script, stories, voice
from tests.agent_worker.speech.world import Reply

SHORT, TWO = Reply(seconds=1.0), Reply(seconds=2.0)
QUEUE = [request(0.0, "cur"), request(0.2, "A"), request(0.2, "B", interruptible=False), request(0.2, "C")]

STORIES = {
    # interrupt() (S-5, oracles 3.4).
    "interrupt() stops at the first protected speech": Story(
        given=[*QUEUE, at(1.0, ev.InterruptRequested())],
        replies=[TWO, TWO, TWO],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            1.00 interrupted cur; drop cur.0; r:cur.0/0 ends at 900; done cur interrupted
            1.00 done A interrupted; ask B.0; agent thinking
            1.10 agent speaking
            3.08 done B; ask C.0; agent thinking
            3.18 agent speaking
            5.16 done C; agent listening
        """,
    ),
    "interrupt(force=True) takes all": Story(
        given=[*QUEUE, at(1.0, ev.InterruptRequested(force=True))],
        replies=[TWO],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            1.00 interrupted cur; drop cur.0; r:cur.0/0 ends at 900; done cur interrupted
            1.00 done A interrupted; done B interrupted; done C interrupted; agent listening
        """,
    ),
    "interrupt() under a protected speech takes nothing": Story(
        given=[request(0.0, "cur", interruptible=False), request(0.2, "A"), at(1.0, ev.InterruptRequested())],
        replies=[TWO, TWO],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            2.08 done cur; ask A.0; agent thinking
            2.18 agent speaking
            4.16 done A; agent listening
        """,
    ),
    "interrupt() goes by playing order: a protected HIGH shields a LOW that was queued before it": Story(
        given=[
            request(0.0, "cur"),
            request(0.2, "low", priority=Priority.LOW),
            request(0.3, "high", priority=Priority.HIGH, interruptible=False),
            at(1.0, ev.InterruptRequested()),
        ],
        replies=[TWO, TWO, TWO],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            1.00 interrupted cur; drop cur.0; r:cur.0/0 ends at 900; done cur interrupted; ask high.0
            1.00 agent thinking
            1.10 agent speaking
            3.08 done high; ask low.0; agent thinking
            3.18 agent speaking
            5.16 done low; agent listening
        """,
    ),
    "a protected speech that was cut does not shield": Story(
        given=[*QUEUE, at(0.5, ev.SpeechInterruptRequested("B", force=True)), at(1.0, ev.InterruptRequested())],
        replies=[TWO],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            0.50 done B interrupted
            1.00 interrupted cur; drop cur.0; r:cur.0/0 ends at 900; done cur interrupted
            1.00 done A interrupted; done C interrupted; agent listening
        """,
    ),
    "a protected speech whose tools run has been heard: it does not shield": Story(
        given=[
            request(0.0, "cur", interruptible=False),
            request(0.2, "A"),
            at(3.0, ev.InterruptRequested()),
        ],
        replies=[Reply(seconds=1.0, tools=1, tools_take=4.0), Reply(seconds=4.0), SHORT],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            1.08 ask A.0; agent thinking
            1.18 agent speaking
            3.00 interrupted A; drop A.0; r:A.0/0 ends at 1820; done A interrupted; agent thinking
            4.60 ask cur.1
            4.70 agent speaking
            5.68 done cur; agent listening
        """,
    ),
    "interrupt() in silence": Story(
        given=[at(1.0, ev.InterruptRequested())],
        until=2.0,
        then="",
    ),
    "handle.interrupt() takes one; a protected one needs force; one that is done is left alone (S-5, S-6)": Story(
        given=[
            *QUEUE,
            at(1.0, ev.SpeechInterruptRequested("C")),
            at(1.0, ev.SpeechInterruptRequested("B")),
            at(1.1, ev.SpeechInterruptRequested("cur")),
            at(1.5, ev.SpeechInterruptRequested("cur", force=True)),
            at(2.0, ev.SpeechInterruptRequested("B", force=True)),
        ],
        replies=[TWO, TWO],
        then="""
            0.00 ask cur.0; agent thinking
            0.10 agent speaking
            1.00 done C interrupted
            1.10 interrupted cur; drop cur.0; r:cur.0/0 ends at 1000; done cur interrupted; ask A.0; agent thinking
            1.20 agent speaking
            2.00 done B interrupted
            3.18 done A; agent listening
        """,
    ),
    "a speech that is protected later (S-6)": Story(
        given=[
            request(0.0),
            at(0.5, ev.SpeechProtected("s", protected=True)),
            at(0.6, ev.InterruptRequested()),
            at(0.8, ev.SpeechProtected("s", protected=False)),
            at(1.0, ev.InterruptRequested()),
            at(1.5, ev.SpeechProtected("s", protected=True)),
        ],
        replies=[TWO],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.00 interrupted s; drop s.0; r:s.0/0 ends at 900; done s interrupted; agent listening
        """,
    ),
    "a typed line cuts and is answered, and the agent does not listen in between (oracle T9)": Story(
        given=[request(0.0), request(5.0, "typed", interrupts=True)],
        replies=[Reply(seconds=15.0), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            5.00 interrupted s; drop s.0; r:s.0/0 ends at 4900; done s interrupted; ask typed.0; agent thinking
            5.10 agent speaking
            6.08 done typed; agent listening
        """,
    ),
    # Order and floor (S-2, S-4).
    "by priority, then by age; nobody is pre-empted (S-2)": Story(
        given=[
            request(0.0, "first"),
            request(0.1, "low", priority=Priority.LOW),
            request(0.1, "normal"),
            request(0.1, "high", priority=Priority.HIGH),
            request(0.1, "normal2"),
        ],
        replies=[SHORT] * 5,
        then="""
            0.00 ask first.0; agent thinking
            0.10 agent speaking
            1.08 done first; ask high.0; agent thinking
            1.18 agent speaking
            2.16 done high; ask normal.0; agent thinking
            2.26 agent speaking
            3.24 done normal; ask normal2.0; agent thinking
            3.34 agent speaking
            4.32 done normal2; ask low.0; agent thinking
            4.42 agent speaking
            5.40 done low; agent listening
        """,
    ),
    "a gap between two speeches, not before a tool's results": Story(
        given=[request(0.0), request(0.0, "next")],
        options=OptionChanges(min_consecutive_speech_delay=0.5),
        replies=[Reply(seconds=1.0, tools=1, tools_take=0.1), SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            1.58 ask next.0
            1.68 agent speaking
            2.66 done next; ask s.1; agent thinking
            2.76 agent speaking
            3.74 done s; agent listening
        """,
    ),
    "a speech waits for the user's silence (S-4)": Story(
        given=[voice(0.5, 2.0), request(1.0)],
        replies=[SHORT, SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.00 agent thinking
            2.16 user listening from 2.00
            2.50 commit; ask s.0
            2.60 agent speaking
            3.58 done s; ask answer1.0; agent thinking
            3.68 agent speaking
            4.66 done answer1; agent listening
        """,
    ),
    "a protected greeting does not wait for a noisy user (S-4, #4432)": Story(
        given=[voice(0.5, 4.0), request(1.0, interruptible=False)],
        replies=[SHORT, SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.00 ask s.0; agent thinking
            1.10 agent speaking
            2.08 done s; agent listening
            4.16 user listening from 4.00
            4.50 commit; ask answer1.0; agent thinking
            4.60 agent speaking
            5.58 done answer1; agent listening
        """,
    ),
    "a protected speech does not wait for what becomes of a hold (S-4)": Story(
        given=[request(0.0), voice(2.0, 2.22), request(2.5, "now", interruptible=False)],
        replies=[Reply(seconds=1.0, tools=1, tools_take=3.0), SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.38 user listening from 2.22
            2.50 ask now.0; resumed s; resume; agent thinking
            2.60 agent speaking
            2.72 clear
            3.58 done now; agent thinking
            3.60 ask s.1
            3.70 agent speaking
            4.68 done s; agent listening
        """,
    ),
    "a protected speech does not wait for a verdict; words then are answered after it (S-4)": Story(
        given=[request(0.0), voice(2.0, 2.6), request(3.15, "now", interruptible=False)],
        words=["Never mind."],
        replies=[Reply(seconds=1.0, tools=1, tools_take=9.0), SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 agent thinking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.76 user listening from 2.60
            3.10 commit
            3.15 ask now.0; resumed s; resume; agent thinking
            3.26 agent speaking
            3.30 interrupted s; done s interrupted
            4.24 done now; ask answer1.0; agent thinking
            4.34 agent speaking
            5.32 done answer1; agent listening
        """,
    ),
    "a greeting, a turn, something said in the turn's hook, its answer with a tool (oracle T14)": Story(
        given=[request(0.0, "greeting"), voice(3.0, 4.0), script(4.55, "aside")],
        hook_takes=0.1,
        replies=[TWO, SHORT, Reply(seconds=1.0, tools=1, tools_take=0.5), Reply(seconds=3.0)],
        then="""
            0.00 ask greeting.0; agent thinking
            0.10 agent speaking
            2.08 done greeting; agent listening
            3.06 open; user speaking from 3.00
            4.16 user listening from 4.00
            4.50 commit; hook answer1; agent thinking
            4.55 speak aside.0
            4.66 agent speaking
            5.64 done aside; ask answer1.0; agent thinking
            5.74 agent speaking
            6.72 agent thinking
            6.74 ask answer1.1
            6.84 agent speaking
            9.82 done answer1; agent listening
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
