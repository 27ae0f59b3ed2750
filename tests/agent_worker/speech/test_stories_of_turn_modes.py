"""Turns that the application or the model ends: push to talk, and the model's own detector (T-4, I-11)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges, TurnMode
from tests.agent_worker.speech.story import (
    Story,
    at,
    changed,
    check,
    request,
    server_reply,
    server_voice,
    stories,
    voice,
)
from tests.agent_worker.speech.world import Fact, Reply

LONG, SHORT = Reply(seconds=5.0), Reply(seconds=1.0)
MANUAL = OptionChanges(turn_detection=TurnMode.MANUAL)
SERVER = OptionChanges(turn_detection=TurnMode.SERVER)
OBEDIENT = OptionChanges(turn_detection=TurnMode.SERVER, server_interrupts=False)
"""The model detects voices, but neither interrupts nor answers by itself."""


def start_turn(time: float) -> list[Fact]:
    return at(time, ev.TurnOpened(time))


def commit_turn(time: float) -> list[Fact]:
    return at(time, ev.TurnCommitRequested(time))


def clear_turn(time: float) -> list[Fact]:
    return at(time, ev.TurnDropped())


STORIES = {
    # Mode "manual" (T-4).
    "push to talk; the detector decides nothing (T-4)": Story(
        given=[start_turn(1.0), voice(1.2, 2.0), commit_turn(3.0), voice(5.0, 6.0)],
        options=MANUAL,
        replies=[SHORT],
        then="""
            1.00 open; user speaking from 1.00
            3.00 commit; ask answer1.0; user listening from 3.00; agent thinking
            3.10 agent speaking
            4.08 done answer1; agent listening
        """,
    ),
    "push to talk over a speech holds it, and cuts it when the turn is committed": Story(
        given=[request(0.0), start_turn(2.0), start_turn(2.1), commit_turn(3.0)],
        options=MANUAL,
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.00 open; hold; user speaking from 2.00; agent listening
            3.00 commit; interrupted s; drop s.0; r:s.0/0 ends at 1900; done s interrupted; resume
            3.00 ask answer1.0; user listening from 3.00; agent thinking
            3.10 agent speaking
            4.08 done answer1; agent listening
        """,
    ),
    "push to talk over a speech, taken back": Story(
        given=[request(0.0), start_turn(2.0), clear_turn(3.0)],
        options=MANUAL,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.00 open; hold; user speaking from 2.00; agent listening
            3.00 clear; user listening from 3.00
            4.00 resumed s; resume; agent speaking
            7.08 done s; agent listening
        """,
    ),
    "push to talk over a speech, where interruptions are final": Story(
        given=[request(0.0), start_turn(2.0), clear_turn(3.0)],
        options=OptionChanges(turn_detection=TurnMode.MANUAL, resume_false_interruption=False),
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.00 open; interrupted s; drop s.0; r:s.0/0 ends at 1900; done s interrupted
            2.00 user speaking from 2.00; agent listening
            3.00 clear; user listening from 3.00
        """,
    ),
    "push to talk over a protected speech (I-12)": Story(
        given=[request(0.0, interruptible=False), start_turn(2.0), commit_turn(3.0)],
        options=MANUAL,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.00 open; user speaking from 2.00
            3.00 clear; user listening from 3.00
            5.08 done s; agent listening
        """,
    ),
    "a slip on the button is no turn (T-5)": Story(
        given=[start_turn(2.0), commit_turn(2.05), commit_turn(2.5)],
        options=MANUAL,
        then="""
            2.00 open; user speaking from 2.00
            2.05 clear; user listening from 2.05
        """,
    ),
    "start_turn() means nothing where a detector decides": Story(
        given=[start_turn(1.0), commit_turn(2.0)],
        then="",
    ),
    "the mode changes to manual during a hold (against 1.18.1)": Story(
        given=[request(0.0), voice(1.0, 3.0), changed(2.0, turn_detection=TurnMode.MANUAL), voice(4.0, 5.0)],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.06 open; user speaking from 1.00
            1.16 hold; agent listening
            2.00 clear; user listening from 2.00
            3.00 resumed s; resume; agent speaking
            6.90 done s; agent listening
        """,
    ),
    "the mode changes to vad in mid-word": Story(
        given=[voice(1.0, 3.0), changed(2.0, turn_detection=TurnMode.VAD)],
        options=MANUAL,
        replies=[SHORT],
        then="""
            2.02 open; user speaking from 2.02
            3.16 user listening from 3.00
            3.50 commit; ask answer1.0; agent thinking
            3.60 agent speaking
            4.58 done answer1; agent listening
        """,
    ),
    # Mode "server" (I-11).
    "the mode changes to server during a hold": Story(
        given=[
            request(0.0),
            voice(1.0, 1.8),
            changed(1.5, turn_detection=TurnMode.SERVER),
            at(2.2, ev.ServerTurnCommitted("i1")),
            server_reply(2.4, "x", SHORT),
        ],
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.06 open; user speaking from 1.00
            1.16 hold; agent listening
            1.50 clear; user listening from 1.50
            1.51 open; user speaking from 1.51
            1.96 user listening from 1.80
            2.20 interrupted s; drop s.0; r:s.0/0 ends at 1080; done s interrupted; resume; agent thinking
            2.40 adopt x as answer1.0; agent speaking
            3.38 done answer1; agent listening
        """,
    ),
    "the model detects, interrupts and answers (I-11)": Story(
        given=[
            server_voice(1.0, 2.0, "i1"),
            server_reply(2.7, "x", Reply(made_in=5.0)),
            server_voice(5.0, 6.0, "i2"),
            server_reply(6.7, "y", SHORT),
        ],
        options=SERVER,
        then="""
            1.10 open; user speaking from 1.00
            2.50 user listening from 2.00
            2.51 agent thinking
            2.70 adopt x as answer1.0; agent speaking
            5.10 open; interrupted answer1; cancel x; drop answer1.0; x/0 ends at 2400
            5.10 done answer1 interrupted; user speaking from 5.00; agent listening
            6.50 user listening from 6.00
            6.51 agent thinking
            6.70 adopt y as answer2.0; agent speaking
            7.68 done answer2; agent listening
        """,
    ),
    "a user who goes on before the model began its answer (I-11)": Story(
        given=[
            server_voice(1.0, 2.0, "i1"),
            server_voice(2.6, 3.0, "i2"),
            server_reply(2.75, "x", Reply(made_in=5.0)),
            server_reply(3.6, "y", SHORT),
        ],
        options=SERVER,
        then="""
            1.10 open; user speaking from 1.00
            2.50 user listening from 2.00
            2.51 agent thinking
            2.70 open; interrupted answer1; drop answer1.0; done answer1 interrupted
            2.70 user speaking from 2.60; agent listening
            2.75 cancel x
            3.50 user listening from 3.00
            3.51 agent thinking
            3.60 adopt y as answer2.0; agent speaking
            4.58 done answer2; agent listening
        """,
    ),
    "a protected speech is not cut by the model's detector; what it heard is answered after it (3.6)": Story(
        given=[request(0.0, interruptible=False), server_voice(1.0, 2.0, "i1"), server_reply(2.7, "x", SHORT)],
        options=SERVER,
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; silence on; agent thinking
            0.10 agent speaking
            1.10 open; user speaking from 1.00
            2.50 user listening from 2.00
            2.70 cancel x
            5.08 done s; ask answer1.0; silence off; agent thinking
            5.18 agent speaking
            6.16 done answer1; agent listening
        """,
    ),
    "the model hears a protected speech's listeners where that is wanted": Story(
        given=[request(0.0, interruptible=False)],
        options=OptionChanges(turn_detection=TurnMode.SERVER, discard_audio_if_uninterruptible=False),
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            5.08 done s; agent listening
        """,
    ),
    "the model speaks without being asked": Story(
        given=[server_reply(2.7, "x", SHORT)],
        options=SERVER,
        then="""
            2.70 adopt x as answer1.0; agent thinking; agent speaking
            3.68 done answer1; agent listening
        """,
    ),
    "the model speaks without being asked where it was told not to": Story(
        given=[server_reply(2.7, "x", SHORT)],
        then="""
            2.70 cancel x
        """,
    ),
    "the model ends a turn and never answers (S-7)": Story(
        given=[server_voice(1.0, 2.0, "i1")],
        options=SERVER,
        then="""
            1.10 open; user speaking from 1.00
            2.50 user listening from 2.00
            2.51 agent thinking
            17.51 problem: the model did not answer in time (request answer1.0)
            17.51 done answer1: the model did not answer in time; agent listening
        """,
    ),
    "the model loses a turn: nobody waits for it for ever": Story(
        given=[server_voice(1.0, 2.0, "i1")[:2], request(2.0)],
        options=SERVER,
        replies=[SHORT],
        then="""
            1.10 open; user speaking from 1.00
            2.00 agent thinking
            2.50 user listening from 2.00
            5.00 ask s.0
            5.10 agent speaking
            6.08 done s; agent listening
        """,
    ),
    "the model answers no turn while draining": Story(
        given=[
            request(0.0),
            at(0.5, ev.DrainRequested()),
            server_voice(1.0, 2.0, "i1"),
            server_reply(2.7, "x", SHORT),
        ],
        options=SERVER,
        replies=[Reply(seconds=3.0)],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.10 open; interrupted s; drop s.0; r:s.0/0 ends at 1000; done s interrupted
            1.10 user speaking from 1.00; agent listening; drained
            2.50 user listening from 2.00
            2.70 cancel x
        """,
    ),
    "the model detects only: a cough (I-11, I-3)": Story(
        given=[request(0.0), server_voice(1.0, 1.2, "i1")],
        options=OBEDIENT,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.10 open; user speaking from 1.00
            1.15 hold; agent listening
            1.70 user listening from 1.20
            1.71 delete i1
            2.20 resumed s; resume; agent speaking
            6.12 done s; agent listening
        """,
    ),
    "the model detects only: a backchannel (I-11, I-4)": Story(
        given=[request(0.0), server_voice(1.0, 1.4, "i1", text="Yeah.")],
        options=OBEDIENT,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.10 open; user speaking from 1.00
            1.15 hold; agent listening
            1.90 user listening from 1.40
            2.10 delete i1; resumed s; resume; agent speaking
            6.02 done s; agent listening
        """,
    ),
    "the model detects only: words (I-11, I-4)": Story(
        given=[request(0.0), server_voice(1.0, 1.4, "i1", text="Stop it.")],
        options=OBEDIENT,
        replies=[LONG, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.10 open; user speaking from 1.00
            1.15 hold; agent listening
            1.90 user listening from 1.40
            2.10 interrupted s; drop s.0; r:s.0/0 ends at 1060; done s interrupted; resume; ask answer1.0
            2.10 agent thinking
            2.20 agent speaking
            3.18 done answer1; agent listening
        """,
    ),
    "the model detects only: a question in silence": Story(
        given=[server_voice(1.0, 2.4, "i1", text="What time is it?")],
        options=OBEDIENT,
        replies=[SHORT],
        then="""
            1.10 open; user speaking from 1.00
            2.90 user listening from 2.40
            2.91 ask answer1.0; agent thinking
            3.02 agent speaking
            4.00 done answer1; agent listening
        """,
    ),
    "the model detects only, and loses a turn: the hold ends (I-10)": Story(
        given=[request(0.0), server_voice(1.0, 1.4, "i1")[:2]],
        options=OBEDIENT,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.10 open; user speaking from 1.00
            1.15 hold; agent listening
            1.90 user listening from 1.40
            4.40 resumed s; resume; agent speaking
            8.32 done s; agent listening
        """,
    ),
    "the model detects only, and is lost in the middle of a voice: the hold ends": Story(
        given=[request(0.0), server_voice(1.0, 9.0, "i1")[:1], at(1.5, ev.ModelLost())],
        options=OBEDIENT,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.10 open; user speaking from 1.00
            1.15 hold; agent listening
            1.50 user listening from 1.50
            2.50 resumed s; resume; agent speaking
            6.43 done s; agent listening
        """,
    ),
    "the model detects only, and hears what was said while it was away all at once": Story(
        given=[
            at(1.0, ev.ModelLost()),
            at(4.0, ev.ModelRestored()),
            at(4.1, ev.VoiceStarted(4.1)),
            at(4.15, ev.VoiceStopped(4.15)),
            at(4.2, ev.ServerTurnCommitted("i1")),
        ],
        options=OBEDIENT,
        replies=[SHORT],
        then="""
            4.10 open; user speaking from 4.10
            4.15 user listening from 4.15
            4.20 ask answer1.0; agent thinking
            4.30 agent speaking
            5.28 done answer1; agent listening
        """,
    ),
    "the model detects only, and ends a turn that it never told of": Story(
        given=[request(0.0), at(2.0, ev.ServerTurnCommitted("i1")), at(2.3, ev.TurnTranscribed("i1", "Yeah."))],
        options=OBEDIENT,
        replies=[LONG],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.00 open; hold; agent listening
            2.30 delete i1; resumed s; resume; agent speaking
            5.38 done s; agent listening
        """,
    ),
    "the model ends a turn though it was told to leave turns alone": Story(
        given=[at(2.0, ev.ServerTurnCommitted("i1"))],
        then="""
            2.00 problem: the model committed i1, though it was told to leave turns alone
        """,
    ),
}


@stories(STORIES)
def test_story(story: Story):
    check(story)
