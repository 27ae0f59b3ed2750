from agent_worker.realtime import base as rt
from agent_worker.realtime.reply_times import ReplyTimes


def started(response_id: str, request_id: str | None = None) -> rt.RealtimeEvent:
    return rt.ResponseStarted(response_id=response_id, request_id=request_id)


def sound(response_id: str) -> rt.RealtimeEvent:
    return rt.OutputAudio(response_id=response_id, item_id="i", content_index=0, pcm=b"\0\0")


def figure(times: ReplyTimes, response_id: str) -> float | None:
    ended = rt.ResponseEnded(response_id=response_id, request_id=None, status=rt.ResponseStatus.COMPLETED)
    event = times.saw(ended, 99.0)
    assert isinstance(event, rt.ResponseEnded)
    return event.first_output_seconds


def test_from_the_request_to_the_first_sound() -> None:
    times = ReplyTimes()
    times.sent(rt.CreateResponse(request_id="r1"), 1.0)
    times.saw(started("a", "r1"), 1.5)
    times.saw(sound("a"), 1.75)
    times.saw(sound("a"), 3.0)
    assert figure(times, "a") == 0.75
    assert figure(times, "a") is None


def test_from_the_end_of_the_turn_when_the_model_answers_by_itself() -> None:
    times = ReplyTimes()
    times.saw(rt.InputVoiceStopped(item_id="u"), 2.0)
    times.saw(started("a"), 2.5)
    times.saw(rt.OutputText(response_id="a", item_id="i", content_index=0, delta="Yes"), 3.0)
    assert figure(times, "a") == 1.0


def test_a_reply_without_output_has_no_figure_and_one_from_nowhere_begins_with_itself() -> None:
    times = ReplyTimes()
    times.saw(started("a"), 2.0)
    times.saw(started("b", "never asked"), 2.0)
    times.saw(sound("b"), 2.25)
    times.saw(sound("unknown"), 2.5)
    assert [figure(times, name) for name in ("a", "b", "unknown")] == [None, 0.25, None]


def test_replies_that_never_end_are_forgotten() -> None:
    times = ReplyTimes()
    for number in range(65):
        times.saw(started(f"a{number}"), 1.0)
        times.saw(sound(f"a{number}"), 2.0)
    assert figure(times, "a0") is None
    assert figure(times, "a64") == 1.0
