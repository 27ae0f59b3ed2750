"""From probabilities to voice events. Each window lasts 32 ms; times are those of the windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped
from agent_worker.vad.gate import Gate, GateOptions, GateState

WINDOW = 0.032
OPTIONS = GateOptions(activation=0.5, deactivation=0.35, min_voice=0.064, hang=0.16)


def windows(pattern: str) -> list[float]:
    """# loud, = between the two thresholds, . quiet."""
    return [{"#": 0.9, "=": 0.4, ".": 0.1}[mark] for mark in pattern]


def events_of(pattern: str, options: GateOptions = OPTIONS) -> list[VoiceEvent]:
    gate = Gate(options)
    events: list[VoiceEvent] = []
    for number, probability in enumerate(windows(pattern), start=1):
        events += gate.receive(probability, number * WINDOW)
    return events


def voices(events: list[VoiceEvent]) -> list[tuple[int, int]]:
    """(first window, window after the last) of each voice that has stopped."""
    starts = [round(event.at / WINDOW) for event in events if isinstance(event, VoiceStarted)]
    stops = [round(event.at / WINDOW) for event in events if isinstance(event, VoiceStopped)]
    return list(zip(starts, stops, strict=False))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        pytest.param("..........", [], id="silence"),
        pytest.param("..#.......", [], id="a single window is no voice"),
        pytest.param("..==......", [], id="nothing begins below the activation"),
        pytest.param("..##.....", [(2, 4)], id="the shortest voice"),
        pytest.param("..#=.....", [(2, 4)], id="it goes on above the deactivation"),
        pytest.param("..#.##.....", [(4, 6)], id="a start that fell back is forgotten"),
        pytest.param("..##....##.....", [(2, 10)], id="a gap shorter than the hang"),
        pytest.param("..##.....##.....", [(2, 4), (9, 11)], id="a gap as long as the hang"),
        pytest.param("..##==.=......", [(2, 8)], id="the end is that of the last voiced window"),
    ],
)
def test_voices(pattern: str, found: list[tuple[int, int]]) -> None:
    assert voices(events_of(pattern)) == found


def test_the_events_of_a_voice_in_order() -> None:
    assert [(type(event), round(event.at / WINDOW, 6)) for event in events_of(".##=......")] == [
        (VoiceStarted, 1),
        (VoiceContinued, 3),
        (VoiceContinued, 4),
        (VoiceStopped, 4),
    ]


def test_one_window_may_be_enough() -> None:
    assert voices(events_of("..#......", GateOptions(min_voice=0.0))) == [(2, 3)]


def test_when_media_stops_a_voice_ends_where_it_was_last_heard() -> None:  # T-5
    gate = Gate(OPTIONS)
    for number, probability in enumerate(windows("##."), start=1):
        gate.receive(probability, number * WINDOW)
    assert gate.lost() == [VoiceStopped(2 * WINDOW, 2 * WINDOW)]
    assert gate.state is GateState.QUIET
    assert gate.lost() == []


def test_when_media_stops_a_rising_voice_is_forgotten() -> None:
    gate = Gate(OPTIONS)
    gate.receive(0.9, WINDOW)
    assert gate.lost() == []
    assert gate.receive(0.9, 10 * WINDOW) == []


def stops_of(levels: list[float], probability: float = 0.9) -> list[tuple[int, int]]:
    """(last window heard, last window that sounded) of each voice that stopped, of windows that all seem voiced."""
    gate = Gate(OPTIONS)
    events = [
        event
        for number, level in enumerate(levels, start=1)
        for event in gate.receive(probability, number * WINDOW, level)
    ]
    return [
        (round(event.at / WINDOW), round((event.faded_at or 0.0) / WINDOW))
        for event in events
        if isinstance(event, VoiceStopped)
    ]


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        pytest.param([-20.0] * 10 + [-80.0] * 8, [(15, 10)], id="the memory of a model is no sound"),
        pytest.param([-20.0] * 10 + [-45.0] * 8, [], id="a quiet voice goes on"),
        pytest.param([-20.0] * 10 + [-80.0] * 3 + [-30.0] * 5, [], id="a gap inside of a word"),
        pytest.param([-3.0] + [-45.0] * 40, [], id="a bang does not end the voice behind it"),
        pytest.param([-60.0] * 20, [], id="how loud a voice is does not matter"),
    ],
)
def test_a_voice_that_sounds_no_more_has_stopped(levels: list[float], found: list[tuple[int, int]]) -> None:
    assert stops_of(levels) == found


def test_nothing_begins_in_the_silence_after_a_voice() -> None:
    gate = Gate(OPTIONS)
    for number, level in enumerate([-20.0] * 10 + [-80.0] * 20, start=1):
        gate.receive(0.9, number * WINDOW, level)
    assert gate.state is GateState.QUIET


@given(st.lists(st.floats(0, 1), max_size=200))
def test_the_grammar_of_events(probabilities: list[float]) -> None:
    """Started, continued, stopped, and again; times never go back; no voice is shorter than asked."""
    gate = Gate(OPTIONS)
    events: list[VoiceEvent] = []
    for number, probability in enumerate(probabilities, start=1):
        events += gate.receive(probability, number * WINDOW)
    events += gate.lost()
    assert [event.at for event in events] == sorted(event.at for event in events)
    marks = "".join({VoiceStarted: "S", VoiceContinued: "c", VoiceStopped: "E"}[type(event)] for event in events)
    for voice in marks.split("E")[:-1]:
        assert voice[0] == "S"
        assert set(voice[1:]) == {"c"}, "at least once"
    assert marks.endswith("E") or not marks
    starts = [event.at for event in events if isinstance(event, VoiceStarted)]
    stops = [event.at for event in events if isinstance(event, VoiceStopped)]
    assert all(stop - start >= OPTIONS.min_voice - 1e-6 for start, stop in zip(starts, stops, strict=True))


@pytest.mark.parametrize(
    ("probabilities", "hinted"),
    [
        pytest.param([0.1, 0.2], [False, True], id="less than it takes for a voice"),
        pytest.param([0.2, 0.1], [True, False], id="it comes to nothing"),
        pytest.param([0.9, 0.9, 0.9], [True, True, False], id="a voice that was reported is no hint"),
    ],
)
def test_hints(probabilities: list[float], hinted: list[bool]) -> None:
    gate, found = Gate(OPTIONS), list[bool]()
    for number, probability in enumerate(probabilities, start=1):
        gate.receive(probability, number * WINDOW)
        found.append(gate.hinted)
    assert found == hinted
    gate.lost()
    assert not gate.hinted
