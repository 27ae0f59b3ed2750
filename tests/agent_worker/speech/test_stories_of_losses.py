"""A connection that breaks in the middle of a reply, or before it (M-4): the rest is asked for, nothing is late."""

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges
from tests.agent_worker.speech.story import Story, at, check, request, stories
from tests.agent_worker.speech.world import Reply

LOST, SHORT, NOTHING = Reply(seconds=2.0, stalls=True), Reply(seconds=1.0), Reply(begins=False)

LATE = "the model did not answer in time"


def loses(time: float, step: str = "s.0", *, tool_calls: int = 0) -> tuple[float, ev.Event]:
    ended = ev.ReplyEnded(response_id=f"r:{step}", request_id=step, tool_calls=tool_calls, lost=True)
    return at(time, ended)


STORIES = {
    "what came is heard, and the rest asked for, before anybody else speaks": Story(
        given=[request(0.0), request(0.1, "next"), loses(0.5)],
        replies=[LOST, SHORT, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            1.08 ask s.0+1; agent thinking
            1.18 agent speaking
            2.16 done s; ask next.0; agent thinking
            2.26 agent speaking
            3.24 done next; agent listening
        """,
    ),
    "what is cut is not gone on with": Story(
        given=[request(0.0), loses(0.5), at(0.8, ev.InterruptRequested())],
        replies=[LOST, SHORT],
        then="""
            0.00 ask s.0; agent thinking
            0.10 agent speaking
            0.80 interrupted s; drop s.0; r:s.0/0 ends at 700; done s interrupted; agent listening
        """,
    ),
    "a model that is away is not late": Story(
        given=[request(0.0), at(0.5, ev.ModelLost()), at(4.5, ev.ModelRestored())],
        options=OptionChanges(reply_timeout=2.0),
        replies=[NOTHING],
        then=f"""
            0.00 ask s.0; agent thinking
            6.00 problem: {LATE} (request s.0); done s: {LATE}; agent listening
        """,
    ),
}


@stories(STORIES)
def test_losses(story: Story):
    check(story)
