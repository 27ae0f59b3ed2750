"""What is told, and when a delivery is tried again, in virtual time."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from signaling.webhooks import Deliveries, Notice, Verdict, WebhookSettings, is_public, notice_of

ROOM = RoomInfo(name="r", sid="RM_1")
ANN = Participant(identity="ann", sid="PA_1")


@pytest.mark.parametrize(
    ("report", "event", "fields"),
    [
        (RoomStarted(ROOM), "room_started", {"room"}),
        (RoomFinished(ROOM), "room_finished", {"room"}),
        (ParticipantJoined(ROOM, ANN), "participant_joined", {"room", "participant"}),
        (ParticipantLeft(ROOM, ANN, "left"), "participant_left", {"room", "participant", "reason"}),
        (JobChanged(room="r", agent="a", job="j", op="started"), "job_started", {"room", "job", "reason"}),
    ],
)
def test_rooms_participants_and_jobs_are_told(report, event: str, fields: set[str]):
    notice = notice_of(report, name="EV_1", wall=12.9)
    assert notice is not None
    body = json.loads(notice.body)
    assert (notice.event, body["event"], body["id"], body["created_at"]) == (event, event, "EV_1", 12)
    assert set(body) == {"event", "id", "created_at"} | fields
    assert body["room"]["name"] == "r"


@pytest.mark.parametrize(
    "report",
    [
        Refused(address="a", code=ErrorCode.FORBIDDEN, text="t"),
        WorkerChanged(worker="w", agent="", is_there=True),
        ParticipantKicked(room=ROOM, identity="ann", by="bob"),
    ],
)
def test_what_is_ours_alone_is_not(report):
    assert notice_of(report, name="EV_1", wall=0.0) is None


def notices(number: int) -> list[Notice]:
    return [Notice("e", str(index).encode()) for index in range(number)]


def test_a_receiver_that_takes_everything_hears_it_in_order():
    deliveries, taken = Deliveries(WebhookSettings()), []
    for notice in notices(3):
        deliveries.note(notice)
    while (notice := deliveries.advance(1.0)) is not None:
        assert deliveries.advance(1.0) is None, "one at a time"
        assert deliveries.deadline is None
        taken.append(notice)
        assert deliveries.settle(204, 1.0) is Verdict.DELIVERED
    assert taken == notices(3)
    assert (deliveries.delivered, deliveries.is_idle, deliveries.deadline) == (3, True, None)


@pytest.mark.parametrize("status", [None, 500, 503, 408, 425, 429])
def test_what_may_pass_is_tried_five_times_more_with_growing_pauses(status: int | None):
    deliveries, now, times = Deliveries(WebhookSettings()), 10.0, []
    deliveries.note(Notice("e", b""))
    while not deliveries.is_idle:
        assert deliveries.deadline is not None
        now = max(now, deliveries.deadline)
        assert deliveries.advance(now - 1e-6) is None or not times
        if deliveries.deadline is not None:
            assert deliveries.advance(now) is not None
        times.append(now)
        verdict = deliveries.settle(status, now)
        assert verdict is (Verdict.RETRY if len(times) <= 5 else Verdict.FAILED)
    assert [later - earlier for earlier, later in pairwise(times)] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert (deliveries.failed, deliveries.delivered) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 410])
def test_what_will_never_pass_is_given_up_at_once(status: int):
    deliveries = Deliveries(WebhookSettings())
    for notice in notices(2):
        deliveries.note(notice)
    assert deliveries.advance(0.0) == notices(1)[0]
    assert deliveries.settle(status, 0.0) is Verdict.FAILED
    assert deliveries.advance(0.0) == notices(2)[1], "the next one is not held up"


@given(st.lists(st.sampled_from(["note", "ok", "down", "never", "wait"]), max_size=80), st.integers(1, 5))
def test_nothing_is_lost_uncounted_and_the_queue_stays_bounded(steps: list[str], size: int):
    deliveries, now, noted = Deliveries(WebhookSettings(max_waiting=size, backoff=(1.0,))), 0.0, 0
    posting = False
    waiting = 0
    for step in steps:
        if step == "note":
            deliveries.note(Notice("e", str(noted).encode()))
            noted += 1
        elif step == "wait":
            now += 0.7
        elif posting:
            deliveries.settle({"ok": 200, "down": None, "never": 404}[step], now)
            posting = False
        posting = posting or deliveries.advance(now) is not None
        waiting = noted - deliveries.delivered - deliveries.failed - deliveries.dropped
        assert 0 <= waiting <= size
        assert deliveries.is_idle == (waiting == 0)


def test_when_full_the_one_on_its_way_stays_and_the_oldest_behind_it_goes():
    deliveries = Deliveries(WebhookSettings(max_waiting=2))
    first, second, third = notices(3)
    deliveries.note(first)
    assert deliveries.advance(0.0) == first
    deliveries.note(second)
    deliveries.note(third)
    assert deliveries.dropped == 1
    deliveries.settle(200, 0.0)
    assert deliveries.advance(0.0) == third


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_addresses_of_the_internet(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
        "224.0.0.1",
        "0.0.0.0",
        "::ffff:10.0.0.1",
        "100.64.0.1",
        "localhost",
        "nonsense",
    ],
)
def test_addresses_of_our_own(address: str):
    assert not is_public(address)
