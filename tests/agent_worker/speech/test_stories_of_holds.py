"""What else may happen while the output is held: every hold ends (I-10)."""

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
from tests.agent_worker.speech.world import Reply

COUGH = voice(3.0, 3.22)
LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)

STORIES = {
    "a reply that is made in full while it is held": Story(
        given=[request(0.0), voice(0.5, 0.72)],
        replies=[Reply(seconds=2.0, made_in=1.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            0.56 open; user speaking from 0.50
            0.66 hold; agent listening
            0.88 user listening from 0.72
            1.22 clear
            1.72 resumed s; resume; agent speaking
            3.12 done s; agent listening
        """,
    ),
    "interrupt() during a hold (S-5, I-10)": Story(
        given=[request(0.0), COUGH, at(3.5, ev.InterruptRequested())],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.50 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            3.72 clear
        """,
    ),
    "handle.interrupt() during a hold, with another speech waiting": Story(
        given=[request(0.0), request(0.0, "next"), COUGH, at(3.5, ev.SpeechInterruptRequested("s"))],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.50 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; agent thinking
            3.72 clear; ask next.0
            3.82 agent speaking
            4.80 done next; agent listening
        """,
    ),
    "handle.interrupt() of the speech behind the held one leaves the hold alone": Story(
        given=[request(0.0), request(0.0, "next"), COUGH, at(3.5, ev.SpeechInterruptRequested("next"))],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.50 done next interrupted
            3.72 clear
            4.22 resumed s; resume; agent speaking
            6.14 done s; agent listening
        """,
    ),
    "a speech that is protected during its hold goes on at once, and no voice holds it again (S-6, I-12)": Story(
        given=[request(0.0), voice(3.0, 3.8), at(3.4, ev.SpeechProtected("s", protected=True)), voice(4.4, 4.7)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.40 resumed s; resume; agent speaking
            3.96 user listening from 3.80
            4.30 clear
            4.46 open; user speaking from 4.40
            4.86 user listening from 4.70
            5.20 clear
            5.32 done s; agent listening
        """,
    ),
    "a protection that is lifted while a voice goes on: the voice holds (S-6)": Story(
        given=[
            request(0.0, interruptible=False),
            voice(2.0, 3.0),
            at(2.5, ev.SpeechProtected("s", protected=False)),
            at(2.6, ev.SpeechProtected("nobody", protected=True)),
        ],
        replies=[LONG],
        words=["Yeah."],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.06 open; user speaking from 2.00
            2.50 hold; agent listening
            3.16 user listening from 3.00
            3.50 commit
            3.70 delete u1; resumed s; resume; agent speaking
            6.30 done s; agent listening
        """,
    ),
    "a hand-off during a hold": Story(
        given=[
            request(0.0),
            COUGH,
            changed(3.5, min_endpointing_delay=0.8),
            at(3.5, ev.InterruptRequested(force=True)),
            request(3.6, "hello"),
        ],
        replies=[Reply(), SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.50 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
            3.60 agent thinking
            4.02 clear; ask hello.0
            4.12 agent speaking
            5.10 done hello; agent listening
        """,
    ),
    "the end of the session during a hold (3.3)": Story(
        given=[request(0.0), COUGH, at(3.5, ev.DrainRequested()), at(3.5, ev.InterruptRequested(force=True))],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.50 interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume; drained
            3.72 clear
        """,
    ),
    "a decision that is open past the resume timer (3.3)": Story(
        given=[request(0.0), COUGH],
        options=OptionChanges(false_interruption_timeout=0.3),
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear; resumed s; resume; agent speaking
            5.64 done s; agent listening
        """,
    ),
    "a decision that is open past the resume timer and was meant (3.3)": Story(
        given=[request(0.0), voice(3.0, 3.6)],
        words=["Stop it."],
        options=OptionChanges(false_interruption_timeout=0.3),
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
    "a speech that becomes protected during a hold goes on; freeing it does not hold it again (3.3)": Story(
        given=[request(0.0), COUGH, changed(3.5, allow_interruptions=False), changed(3.8)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.50 resumed s; resume; agent speaking
            3.72 clear
            5.42 done s; agent listening
        """,
    ),
    "a speech that is protected during the wait for words goes on, and the words are an answer": Story(
        given=[request(0.0), voice(3.0, 3.6), at(4.2, ev.SpeechProtected("s", protected=True))],
        words=["Yeah."],
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60
            4.10 commit
            4.20 resumed s; resume; agent speaking
            6.12 done s; ask answer1.0; agent thinking
            6.22 agent speaking
            7.20 done answer1; agent listening
        """,
    ),
    "no resuming at all cuts once the voice was nothing": Story(
        given=[request(0.0), COUGH],
        options=OptionChanges(false_interruption_timeout=None),
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear; interrupted s; drop s.0; r:s.0/0 ends at 3060; done s interrupted; resume
        """,
    ),
    "an interruption that is final is immediate": Story(
        given=[request(0.0), voice(3.0, 3.6)],
        options=OptionChanges(resume_false_interruption=False),
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.51 interrupted s; drop s.0; r:s.0/0 ends at 3420; done s interrupted; agent listening
            3.76 user listening from 3.60
            4.10 commit; ask answer1.0; agent thinking
            4.20 agent speaking
            5.18 done answer1; agent listening
        """,
    ),
    "resuming a little earlier": Story(
        given=[request(0.0), COUGH],
        options=OptionChanges(resume_rewind=0.5),
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.38 user listening from 3.22
            3.72 clear
            4.22 resumed s; resume 0.5 s earlier; agent speaking
            6.64 done s; agent listening
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
