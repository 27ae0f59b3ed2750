"""The tables of `jobs --stats`: what agents count of themselves, in cells; what they do not tell is a dash."""

import pytest

from agent_worker.cli.figures import HEARING_COLUMNS, SPEAKING_COLUMNS, rows_of_hearing, rows_of_speaking

PACKETS = {"received": 950, "lost": 50, "concealed": 20, "late": 1, "jitter": 0.004, "lag": 0.01}
ANSWER = {
    "playout": {"level": -22.6, "buffered_seconds": 3.21, "holds": 2, "drops": 1, "starvations": 0},
    "speeches": {"waiting": 1},
    "model": {"losses": 0},
    "room": {
        "voice": {"skipped": 10},
        "slots": {"worst": 0.0123},
        "humans": {
            "bob": {"transport": {"round_trip": None}, "voice": None},
            "ann": {"transport": {"round_trip": 0.04}, "voice": {"packets": PACKETS, "level": -96.0, "queued": 2}},
        },
    },
}


def test_an_agent_and_whom_it_hears():
    told = {"lobby": {"agent-1": ANSWER}}
    assert rows_of_speaking(told) == [
        ("lobby", "agent-1", "-23 dB", "3.2 s", "1", "2", "1", "0", "0.20 s", "12 ms", "0")
    ]
    assert rows_of_hearing(told) == [
        ("lobby", "ann", "70 ms", "4 ms", "5.0 %", "2.0 %", "0.1 %", "silent", "2"),
        ("lobby", "bob", *["-"] * 7),
    ]


@pytest.mark.parametrize("answer", [{}, {"room": None, "playout": "no"}, {"room": {"humans": []}}])
def test_an_answer_of_another_make_is_dashes(answer: dict):
    (row,) = rows_of_speaking({"lobby": {"agent-1": answer}})
    assert row == ("lobby", "agent-1", *["-"] * (len(SPEAKING_COLUMNS) - 2))
    assert rows_of_hearing({"lobby": {"agent-1": answer}}) == []


def test_a_human_of_whom_nothing_is_known():
    told = {"lobby": {"agent-1": {"room": {"humans": {"ann": None}}}}}
    (row,) = rows_of_hearing(told)
    assert row == ("lobby", "ann", *["-"] * (len(HEARING_COLUMNS) - 2))


def test_rooms_stand_in_order():
    told = {"z": {"agent-1": ANSWER}, "a": {"agent-3": ANSWER, "agent-2": ANSWER}}
    assert [row[:2] for row in rows_of_speaking(told)] == [("a", "agent-2"), ("a", "agent-3"), ("z", "agent-1")]
