"""Events in, records out: a table of what each story leaves, with its times."""

import string
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Message, Role
from agent_worker.speech.actions import AgentState, UserState
from agent_worker.telemetry import events as ev
from agent_worker.telemetry import names
from agent_worker.telemetry.names import Figure
from agent_worker.telemetry.records import Measured, MomentNoted, Record, SpanClosed, SpanOpened
from agent_worker.telemetry.tracks import SESSION, Subject, Tracks
from agent_worker.usage import Usage

SUBJECT = Subject(agent="Greeter", room="lobby", model="m1", provider="openai", server="127.0.0.1")
SECRET = "the secret words"


def turn(at: float = 2.5, started_at: float = 1.0, ended_at: float = 2.0) -> ev.UserTurnCommitted:
    return ev.UserTurnCommitted(at=at, started_at=started_at, ended_at=ended_at)


def created(speech_id: str = "s1", source: str = "turn", at: float = 2.5) -> ev.SpeechCreated:
    return ev.SpeechCreated(at=at, speech_id=speech_id, source=source)


def requested(request_id: str = "r1", speech_id: str = "s1", at: float = 2.6) -> ev.ReplyRequested:
    return ev.ReplyRequested(at=at, speech_id=speech_id, request_id=request_id)


def completed(
    request_id: str = "r1",
    speech_id: str = "s1",
    at: float = 3.5,
    status: str = "completed",
    usage: Usage = Usage(input_tokens=10, output_tokens=20, cached_tokens=3, output_audio_tokens=15),  # noqa: B008
) -> ev.ReplyCompleted:
    return ev.ReplyCompleted(
        at=at, speech_id=speech_id, request_id=request_id, response_id="resp", status=status, usage=usage
    )


def sounded(speech_id: str = "s1", at: float = 3.0) -> ev.SpeechStarted:
    return ev.SpeechStarted(at=at, speech_id=speech_id)


def finished(speech_id: str = "s1", at: float = 6.0, *, interrupted: bool = False, failure: str = ""):
    return ev.SpeechFinished(at=at, speech_id=speech_id, interrupted=interrupted, failure=failure, text=SECRET)


ANSWER = [turn(), created(), requested(), sounded(), completed(), finished()]


def record(events: Iterable[ev.SessionEvent], *, content: bool = False) -> list[Record]:
    tracks = Tracks(SUBJECT, record_content=content)
    records = tracks.begin(0.0)
    for event in events:
        records += tracks.receive(event)
    return records + tracks.end(100.0, "over")


def spans(records: list[Record]) -> dict[str, tuple[str | None, str, float, float]]:
    """Each span: its parent's name, its own, its start and its end."""
    opened = {each.key: each for each in records if isinstance(each, SpanOpened)}
    ends = {each.key: each.at for each in records if isinstance(each, SpanClosed)}
    return {
        key: (opened[each.parent].name if each.parent else None, each.name, each.at, ends[key])
        for key, each in opened.items()
    }


def figures(records: list[Record]) -> dict[Figure, list[float]]:
    found: dict[Figure, list[float]] = {}
    for each in records:
        if isinstance(each, Measured):
            found.setdefault(each.figure, []).append(round(each.value, 6))
    return found


def attributes(records: list[Record], key: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in records:
        if isinstance(each, SpanOpened | SpanClosed) and each.key == key:
            found |= each.attributes
    return found


def closing(records: list[Record], key: str) -> SpanClosed:
    (found,) = [each for each in records if isinstance(each, SpanClosed) and each.key == key]
    return found


def moments(records: list[Record], key: str) -> list[tuple[str, float]]:
    return [(each.name, each.at) for each in records if isinstance(each, MomentNoted) and each.key == key]


def test_a_question_and_its_answer_are_a_tree_with_the_times_at_which_things_happened():
    records = record(ANSWER)
    assert list(spans(records).values()) == [
        (None, "agent_session", 0.0, 100.0),
        ("agent_session", "user_turn", 1.0, 2.5),
        ("agent_session", "agent_turn", 2.5, 6.0),
        ("agent_turn", "realtime_request", 2.6, 3.5),
    ]
    assert moments(records, "user:1") == [("voice_ended", 2.0)]
    assert moments(records, "speech:s1") == [("first_audio", 3.0)]
    assert figures(records) == {
        Figure.END_OF_TURN_DELAY: [0.5],
        Figure.TIME_TO_FIRST_AUDIO: [0.4],
        Figure.END_TO_END_LATENCY: [1.0],
        Figure.OPERATION_DURATION: [0.9],
        Figure.TOKENS: [10, 20],
    }


def test_a_request_has_the_attributes_of_the_conventions():
    records = record(ANSWER)
    assert attributes(records, "request:r1") == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m1",
        "gen_ai.response.id": "resp",
        "gen_ai.output.type": "speech",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "voice.usage.output_audio_tokens": 15,
        "voice.speech_id": "s1",
        "voice.status": "completed",
        "server.address": "127.0.0.1",
    }
    assert attributes(records, SESSION) == {
        "gen_ai.agent.name": "Greeter",
        "gen_ai.conversation.id": "lobby",
        "voice.reason": "over",
    }


def test_what_nobody_knows_is_left_out():
    tracks = Tracks(Subject())
    (opened,) = tracks.begin(0.0)
    assert isinstance(opened, SpanOpened)
    assert opened.attributes == {}


def test_a_speech_of_its_own_accord_answers_nobody():
    records = record([turn(), created(source="say"), requested(), sounded(), finished()])
    assert Figure.END_TO_END_LATENCY not in figures(records)
    assert figures(records)[Figure.TIME_TO_FIRST_AUDIO] == [0.4]


def test_a_second_reply_of_a_speech_has_its_own_first_audio_and_the_answer_is_measured_once():
    events = [
        *ANSWER[:-1],
        requested("r2", at=5.0),
        sounded(at=5.7),
        completed("r2", at=6.0),
        finished(at=9.0),
    ]
    found = figures(record(events))
    assert found[Figure.TIME_TO_FIRST_AUDIO] == [0.4, 0.7]
    assert found[Figure.END_TO_END_LATENCY] == [1.0]


def test_a_turn_while_an_answer_is_on_its_way_does_not_change_what_it_answers():
    """I-9: a "mm-hm" before the first frame is a turn that is judged, and nothing."""
    events = [turn(), created(), requested(), turn(at=3.9, started_at=3.0, ended_at=3.4), sounded(at=5.0), finished()]
    assert figures(record(events))[Figure.END_TO_END_LATENCY] == [3.0]


def test_an_answer_to_typed_text_is_not_measured_from_the_last_voice():
    events = [*ANSWER, created("s2", at=60.0), sounded("s2", at=61.0), finished("s2", at=65.0)]
    assert figures(record(events))[Figure.END_TO_END_LATENCY] == [1.0]


def test_a_commit_and_its_answer_are_one_decision_whichever_is_told_first():
    events = [created(), turn(), requested(), sounded(), finished()]
    assert figures(record(events))[Figure.END_TO_END_LATENCY] == [1.0]


def test_a_turn_that_was_nothing_is_answered_by_nobody():
    nothing = ev.AgentFalseInterruption(resumed=True, at=5.0, speech_id="s1", voice_at=3.0, held_at=3.2)
    events = [created(source="say"), turn(), nothing, created("s2", at=60.0), sounded("s2", at=61.0)]
    assert Figure.END_TO_END_LATENCY not in figures(record(events))


def voice(speech_id: str = "s1", *, at: float, voice_at: float, held_at: float | None):
    return {"at": at, "speech_id": speech_id, "voice_at": voice_at, "held_at": held_at}


@pytest.mark.parametrize(
    ("events", "barge_in", "dead_air"),
    [
        pytest.param(
            [
                ev.UserStateChanged(at=4.0, old=UserState.LISTENING, new=UserState.SPEAKING),
                ev.UserStateChanged(at=4.3, old=UserState.SPEAKING, new=UserState.LISTENING),
                ev.AgentFalseInterruption(resumed=True, **voice(at=5.3, voice_at=4.0, held_at=4.16)),
            ],
            [0.16],
            [1.0],
            id="a cough: silence counts from its end",
        ),
        pytest.param(
            [
                ev.UserStateChanged(at=4.0, old=UserState.LISTENING, new=UserState.SPEAKING),
                ev.UserStateChanged(at=4.1, old=UserState.SPEAKING, new=UserState.LISTENING),
                ev.AgentFalseInterruption(resumed=True, **voice(at=5.3, voice_at=4.0, held_at=4.16)),
            ],
            [0.16],
            [1.14],
            id="a cough that was over before the hold: silence counts from the hold",
        ),
        pytest.param(
            [ev.AgentFalseInterruption(resumed=True, **voice(at=5.3, voice_at=4.0, held_at=4.2))],
            [0.2],
            [1.1],
            id="nobody said when the voice ended",
        ),
        pytest.param(
            [ev.AgentFalseInterruption(resumed=False, **voice(at=5.3, voice_at=4.0, held_at=4.2))],
            [0.2],
            None,
            id="nothing that was not resumed",
        ),
        pytest.param([ev.AgentInterrupted(**voice(at=5.3, voice_at=4.0, held_at=4.2))], [0.2], None, id="a cut"),
        pytest.param(
            [ev.AgentInterrupted(**voice(at=4.5, voice_at=4.0, held_at=None))], [0.5], None, id="a cut without hold"
        ),
        pytest.param(
            [ev.AgentInterrupted(**voice(at=4.5, voice_at=4.5, held_at=None))], None, None, id="the application's"
        ),
    ],
)
def test_interruptions_are_measured(
    events: list[ev.SessionEvent], barge_in: list[float] | None, dead_air: list[float] | None
):
    """I-13."""
    found = figures(record([created(source="say"), sounded(), *events]))
    assert found.get(Figure.BARGE_IN) == barge_in
    assert found.get(Figure.DEAD_AIR) == dead_air


def test_a_hold_stands_in_its_agent_turn():
    held = ev.AgentFalseInterruption(resumed=True, **voice(at=5.3, voice_at=4.0, held_at=4.2))
    records = record([created(), sounded(), held, finished(at=8.0)])
    assert moments(records, "speech:s1") == [("first_audio", 3.0), ("voice", 4.0), ("held", 4.2), ("resumed", 5.3)]
    assert attributes(records, "speech:s1")[names.INTERRUPTED] is False


TOOLS = ev.FunctionToolsExecuted(
    at=4.5,
    started_at=4.0,
    speech_id="s1",
    calls=(
        FunctionCall(id="i1", call_id="c1", name="lookup", arguments=f'{{"word": "{SECRET}"}}'),
        FunctionCall(id="i2", call_id="c2", name="book", arguments="{}"),
        FunctionCall(id="i3", call_id="c3", name="lost", arguments="{}"),
    ),
    outputs=(
        FunctionCallOutput(id="o1", call_id="c1", output=SECRET),
        FunctionCallOutput(id="o2", call_id="c2", output="An internal error occurred", is_error=True),
    ),
)


def test_tools_are_parts_of_the_speech_that_called_them_even_when_it_is_over():
    """U-3."""
    records = record([created(), finished(at=4.2, interrupted=True), TOOLS])
    tools = {key: span for key, span in spans(records).items() if key.startswith("tool:")}
    assert list(tools.values()) == [("agent_turn", "function_tool", 4.0, 4.5)] * 3
    assert [attributes(records, key)["gen_ai.tool.name"] for key in tools] == ["lookup", "book", "lost"]
    assert [closing(records, key).failure for key in tools] == ["", "the tool failed", "lost has not answered"]


CONTENT = [
    turn(),
    ev.UserInputTranscribed(at=2.7, item_id="i", text=SECRET, final=False),
    created(),
    ev.UserInputTranscribed(at=2.9, item_id="i", text=SECRET, final=True),
    ev.ConversationItemAdded(at=2.9, item=Message(id="i", role=Role.USER, text=SECRET)),
    requested(),
    TOOLS,
    completed(),
    finished(),
]


def test_no_word_is_recorded_unless_asked_for():
    assert SECRET not in repr(record(CONTENT))


def test_words_are_recorded_when_asked_for():
    records = record(CONTENT, content=True)
    assert attributes(records, "user:1")[names.TEXT] == SECRET
    assert spans(records)["user:1"][2:] == (1.0, 2.5)
    assert attributes(records, "speech:s1")[names.TEXT] == SECRET
    assert SECRET in str(attributes(records, "tool:2")[names.TOOL_ARGUMENTS])
    assert attributes(records, "tool:2")[names.TOOL_RESULT] == SECRET


def test_a_turn_whose_words_never_come_is_recorded_without():
    records = record([turn(), turn(at=9.0, started_at=8.0, ended_at=8.5)], content=True)
    assert [span[2:] for span in spans(records).values() if span[1] == "user_turn"] == [(1.0, 2.5), (8.0, 9.0)]


@pytest.mark.parametrize(
    ("event", "key", "failure"),
    [
        (completed(status="failed"), "request:r1", "failed"),
        (completed(status="incomplete"), "request:r1", "incomplete"),
        (completed(status="cancelled"), "request:r1", ""),
        (finished(failure="the model is silent"), "speech:s1", "the model is silent"),
    ],
)
def test_failures_are_the_status_of_their_span(event: ev.SessionEvent, key: str, failure: str):
    records = record([created(), requested(), event])
    assert closing(records, key).failure == failure


def test_a_fatal_error_is_the_sessions():
    error = ev.ErrorOccurred(at=3.0, source="model", message="no quota", fatal=True)
    records = record([error, ev.SessionClosed(at=4.0, reason="no quota")])
    assert closing(records, SESSION).failure == "no quota"
    assert closing(records, SESSION).at == 4.0
    warning = ev.ErrorOccurred(at=3.0, source="tool", message="broken", fatal=False)
    records = record([warning])
    assert (closing(records, SESSION).failure, moments(records, SESSION)) == ("", [("error", 3.0)])


def test_the_whole_usage_is_the_sessions():
    usage = ev.UsageCollected(at=3.0, usage=Usage(input_tokens=1), total=Usage(input_tokens=7, output_tokens=9))
    records = record([usage])
    assert attributes(records, SESSION)["gen_ai.usage.input_tokens"] == 7


def test_the_model_s_first_output_is_measured_as_the_connection_has_seen_it():
    usage = Usage(input_tokens=1)
    events = [
        ev.UsageCollected(at=3.0, usage=usage, total=usage, first_output_seconds=0.25),
        ev.UsageCollected(at=4.0, usage=usage, total=usage),
    ]
    assert figures(record(events))[Figure.TIME_TO_FIRST_CHUNK] == [0.25]


def test_nothing_is_recorded_of_a_session_that_is_over():
    tracks = Tracks(SUBJECT)
    tracks.begin(0.0)
    assert tracks.receive(ev.SessionClosed(at=1.0, reason="left"))
    assert [tracks.receive(event) for event in ANSWER] == [[]] * len(ANSWER)
    assert tracks.end(2.0) == []


IDS = st.sampled_from(["s1", "s2"])
REQUESTS = st.sampled_from(["r1", "r2", "r3"])
TIMES = st.floats(0.0, 90.0)
EVENTS = st.one_of(
    st.builds(turn, TIMES, TIMES, TIMES),
    st.builds(created, IDS, st.sampled_from(["turn", "say"]), TIMES),
    st.builds(requested, REQUESTS, IDS, TIMES),
    st.builds(completed, REQUESTS, IDS, TIMES),
    st.builds(sounded, IDS, TIMES),
    st.builds(finished, IDS, TIMES),
    st.builds(
        ev.UserInputTranscribed, at=TIMES, item_id=IDS, text=st.text(string.ascii_letters), final=st.booleans()
    ),
    st.builds(
        ev.AgentFalseInterruption, at=TIMES, speech_id=IDS, resumed=st.booleans(), voice_at=TIMES, held_at=TIMES
    ),
    st.builds(ev.AgentInterrupted, at=TIMES, speech_id=IDS, voice_at=TIMES, held_at=st.none() | TIMES),
    st.builds(ev.AgentStateChanged, at=TIMES, old=st.just(AgentState.LISTENING), new=st.just(AgentState.THINKING)),
    st.builds(ev.SessionClosed, at=TIMES, reason=st.just("left")),
)


@given(st.lists(EVENTS, max_size=30), st.booleans())
def test_whatever_happens_each_span_that_opens_closes_once_and_nothing_lasts_less_than_no_time(
    events: list[ev.SessionEvent], content: bool
):
    records = record(events, content=content)
    open_now: set[str] = set()
    for each in records:
        match each:
            case SpanOpened(key=key, parent=parent):
                assert key not in open_now
                assert parent is None or parent == SESSION or parent.startswith("speech:")
                open_now.add(key)
            case SpanClosed(key=key):
                open_now.remove(key)
            case MomentNoted(key=key):
                assert key in open_now
            case Measured(value=value):
                assert value >= 0.0
    assert not open_now
