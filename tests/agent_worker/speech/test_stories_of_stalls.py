"""A model that falls silent in the middle of a reply (S-7), and words that are voiced here (R-6)."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import Story, at, check, request, stories, voice
from tests.agent_worker.speech.world import Reply

STALLS, SHORT = Reply(seconds=10.0, stalls=True), Reply(seconds=1.0)
SOON = OptionChanges(stall_timeout=2.0)
STOPPED = "the model stopped in the middle of its reply"


def writes(*times: float) -> list[tuple[float, ev.Event]]:
    return [(time, ev.ReplyProgressed("r:s.0")) for time in times]


STORIES = {
    "a reply that stalls: what came is heard, the model is stopped, the next one speaks": Story(
        given=[request(0.0), request(0.1, "next")],
        replies=[STALLS, SHORT],
        then=f"""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            15.30 problem: {STOPPED} (request s.0)
            15.30 cancel r:s.0; drop s.0; done s: {STOPPED}; agent thinking
            15.34 ask next.0
            15.44 agent speaking
            16.42 done next; agent listening
        """,
        until=30.0,
    ),
    "a reply that stalls while much of it is still to be heard is heard": Story(
        given=[request(0.0)],
        options=SOON,
        replies=[STALLS],
        then=f"""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.30 problem: {STOPPED} (request s.0)
            5.08 cancel r:s.0; drop s.0; done s: {STOPPED}; agent listening
        """,
    ),
    "a reply that begins, and nothing of it comes": Story(
        given=[request(0.0), at(0.2, ev.ReplyStarted(response_id="r:s.0", request_id="s.0"))],
        options=SOON,
        replies=[Reply(begins=False)],
        then=f"""
            0.00 ask s.0; agent thinking
            2.20 problem: {STOPPED} (request s.0)
            2.22 cancel r:s.0; drop s.0; done s: {STOPPED}; agent listening
        """,
    ),
    "a stalled reply that is cut is cancelled, too": Story(
        given=[request(0.0), at(3.0, ev.InterruptRequested())],
        options=SOON,
        replies=[STALLS],
        then=f"""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.30 problem: {STOPPED} (request s.0)
            3.00 interrupted s; cancel r:s.0; drop s.0; r:s.0/0 ends at 2900; done s interrupted: {STOPPED}
            3.00 agent listening
        """,
    ),
    "a reply that stalls while a cough holds it goes on to what came of it": Story(
        given=[request(0.0), voice(2.0, 2.22)],
        options=SOON,
        replies=[STALLS],
        then=f"""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.06 open; user speaking from 2.00
            2.16 hold; agent listening
            2.30 problem: {STOPPED} (request s.0)
            2.38 user listening from 2.22
            2.72 clear
            3.22 resumed s; resume; agent speaking
            6.14 cancel r:s.0; drop s.0; done s: {STOPPED}; agent listening
        """,
    ),
    "the end comes late, while the rest is heard: nothing is cancelled": Story(
        given=[request(0.0), at(4.0, ev.ReplyEnded(response_id="r:s.0", request_id="s.0"))],
        options=SOON,
        replies=[STALLS],
        then=f"""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            2.30 problem: {STOPPED} (request s.0)
            5.08 done s: {STOPPED}; agent listening
        """,
    ),
    "a model that writes has not stalled, and may do nothing more once it has written all (R-6)": Story(
        given=[
            request(0.0),
            at(0.2, ev.ReplyStarted(response_id="r:s.0", request_id="s.0")),
            writes(2.0, 3.9, 5.8),
            at(6.0, ev.ReplyProgressed("r:s.0", made=True)),
            at(
                9.0,
                ev.ReplyAudioArrived(response_id="r:s.0", item_id="i", content_index=0, pcm=b"\1\0" * 500),
            ),
            at(13.0, ev.ReplyEnded(response_id="r:s.0", request_id="s.0")),
        ],
        options=SOON,
        replies=[Reply(begins=False)],
        then="""
            0.00 ask s.0; agent thinking
            9.00 agent speaking
            13.00 done s; agent listening
        """,
    ),
}


@stories(STORIES)
def test_stalls(story: Story):
    check(story)
