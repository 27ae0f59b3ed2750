"""The audit log: one line each, that nobody can forge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.audit import line_of
from signaling.envelope import Participant, RoomInfo
from signaling.errors import ErrorCode
from signaling.reports import (
    JobChanged,
    ParticipantJoined,
    ParticipantKicked,
    ParticipantLeft,
    Refused,
    RoomFinished,
    RoomStarted,
    WorkerChanged,
)

ROOM = RoomInfo(name="r", sid="RM_1", metadata="secret plans")
ANN = Participant(identity="ann", sid="PA_1", name="Ann\njoined", metadata="secret plans")


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (RoomStarted(ROOM), "room_started room=r room_sid=RM_1"),
        (RoomFinished(ROOM), "room_finished room=r room_sid=RM_1"),
        (ParticipantJoined(ROOM, ANN), "joined room=r identity=ann kind=human sid=PA_1"),
        (ParticipantLeft(ROOM, ANN, "all done"), 'left room=r identity=ann kind=human reason="all done"'),
        (ParticipantKicked(room=ROOM, identity="ann", by="bob"), "kicked room=r identity=ann by=bob"),
        (JobChanged(room="r", agent="", job="j", op="pending"), 'dispatch room=r agent="" job=j state=pending'),
        (
            JobChanged(room="r", agent="a", job="j", op="failed", reason="no worker"),
            'dispatch room=r agent=a job=j state=failed reason="no worker"',
        ),
        (WorkerChanged(worker="w", agent="a", is_there=True), "worker_registered worker=w agent=a"),
        (WorkerChanged(worker="w", agent="a", is_there=False), "worker_lost worker=w agent=a"),
        (
            Refused(address="1.2.3.4", code=ErrorCode.FORBIDDEN, text="no"),
            "refused address=1.2.3.4 code=forbidden text=no",
        ),
    ],
)
def test_each_report_is_one_line(report, line: str):
    assert line_of(report) == line


@given(st.text())
def test_no_reason_breaks_out_of_its_line(reason: str):
    line = line_of(ParticipantLeft(ROOM, ANN, reason))
    assert line.isprintable()
    assert len(line.splitlines()) == 1
