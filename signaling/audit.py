"""The audit log: one line for each join, leave, dispatch, removal and refusal, as `event name=value name="value"`.

The values are identities, rooms, addresses and codes: never a token, a key, a description or a candidate.
"""

import json
import logging
import re
from typing import assert_never

from signaling.errors import ErrorCode
from signaling.reports import (
    JobChanged,
    ParticipantJoined,
    ParticipantKicked,
    ParticipantLeft,
    Refused,
    Report,
    RoomFinished,
    RoomStarted,
    WorkerChanged,
)

logger = logging.getLogger(__name__)

_PLAIN = re.compile(r"[A-Za-z0-9._:@/+-]+")


def audit(report: Report) -> None:
    """Write a report down; floods are left to the metrics."""
    flood = isinstance(report, Refused) and report.code is ErrorCode.RATE_LIMITED
    logger.log(logging.DEBUG if flood else logging.INFO, "%s", line_of(report))


def line_of(report: Report) -> str:
    """A report as one line; whatever is not plain is quoted as in JSON, so that nobody can forge a line."""
    event, fields = _fields(report)
    quoted = {name: value if _PLAIN.fullmatch(value) else json.dumps(value) for name, value in fields.items()}
    return " ".join([event, *(f"{name}={value}" for name, value in quoted.items())])


def _fields(report: Report) -> tuple[str, dict[str, str]]:
    match report:
        case RoomStarted(room=room):
            return "room_started", {"room": room.name, "room_sid": room.sid}
        case RoomFinished(room=room):
            return "room_finished", {"room": room.name, "room_sid": room.sid}
        case ParticipantJoined(room=room, participant=one):
            return "joined", {"room": room.name, "identity": one.identity, "kind": one.kind, "sid": one.sid}
        case ParticipantLeft(room=room, participant=one, reason=reason):
            return "left", {"room": room.name, "identity": one.identity, "kind": one.kind, "reason": reason}
        case ParticipantKicked(room=room, identity=identity, by=by):
            return "kicked", {"room": room.name, "identity": identity, "by": by}
        case JobChanged(room=name, agent=agent, job=job, op=op, reason=reason):
            fields = {"room": name, "agent": agent, "job": job, "state": op}
            return "dispatch", fields if reason is None else {**fields, "reason": reason}
        case WorkerChanged(worker=worker, agent=agent, is_there=is_there):
            return "worker_registered" if is_there else "worker_lost", {"worker": worker, "agent": agent}
        case Refused(address=address, code=code, text=text):
            return "refused", {"address": address, "code": code.value, "text": text}
        case _:
            assert_never(report)
