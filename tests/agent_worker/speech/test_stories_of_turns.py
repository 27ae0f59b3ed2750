"""When a user's turn begins by the local detector, what it starts, and who is said to do what (T-1, T-3, T-6)."""

from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import (
    Story,
    check,
    request,
    script,
    stories,
    voice,
)
from tests.agent_worker.speech.world import Reply

LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)

STORIES = {
    "a question and its answer (oracle T1)": Story(
        given=[voice(0.5, 2.5)],
        replies=[Reply(seconds=2.0, after=0.5)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            5.48 done answer1; agent listening
        """,
    ),
    "a pause inside a sentence does not end the turn (T-2)": Story(
        given=[voice(0.5, 1.5), voice(1.8, 2.5)],
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.66 user listening from 1.50
            1.86 user speaking from 1.80
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.10 agent speaking
            4.08 done answer1; agent listening
        """,
    ),
    "a noise in silence is no turn": Story(
        given=[voice(0.5, 0.7)],
        then="""
            0.56 open; user speaking from 0.50
            0.86 user listening from 0.70
            1.20 clear
        """,
    ),
    "a user who speaks while the agent speaks (oracle T7)": Story(
        given=[voice(0.5, 2.5), voice(5.0, 6.0)],
        words=["Hello.", "Stop!"],
        replies=[Reply(after=0.5), Reply(seconds=0.0)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            5.06 open; user speaking from 5.00
            5.16 hold; agent listening
            6.16 user listening from 6.00
            6.50 commit
            6.70 interrupted answer1; drop answer1.0; r:answer1.0/0 ends at 1660; done answer1 interrupted
            6.70 resume; ask answer2.0; agent thinking
            7.30 done answer2; agent listening
        """,
    ),
    "too few words, then enough in the next turn (oracle T8)": Story(
        given=[voice(0.5, 2.5), voice(5.0, 6.0), voice(6.5, 7.5)],
        options=OptionChanges(min_interruption_words=3),
        words=["Hello.", "Stop!", "Ok, stop!"],
        replies=[Reply(seconds=5.0, after=0.5), SHORT],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            5.06 open; user speaking from 5.00
            5.16 hold; agent listening
            6.16 user listening from 6.00
            6.50 commit
            6.56 open; user speaking from 6.50
            7.66 user listening from 7.50
            8.00 commit
            8.20 interrupted answer1; drop answer1.0; r:answer1.0/0 ends at 1660; done answer1 interrupted
            8.20 resume; ask answer2.0; agent thinking
            8.30 agent speaking
            9.28 done answer2; agent listening
        """,
    ),
    "too few words, and no more: all of them are deleted": Story(
        given=[request(0.0), voice(3.0, 3.6), voice(3.8, 4.2), voice(5.0, 5.22)],
        options=OptionChanges(min_interruption_words=3, min_endpointing_delay=0.1),
        words=["Stop!", "Okay."],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            3.06 open; user speaking from 3.00
            3.16 hold; agent listening
            3.76 user listening from 3.60; commit
            3.86 open; user speaking from 3.80
            4.36 user listening from 4.20; commit
            4.56 delete u1; delete u2; resumed s; resume; agent speaking
            5.06 open; user speaking from 5.00
            5.16 hold; agent listening
            5.38 user listening from 5.22; clear
            6.22 resumed s; resume; agent speaking
            7.54 done s; agent listening
        """,
    ),
    "interruptions not allowed (oracle T8)": Story(
        given=[voice(0.5, 2.5), voice(5.0, 6.0)],
        options=OptionChanges(allow_interruptions=False),
        replies=[Reply(seconds=5.0, after=0.5)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            5.06 open; user speaking from 5.00
            6.16 user listening from 6.00
            6.50 clear
            8.48 done answer1; agent listening
        """,
    ),
    "a user who goes on before the first frame: never heard, never in the history (oracles T10, T11)": Story(
        given=[voice(0.5, 2.5), voice(3.2, 4.0)],
        words=["Hello.", "Stop!"],
        replies=[Reply(seconds=5.0, after=1.0), Reply(seconds=0.0)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.26 open; user speaking from 3.20
            3.36 hold; agent listening
            4.16 user listening from 4.00
            4.50 commit
            4.70 interrupted answer1; drop answer1.0; r:answer1.0/0 was never played
            4.70 done answer1 interrupted; resume; ask answer2.0; agent thinking
            5.30 done answer2; agent listening
        """,
    ),
    "a noise before the first frame (oracle T12)": Story(
        given=[voice(0.5, 2.5), voice(3.1, 3.4)],
        words=["Hello.", ""],
        replies=[Reply(seconds=5.0, after=0.5)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.16 open; user speaking from 3.10
            3.26 hold; agent listening
            3.56 user listening from 3.40
            3.90 commit
            4.10 delete u2; resumed answer1; resume; agent thinking; agent speaking
            9.08 done answer1; agent listening
        """,
    ),
    "a noise during a silent tool (oracle T13)": Story(
        given=[voice(0.5, 2.5), voice(3.6, 4.75)],
        words=["Hello.", ""],
        options=OptionChanges(false_interruption_timeout=0.2),
        replies=[Reply(seconds=0.3, tools=1, tools_take=3.0, spoken=False)],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.10 agent speaking
            3.60 agent thinking
            3.66 open; user speaking from 3.60
            3.76 hold; agent listening
            4.91 user listening from 4.75
            5.25 commit
            5.45 delete u2; resumed answer1; resume; agent thinking
            6.60 done answer1; agent listening
        """,
    ),
    "echo cancellers learn: a voice within the warm-up is ignored (oracle T15)": Story(
        given=[request(3.4), voice(4.0, 5.0)],
        options=OptionChanges(aec_warmup=3.0),
        replies=[LONG],
        then="""
            3.40 ask s.0; agent thinking
            3.50 agent speaking
            8.48 done s; agent listening
        """,
    ),
    "a voice that lasts beyond the warm-up counts from there": Story(
        given=[request(3.4), voice(6.0, 7.6)],
        options=OptionChanges(aec_warmup=3.0),
        words=["Stop it."],
        replies=[LONG, SHORT],
        then="""
            3.40 ask s.0; agent thinking
            3.50 agent speaking
            6.51 open; user speaking from 6.51
            6.67 hold; agent listening
            7.76 user listening from 7.60
            8.10 commit
            8.30 interrupted s; drop s.0; r:s.0/0 ends at 3180; done s interrupted; resume; ask answer1.0
            8.30 agent thinking
            8.40 agent speaking
            9.38 done answer1; agent listening
        """,
    ),
    "a turn that was open before the warm-up is not ignored": Story(
        given=[voice(0.5, 2.0), request(1.0, interruptible=False)],
        options=OptionChanges(aec_warmup=3.0),
        replies=[Reply(seconds=0.5), SHORT],
        then="""
            0.56 open; user speaking from 0.50
            1.00 ask s.0; agent thinking
            1.10 agent speaking
            1.60 done s; agent listening
            2.16 user listening from 2.00
            2.50 commit; ask answer1.0; agent thinking
            2.60 agent speaking
            3.58 done answer1; agent listening
        """,
    ),
    "the first answer was not even begun when the user goes on (oracle T17)": Story(
        given=[voice(0.5, 2.0), voice(2.6, 3.2)],
        words=["Hello.", "What time is it?"],
        hook_takes=0.0,
        replies=[Reply(after=1.0), SHORT],
        then="""
            0.56 open; user speaking from 0.50
            2.16 user listening from 2.00
            2.50 commit; hook answer1; agent thinking; ask answer1.0
            2.66 open; user speaking from 2.60
            2.76 hold; agent listening
            3.36 user listening from 3.20
            3.70 commit
            3.90 interrupted answer1; cancel r:answer1.0; drop answer1.0; r:answer1.0/0 was never played
            3.90 done answer1 interrupted; resume; hook answer2; agent thinking
            3.93 ask answer2.0
            4.04 agent speaking
            5.02 done answer2; agent listening
        """,
    ),
    "the application still looks at the first turn when the user goes on (oracle T17, T-3)": Story(
        given=[voice(0.5, 2.0), voice(2.6, 3.2)],
        words=["Hello.", "What time is it?"],
        hook_takes=2.0,
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            2.16 user listening from 2.00
            2.50 commit; hook answer1; agent thinking
            2.66 open; user speaking from 2.60
            3.36 user listening from 3.20
            3.70 commit; done answer1 interrupted; hook answer2
            5.70 ask answer2.0
            5.80 agent speaking
            6.78 done answer2; agent listening
        """,
    ),
    "a newer turn makes an older answer obsolete, also where interruptions are not allowed (T-3)": Story(
        given=[voice(0.5, 2.0), voice(2.6, 3.2)],
        options=OptionChanges(allow_interruptions=False),
        hook_takes=2.0,
        replies=[SHORT],
        then="""
            0.56 open; user speaking from 0.50
            2.16 user listening from 2.00
            2.50 commit; hook answer1; agent thinking
            2.66 open; user speaking from 2.60
            3.36 user listening from 3.20
            3.70 commit; done answer1 interrupted; hook answer2
            5.70 ask answer2.0
            5.80 agent speaking
            6.78 done answer2; agent listening
        """,
    ),
    # States (T-6).
    "a user who says nothing any more is away, until the next voice (T-6)": Story(
        given=[request(0.0), voice(20.0, 20.5)],
        options=OptionChanges(user_away_timeout=15.0),
        replies=[SHORT, SHORT],
        until=30.0,
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 done s; agent listening
            16.08 user away from 16.08
            20.06 open; user speaking from 20.00
            20.66 user listening from 20.50
            21.00 commit; ask answer1.0; agent thinking
            21.10 agent speaking
            22.08 done answer1; agent listening
        """,
    ),
    "nobody is away while a tool runs (oracles T4, T6)": Story(
        given=[voice(0.5, 2.5), script(5.5, "filler")],
        options=OptionChanges(user_away_timeout=3.0),
        replies=[Reply(seconds=1.0, after=0.5, tools=1, tools_take=8.0), SHORT, SHORT],
        then="""
            0.56 open; user speaking from 0.50
            2.66 user listening from 2.50
            3.00 commit; ask answer1.0; agent thinking
            3.50 agent speaking
            4.48 agent thinking
            5.50 speak filler.0
            5.60 agent speaking
            6.58 done filler; agent thinking
            12.00 ask answer1.1
            12.10 agent speaking
            13.08 done answer1; agent listening
            16.08 user away from 16.08
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
