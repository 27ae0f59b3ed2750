"""Jobs in virtual time: who is asked, who gets them, and what becomes of them when somebody fails."""

from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signaling.dispatch import Dispatch
from signaling.engine.base import NobodyFree, Reserved, Want
from signaling.engine.placement import Candidate, place
from signaling.envelope import AgentWish, Participant, RoomInfo
from signaling.errors import ErrorCode
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Announced,
    Departure,
    FirstHumanArrived,
    LastHumanLeft,
    RoomClosed,
)
from signaling.jobs import (
    AgentWanted,
    AssignJob,
    CloseWorker,
    DispatchDeleted,
    DispatchSettings,
    NobodyReserved,
    ReserveWorker,
    SendWorker,
    SettleJob,
    WorkerLost,
    WorkerRegistered,
    WorkerReserved,
    WorkerSaid,
)
from signaling.worker_messages import (
    JobAccept,
    JobOffer,
    JobReject,
    JobTerminate,
    JobUpdate,
    Register,
    Registered,
    RunningJob,
    Status,
)

ANN = Participant(identity="ann", sid="PA_1")


def room_info(name: str) -> RoomInfo:
    return RoomInfo(name=name, sid=f"RM_{name}")


@dataclass
class Office:
    """Dispatch, a clock, and everything that anybody was told. Workers send a status when asked to live."""

    settings: DispatchSettings = field(default_factory=DispatchSettings)
    seed: int = 1

    def __post_init__(self) -> None:
        numbers = count(1)
        self.random = Random(self.seed)
        self.dispatch = Dispatch(self.settings, lambda prefix: f"{prefix}{next(numbers)}")
        self.slots: dict[str, tuple[int, str]] = {}
        self.waiting: list[ReserveWorker] | None = None
        self.now = 0.0
        self.next_beat = 2.5
        self.told: list[tuple[str, object]] = []
        self.news: list[tuple[str, str, str | None]] = []
        self.revoked: list[tuple[str, int]] = []
        self.assigned: list[AssignJob] = []
        self.closed: list[str] = []
        self.alive: dict[str, Status] = {}

    def do(self, event) -> None:
        self.take(self.dispatch.receive(event, self.now))

    def take(self, actions) -> None:
        for action in actions:
            match action:
                case SendWorker(session=session, message=message):
                    self.told.append((session, message))
                case AssignJob():
                    self.assigned.append(action)
                case ReserveWorker() if self.waiting is not None:
                    self.waiting.append(action)
                case ReserveWorker():
                    self.do(self.reserve(action))
                case SettleJob(job=job, attempt=attempt):
                    if job in self.slots and self.slots[job][0] == attempt:
                        del self.slots[job]
                case Announced(room=room, event=event):
                    self.news.append((room, event.op, event.reason))
                case AgentRevoked(job=job, epoch=epoch):
                    self.revoked.append((job, epoch))
                case CloseWorker(session=session, reason=ErrorCode.DUPLICATE_IDENTITY):
                    self.closed.append(session)

    def reserve(self, want: ReserveWorker) -> WorkerReserved | NobodyReserved:
        """What the engine says, at once."""
        candidates = [
            Candidate(
                worker=worker.id,
                agent=worker.agent,
                max_jobs=worker.max_jobs,
                is_connected=worker.lost_at is None,
                state=worker.state,
                load=worker.load,
                held=worker.slots | {job for job, (_, holder) in self.slots.items() if holder == worker.id},
                reported=worker.reported,
                quiet=self.now - worker.seen_at,
            )
            for worker in self.dispatch.workers()
        ]
        wish = Want(
            job=want.job,
            attempt=want.attempt,
            fence=(want.room, 1),
            agent=want.agent,
            tried=want.tried,
            first=want.first,
        )
        match place(wish, candidates, self.random):
            case Reserved(worker=worker):
                self.slots[want.job] = want.attempt, worker
                return WorkerReserved(job=want.job, attempt=want.attempt, worker=worker)
            case NobodyFree(reason=reason):
                return NobodyReserved(job=want.job, attempt=want.attempt, reason=reason)

    def wait(self, seconds: float) -> None:
        """Let time pass; workers in `alive` send their status each 2.5 s."""
        end = self.now + seconds
        while True:
            due = self.dispatch.deadline
            at = min(end, self.next_beat, end if due is None else due)
            self.now = max(at, self.now)
            self.take(self.dispatch.advance(self.now))
            if self.now >= self.next_beat:
                self.next_beat += 2.5
                for session, status in self.alive.items():
                    self.do(WorkerSaid(session, status))
            if self.now >= end and (self.dispatch.deadline is None or self.dispatch.deadline > end):
                return

    def register(self, worker: str, session: str = "", **fields) -> str:
        session = session or f"ws-{worker}"
        self.do(WorkerRegistered(session, Register(worker=worker, **fields)))
        self.alive[session] = Status()
        return session

    def lose(self, session: str) -> None:
        del self.alive[session]
        self.do(WorkerLost(session))

    def enter(self, room: str = "r", agent: str | None = "") -> None:
        agents = () if agent is None else (AgentWish(name=agent),)
        self.do(FirstHumanArrived(room=room_info(room), participant=ANN, agents=agents))

    def say(self, session: str, message) -> None:
        self.do(WorkerSaid(session, message))

    def offers(self) -> list[tuple[str, str]]:
        return [(session, m.job) for session, m in self.told if isinstance(m, JobOffer)]

    def terminated(self) -> list[tuple[str, str, int, str]]:
        return [(s, m.job, m.epoch, m.reason) for s, m in self.told if isinstance(m, JobTerminate)]

    def accept(self) -> AssignJob:
        """The worker that was asked last says yes."""
        session, job = self.offers()[-1]
        self.say(session, JobAccept(job=job))
        return self.assigned[-1]

    def run(self) -> AssignJob:
        """The worker that was asked last says yes, and its agent joins."""
        assign = self.accept()
        self.do(AgentArrived(room=assign.room, job=assign.job, epoch=assign.epoch))
        return assign

    def depart(self, assign: AssignJob, *, wanted: bool) -> None:
        how = Departure.LEFT if wanted else Departure.LOST
        self.do(AgentDeparted(room=assign.room, job=assign.job, epoch=assign.epoch, how=how))

    def fail(self, assign: AssignJob, reason: str | None = None) -> None:
        update = JobUpdate(job=assign.job, epoch=assign.epoch, state="ended", result="failed", reason=reason)
        self.say(assign.session, update)

    def ops(self) -> list[str]:
        return [op for _, op, _ in self.news]

    def jobs_of(self, worker: str) -> set[str]:
        return next(entry.slots for entry in self.dispatch.workers() if entry.id == worker)


@pytest.fixture
def office() -> Office:
    return Office()


# The way of a job that goes well. ------------------------------------------------------------------------------


def test_a_room_with_its_first_human_gets_the_agent(office: Office):
    worker = office.register("w")
    assert office.told == [(worker, Registered(session=worker, keep=(), revoke=()))]
    office.enter()
    offer = office.told[-1][1]
    assert isinstance(offer, JobOffer)
    assert (offer.room, offer.participant, offer.attempt, offer.deadline_ms) == (room_info("r"), ANN, 1, 5000)
    assert office.news == [("r", "pending", None)]
    office.say(worker, JobAccept(job=offer.job, identity="bot", name="Bot"))
    (assign,) = office.assigned
    assert (assign.session, assign.room, assign.job, assign.epoch) == (worker, "r", offer.job, 1)
    assert assign.accept.identity == "bot"
    assert office.dispatch.admits("r", offer.job, 1)
    office.do(AgentArrived(room="r", job=offer.job, epoch=1))
    assert office.ops() == ["pending", "assigned", "started"]
    assert office.dispatch.progress("r") == []
    office.say(worker, JobUpdate(job=offer.job, epoch=1, state="ended", result="success", reason="done"))
    assert office.news[-1] == ("r", "ended", "done")
    assert office.revoked == [(offer.job, 1)]
    assert office.jobs_of("w") == set()
    assert office.dispatch.deadline is None


def test_no_agent_without_the_wish_for_one(office: Office):
    office.register("w")
    office.enter(agent=None)
    assert office.offers() == []
    assert office.news == []


def test_a_room_has_one_job_however_often_it_is_asked_for(office: Office):
    office.register("w")
    office.enter()
    for _ in range(3):
        office.do(AgentWanted(room=room_info("r"), participant=ANN, wish=AgentWish(name="other")))
    office.do(LastHumanLeft("r"))
    office.enter()
    assert len(office.offers()) == 1


# Who is asked. -------------------------------------------------------------------------------------------------


def test_without_a_worker_people_are_told_at_once_and_the_first_to_come_gets_the_job(office: Office):
    office.enter()
    assert office.news == [
        ("r", "pending", "no worker is connected: start one with python -m agent_worker start AGENT")
    ]
    (progress,) = office.dispatch.progress("r")
    assert progress.op == "pending"
    assert "no worker is connected" in (progress.reason or "")
    office.wait(29.9)
    worker = office.register("w")
    assert office.offers() == [(worker, "AJ1")]
    office.run()
    office.wait(60.0)
    assert office.ops() == ["pending", "assigned", "started"]


def test_without_a_worker_for_thirty_seconds_dispatch_fails(office: Office):
    office.enter()
    office.wait(29.9)
    assert office.ops() == ["pending"]
    office.wait(0.2)
    assert office.news[-1][1] == "failed"
    assert "no worker is connected" in (office.news[-1][2] or "")
    assert "30 s" in (office.news[-1][2] or "")
    office.register("w")
    assert office.offers() == []
    # Whoever comes next into an empty room tries anew.
    office.do(LastHumanLeft("r"))
    office.enter()
    assert len(office.offers()) == 1


def test_a_refusal_and_a_silence_pass_the_job_on_to_another_worker(office: Office):
    for name in "abc":
        office.register(name)
    office.enter()
    first, job = office.offers()[-1]
    office.say(first, JobReject(job=job, reason="busy"))
    second, _ = office.offers()[-1]
    office.wait(4.9)
    assert len(office.offers()) == 2
    office.wait(0.2)
    third, _ = office.offers()[-1]
    assert {first, second, third} == {"ws-a", "ws-b", "ws-c"}
    assert [m.attempt for _, m in office.told if isinstance(m, JobOffer)] == [1, 2, 3]
    # The second one wakes up: too late.
    office.say(second, JobAccept(job=job))
    assert office.assigned == []
    assert office.terminated() == [(second, job, 0, "superseded")]
    assert office.accept().session == third


def test_after_three_refusals_the_job_waits_and_is_offered_again(office: Office):
    for name in "abcd":
        office.register(name)
    office.enter()
    for _ in range(3):
        session, job = office.offers()[-1]
        office.say(session, JobReject(job=job))
    assert len(office.offers()) == 3
    office.wait(1.9)
    assert len(office.offers()) == 3
    office.wait(0.2)
    assert len(office.offers()) == 4
    office.run()
    assert office.ops()[-1] == "started"


def test_a_lone_worker_that_keeps_refusing_is_asked_until_the_time_is_up(office: Office):
    worker = office.register("w")
    office.enter()
    while office.ops()[-1] != "failed":
        asked = len(office.offers())
        office.say(worker, JobReject(job="AJ1"))
        while len(office.offers()) == asked and office.ops()[-1] != "failed":
            office.wait(0.5)
    assert office.now == pytest.approx(30.0, abs=1.0)
    assert len(office.offers()) == 15
    assert office.news[-1][2] == "every worker is busy (waited 30 s)"
    assert office.jobs_of("w") == set()


def test_a_final_refusal_ends_the_matter(office: Office):
    office.register("a")
    office.register("b")
    office.enter()
    session, job = office.offers()[-1]
    office.say(session, JobReject(job=job, reason="not tonight", final=True))
    assert office.news[-1] == ("r", "failed", "not tonight")
    assert len(office.offers()) == 1


def test_only_the_worker_that_was_asked_can_answer(office: Office):
    office.register("a")
    office.register("b")
    office.enter()
    asked, job = office.offers()[-1]
    other = ({"ws-a", "ws-b"} - {asked}).pop()
    office.say(other, JobReject(job=job, final=True))
    office.say(other, JobAccept(job=job))
    office.say("nobody", JobAccept(job=job))
    assert (office.assigned, office.ops()) == ([], ["pending"])
    assert office.accept().session == asked


def test_named_agents_go_to_workers_of_that_name(office: Office):
    office.register("plain")
    office.enter("r1", agent="waiter")
    assert office.news[-1] == ("r1", "pending", "no worker is connected that runs the agent waiter")
    office.register("w", agent="waiter")
    assert office.offers() == [("ws-w", "AJ1")]
    office.enter("r2")
    assert office.offers()[-1] == ("ws-plain", "AJ2")


def test_a_job_for_any_agent_prefers_the_unnamed_and_takes_any(office: Office):
    office.register("w", agent="waiter")
    office.enter("r1")
    assert office.offers() == [("ws-w", "AJ1")]
    office.register("plain")
    for number in range(2, 9):
        office.enter(f"r{number}")
    assert {session for session, _ in office.offers()[1:]} == {"ws-plain"}


def test_slots_are_reserved_by_offers_and_freed_by_ends(office: Office):
    worker = office.register("w", max_jobs=2)
    for room in ("a", "b", "c"):
        office.enter(room)
    assert [job for _, job in office.offers()] == ["AJ1", "AJ2"]
    assert office.news[-1] == ("c", "pending", "every worker is busy")
    assert office.accept().job == "AJ2"
    office.say(worker, JobUpdate(job="AJ2", epoch=1, state="ended", result="success"))
    assert office.offers()[-1] == (worker, "AJ3")


@pytest.mark.parametrize("state", ["full", "draining"])
def test_workers_that_are_full_or_draining_are_left_alone(office: Office, state: str):
    worker = office.register("w")
    office.say(worker, Status(state=state))
    office.enter()
    assert office.offers() == []
    office.say(worker, Status(state="available"))
    assert office.offers() == [(worker, "AJ1")]


def test_a_worker_that_is_silent_for_two_beats_is_left_alone_until_it_speaks(office: Office):
    worker = office.register("w")
    office.alive.clear()
    office.wait(5.1)
    office.enter()
    assert office.offers() == []
    office.say(worker, Status())
    assert office.offers() == [(worker, "AJ1")]


def test_the_less_loaded_of_two_is_asked(office: Office):
    idle, busy = office.register("idle"), office.register("busy")
    office.say(busy, Status(load=0.9))
    for number in range(5):
        office.enter(f"r{number}")
    assert {session for session, _ in office.offers()} == {idle}


def test_jobs_spread_over_workers_that_have_not_reported_yet(office: Office):
    for name in "abcd":
        office.register(name, max_jobs=16)
    for number in range(40):
        office.enter(f"r{number}")
    shares = [len(worker.slots) for worker in office.dispatch.workers()]
    assert sum(shares) == 40
    assert max(shares) - min(shares) <= 3


# Reservations whose answer takes its time. ----------------------------------------------------------------------


def asked(office: Office) -> ReserveWorker:
    """A room with its first human, for whose agent a worker is being looked for."""
    office.waiting = []
    office.enter()
    (want,) = office.waiting
    return want


def test_nothing_is_said_before_it_is_known_whether_somebody_is_free(office: Office):
    office.register("w")
    want = asked(office)
    assert (office.news, office.offers()) == ([], [])
    office.say("ws-w", Status())
    assert len(office.waiting or []) == 1, "it is looked for once at a time"
    office.do(office.reserve(want))
    assert office.news == [("r", "pending", None)]
    assert office.offers() == [("ws-w", "AJ1")]


@pytest.mark.parametrize("how", ["deleted", "closed", "timed out"])
def test_a_slot_that_comes_too_late_is_given_back(office: Office, how: str):
    office.register("w")
    want = asked(office)
    match how:
        case "deleted":
            office.do(DispatchDeleted(want.job))
        case "closed":
            office.do(RoomClosed("r"))
        case _:
            office.wait(31.0)
            assert office.news[-1][1] == "failed"
    office.do(office.reserve(want))
    assert office.offers() == []
    assert office.slots == {}


def test_a_slot_at_a_worker_that_was_just_lost_is_given_back_and_another_is_looked_for(office: Office):
    office.register("a")
    want = asked(office)
    found = office.reserve(want)
    office.lose("ws-a")
    office.do(found)
    assert office.slots == {}
    again = (office.waiting or [])[-1]
    assert (again.attempt, again.tried) == (1, frozenset())
    office.register("b")
    office.do(office.reserve(again))
    assert office.offers() == [("ws-b", "AJ1")]


def test_an_answer_to_an_earlier_question_is_no_answer(office: Office):
    office.register("w")
    want = asked(office)
    office.do(office.reserve(want))
    office.do(NobodyReserved(job=want.job, attempt=want.attempt, reason="late"))
    office.do(WorkerReserved(job=want.job, attempt=want.attempt + 1, worker="w"))
    assert office.offers() == [("ws-w", "AJ1")]
    assert office.ops() == ["pending"]


# What goes wrong. ----------------------------------------------------------------------------------------------


def test_an_agent_that_does_not_show_up_within_fifteen_seconds_loses_its_job(office: Office):
    worker = office.register("w")
    office.enter()
    assign = office.accept()
    office.wait(14.9)
    assert office.dispatch.admits("r", assign.job, 1)
    office.wait(0.2)
    assert not office.dispatch.admits("r", assign.job, 1)
    assert office.terminated() == [(worker, assign.job, 1, "superseded")]
    assert office.news[-1] == ("r", "pending", "the agent did not join in time")
    assert office.run().epoch == 2
    assert office.dispatch.admits("r", assign.job, 2)
    assert not office.dispatch.admits("r", assign.job, 1)


def test_a_job_that_fails_is_started_anew_with_growing_pauses_three_times(office: Office):
    worker = office.register("w")
    office.enter()
    started = []
    for _ in range(4):
        assign = office.run()
        started.append(office.now)
        office.wait(10.0)
        office.say(
            worker, JobUpdate(job=assign.job, epoch=assign.epoch, state="ended", result="failed", reason="boom")
        )
        office.wait(3.5)
    assert len(office.assigned) == 4
    assert [assign.epoch for assign in office.assigned] == [1, 2, 3, 4]
    assert started == pytest.approx([0.0, 13.5, 27.0, 40.5])
    assert [reason for _, op, reason in office.news if op == "pending"] == [None, "boom", "boom", "boom"]
    assert office.news[-1] == ("r", "failed", "boom")
    assert office.jobs_of("w") == set()


@pytest.mark.parametrize(("restart", "pause"), [(0, 0.0), (1, 1.0), (2, 3.0)])
def test_the_pauses_are_none_one_and_three_seconds(office: Office, restart: int, pause: float):
    office.register("w")
    office.enter()
    for _ in range(restart):
        assign = office.run()
        office.fail(assign)
        office.wait(3.5)
    assign = office.run()
    asked = len(office.offers())
    office.fail(assign)
    if pause:
        office.wait(pause - 0.1)
        assert len(office.offers()) == asked
        office.wait(0.2)
    assert len(office.offers()) == asked + 1


@pytest.mark.parametrize(
    ("wanted", "worker_lost", "patience"),
    [(True, False, 2.0), (False, False, 20.0), (False, True, 3.0), (True, True, 2.0)],
)
def test_an_agent_out_of_sight_is_waited_for(office: Office, *, wanted: bool, worker_lost: bool, patience: float):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    if worker_lost:
        office.lose(worker)
    office.depart(assign, wanted=wanted)
    office.wait(patience - 0.1)
    assert office.ops()[-1] == "started"
    office.wait(0.2)
    assert office.news[-1] == ("r", "pending", "the agent left the room")


def test_a_job_that_fails_after_an_hour_has_its_time_to_find_a_worker_again(office: Office):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    office.wait(3600.0)
    office.alive[worker] = Status(state="full")
    office.say(worker, office.alive[worker])
    office.fail(assign)
    office.wait(29.0)
    assert office.ops()[-1] == "pending"
    office.wait(1.1)
    assert office.ops()[-1] == "failed"


def test_an_agent_that_finds_its_way_back_goes_on(office: Office):
    office.register("w")
    office.enter()
    assign = office.run()
    office.depart(assign, wanted=False)
    office.wait(19.0)
    assert office.dispatch.admits("r", assign.job, assign.epoch)
    office.do(AgentArrived(room="r", job=assign.job, epoch=assign.epoch))
    office.wait(100.0)
    assert office.ops() == ["pending", "assigned", "started"]
    assert office.revoked == []


def test_an_agent_that_says_good_bye_and_then_how_it_ended_is_not_replaced(office: Office):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    office.depart(assign, wanted=True)
    office.wait(1.0)
    office.say(worker, JobUpdate(job=assign.job, epoch=1, state="ended", result="success"))
    office.wait(60.0)
    assert office.ops() == ["pending", "assigned", "started", "ended"]


@pytest.mark.parametrize(("comes_back", "jobs"), [(False, 1), (True, 2)])
def test_a_human_who_comes_when_the_agent_has_just_gone_gets_another(office: Office, *, comes_back: bool, jobs: int):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    office.do(LastHumanLeft("r"))
    office.depart(assign, wanted=True)
    if comes_back:
        office.enter()
    office.say(worker, JobUpdate(job=assign.job, epoch=1, state="ended", result="success"))
    assert office.ops()[3] == "ended"
    assert len(office.offers()) == jobs


def test_nobody_is_replaced_for_an_empty_room(office: Office):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    office.do(LastHumanLeft("r"))
    office.say(worker, JobUpdate(job=assign.job, epoch=1, state="ended", result="failed"))
    office.wait(60.0)
    assert len(office.offers()) == 1
    assert office.jobs_of("w") == set()


def test_a_human_who_leaves_during_the_pause_ends_it(office: Office):
    office.register("w")
    office.enter()
    for _ in range(2):
        assign = office.run()
        office.fail(assign)
    assert len(office.offers()) == 2
    office.do(LastHumanLeft("r"))
    office.wait(60.0)
    assert len(office.offers()) == 2
    assert office.dispatch.deadline is None


def test_updates_of_an_earlier_epoch_change_nothing(office: Office):
    worker = office.register("w")
    office.enter()
    first = office.run()
    office.say(worker, JobUpdate(job=first.job, epoch=1, state="ended", result="failed"))
    second = office.run()
    before = list(office.news)
    office.say(worker, JobUpdate(job=first.job, epoch=1, state="ended", result="success"))
    office.say(worker, JobUpdate(job="unknown", epoch=1, state="ended", result="failed"))
    office.say(worker, JobUpdate(job=first.job, epoch=2, state="running"))
    office.do(AgentDeparted(room="r", job=first.job, epoch=1, how=Departure.LEFT))
    office.wait(30.0)
    assert office.news == before
    assert office.dispatch.admits("r", second.job, 2)


# Workers that come and go. -------------------------------------------------------------------------------------


def test_the_jobs_of_a_lost_worker_are_given_away_after_the_lease(office: Office):
    office.register("a")
    office.enter()
    assign = office.run()
    spare = office.register("b")
    office.lose("ws-a")
    office.wait(9.9)
    assert office.revoked == []
    office.wait(0.2)
    assert office.revoked == [(assign.job, 1)]
    assert office.news[-1] == ("r", "pending", "its worker was lost")
    assert office.offers()[-1] == (spare, assign.job)
    assert office.run().epoch == 2
    assert [worker.id for worker in office.dispatch.workers()] == ["b"]


def test_an_offer_to_a_worker_that_is_lost_goes_to_the_next_at_once(office: Office):
    office.register("a")
    office.register("b")
    office.enter()
    asked, job = office.offers()[-1]
    office.lose(asked)
    assert office.offers()[-1] == (({"ws-a", "ws-b"} - {asked}).pop(), job)


def test_a_worker_that_comes_back_keeps_what_it_still_runs(office: Office):
    office.register("w")
    for room in ("a", "b"):
        office.enter(room)
        office.run()
    office.lose("ws-w")
    office.wait(5.0)
    jobs = (RunningJob(job="AJ1", epoch=1), RunningJob(job="AJ2", epoch=7), RunningJob(job="AJ9", epoch=1))
    session = office.register("w", "ws-again", jobs=jobs)
    registered = next(m for s, m in office.told if s == session)
    assert registered == Registered(session=session, keep=("AJ1",), revoke=("AJ2", "AJ9"))
    office.wait(60.0)
    assert office.dispatch.admits("a", "AJ1", 1)
    assert office.revoked == [("AJ2", 1)]
    assert not office.dispatch.admits("b", "AJ2", 1)


def test_an_agent_and_its_worker_that_both_come_back_go_on(office: Office):
    office.register("w")
    office.enter()
    assign = office.run()
    office.lose("ws-w")
    office.depart(assign, wanted=False)
    office.wait(2.0)
    office.register("w", "ws-again", jobs=(RunningJob(job=assign.job, epoch=1),))
    office.wait(15.0)
    office.do(AgentArrived(room="r", job=assign.job, epoch=1))
    office.wait(60.0)
    assert office.ops() == ["pending", "assigned", "started"]


def test_a_worker_that_was_started_anew_has_lost_its_jobs(office: Office):
    office.register("w")
    office.enter()
    assign = office.run()
    office.register("w", "ws-again")
    assert office.closed == ["ws-w"]
    assert office.revoked == [(assign.job, 1)]
    assert office.offers()[-1] == ("ws-again", assign.job)
    # The old socket closing afterwards is no news.
    office.lose("ws-w")
    assert office.run().epoch == 2


def test_a_connected_worker_that_is_silent_for_a_lease_loses_its_jobs_and_is_told(office: Office):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    office.alive.clear()
    office.wait(10.1)
    assert office.revoked == [(assign.job, 1)]
    assert office.terminated() == [(worker, assign.job, 1, "superseded")]
    # It wakes up and speaks of the job as its own: it is told again.
    office.say(worker, Status(running=(RunningJob(job=assign.job, epoch=1),)))
    assert office.terminated() == [(worker, assign.job, 1, "superseded")] * 2


def test_a_status_that_names_the_current_job_is_fine(office: Office):
    worker = office.register("w")
    office.enter()
    assign = office.run()
    office.say(worker, Status(running=(RunningJob(job=assign.job, epoch=1),)))
    assert office.terminated() == []


# Rooms that close. ---------------------------------------------------------------------------------------------


def test_when_the_room_closes_its_job_is_told_to_end(office: Office):
    worker = office.register("w", max_jobs=1)
    office.enter()
    assign = office.run()
    office.do(LastHumanLeft("r"))
    office.do(RoomClosed("r"))
    assert office.terminated() == [(worker, assign.job, 1, "room_closed")]
    assert not office.dispatch.admits("r", assign.job, 1)
    # A new room of that name gets a new job, as soon as the slot is free.
    office.enter()
    assert len(office.offers()) == 1
    office.say(worker, JobUpdate(job=assign.job, epoch=1, state="ended", result="success"))
    assert office.offers()[-1] == (worker, "AJ2")


def test_a_job_that_does_not_end_when_told_frees_its_slot_in_the_end(office: Office):
    office.register("w")
    office.enter()
    office.run()
    office.do(RoomClosed("r"))
    office.wait(11.9)
    assert office.jobs_of("w") == {"AJ1"}
    office.wait(0.2)
    assert office.jobs_of("w") == set()


@pytest.mark.parametrize("state", ["pending", "offered", "backoff"])
def test_a_job_without_an_agent_ends_with_its_room(office: Office, state: str):
    office.enter()
    if state != "pending":
        office.register("w")
    if state == "backoff":
        for _ in range(2):
            assign = office.run()
            office.say("ws-w", JobUpdate(job=assign.job, epoch=assign.epoch, state="ended", result="failed"))
    office.do(RoomClosed("r"))
    assert office.dispatch.deadline is None
    asked = len(office.offers())
    office.wait(60.0)
    assert len(office.offers()) == asked
    if state == "offered":
        office.say("ws-w", JobAccept(job="AJ1"))
        assert office.terminated() == [("ws-w", "AJ1", 0, "superseded")]


# What always holds. --------------------------------------------------------------------------------------------

ROOMS = st.sampled_from(["r1", "r2"])
WORKERS = st.sampled_from(["a", "b", "c"])


class AnyHistory(RuleBasedStateMachine):
    """Workers, agents and humans that do anything at any time. There are never two agents for a room."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(seed=7)
        self.numbers = count(1)
        self.sessions: dict[str, str] = {}
        self.inhabited: set[str] = set()

    @rule(worker=WORKERS, max_jobs=st.integers(1, 2), keeps=st.booleans())
    def register(self, worker: str, max_jobs: int, *, keeps: bool) -> None:
        mine = [a for a in self.office.assigned if a.session.startswith(f"{worker}-")] if keeps else []
        jobs = tuple(RunningJob(job=assign.job, epoch=assign.epoch) for assign in mine)
        session = f"{worker}-{next(self.numbers)}"
        self.office.alive.pop(self.sessions.get(worker, ""), None)
        self.office.register(worker, session, max_jobs=max_jobs, jobs=jobs)
        self.sessions[worker] = session

    @rule(worker=WORKERS)
    def lose_worker(self, worker: str) -> None:
        session = self.sessions.pop(worker, None)
        if session is not None:
            self.office.alive.pop(session, None)
            self.office.do(WorkerLost(session))

    @rule(worker=WORKERS)
    def fall_silent(self, worker: str) -> None:
        self.office.alive.pop(self.sessions.get(worker, ""), None)

    @rule(data=st.data(), answer=st.sampled_from(["accept", "reject", "final"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        if self.office.offers():
            session, job = data.draw(st.sampled_from(self.office.offers()))
            message = JobAccept(job=job) if answer == "accept" else JobReject(job=job, final=answer == "final")
            self.office.say(session, message)

    @rule(data=st.data(), what=st.sampled_from(["arrive", "leave", "vanish", "success", "failed", "running"]))
    def agent(self, data: st.DataObject, what: str) -> None:
        if not self.office.assigned:
            return
        assign = data.draw(st.sampled_from(self.office.assigned))
        match what:
            case "arrive":
                if self.office.dispatch.admits(assign.room, assign.job, assign.epoch):
                    self.office.do(AgentArrived(room=assign.room, job=assign.job, epoch=assign.epoch))
            case "leave" | "vanish":
                self.office.depart(assign, wanted=what == "leave")
            case "running":
                self.office.say(assign.session, JobUpdate(job=assign.job, epoch=assign.epoch, state="running"))
            case result:
                update = JobUpdate(job=assign.job, epoch=assign.epoch, state="ended", result=result)
                self.office.say(assign.session, update)

    @rule(room=ROOMS, what=st.sampled_from(["enter", "leave", "close"]))
    def human(self, room: str, what: str) -> None:
        self.inhabited = self.inhabited | {room} if what == "enter" else self.inhabited - {room}
        match what:
            case "enter":
                self.office.enter(room)
            case "leave":
                self.office.do(LastHumanLeft(room))
            case _:
                self.office.do(LastHumanLeft(room))
                self.office.do(RoomClosed(room))

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0, 10.0, 30.0]))
    def pass_time(self, seconds: float) -> None:
        self.office.wait(seconds)

    @invariant()
    def no_room_has_two_agents(self) -> None:
        for room in ("r1", "r2"):
            admitted = [a for a in self.office.assigned if self.office.dispatch.admits(room, a.job, a.epoch)]
            assert len(admitted) <= 1

    @invariant()
    def a_human_has_an_agent_or_is_told_how_far_it_is(self) -> None:
        for room in self.inhabited:
            jobs = self.office.dispatch.jobs(room)
            told = [op for name, op, _ in self.office.news if name == room]
            assert jobs or told[-1] in {"failed", "ended"}

    @invariant()
    def an_epoch_is_assigned_once(self) -> None:
        epochs = [(assign.job, assign.epoch) for assign in self.office.assigned]
        assert len(epochs) == len(set(epochs))

    @invariant()
    def who_is_put_out_is_not_let_in_again(self) -> None:
        for room in ("r1", "r2"):
            assert not any(self.office.dispatch.admits(room, job, epoch) for job, epoch in self.office.revoked)

    @invariant()
    def no_worker_has_more_jobs_than_it_said(self) -> None:
        for worker in self.office.dispatch.workers():
            # It may have come back with a smaller number than it has jobs.
            assert len(worker.slots) <= 2

    def teardown(self) -> None:
        """Left alone, with nobody in any room, everything comes to its end."""
        for room in ("r1", "r2"):
            self.office.do(LastHumanLeft(room))
            self.office.do(RoomClosed(room))
        self.office.alive.clear()
        self.office.wait(120.0)
        assert all(not worker.slots for worker in self.office.dispatch.workers())
        assert self.office.slots == {}, "every slot was given back"
        assert self.office.dispatch.deadline is None


AnyHistory.TestCase.settings = hypothesis_settings(stateful_step_count=40)
TestAnyHistory = AnyHistory.TestCase


def test_an_agent_that_is_replaced_comes_again_at_once_however_often(office: Office):
    worker = office.register("w")
    office.enter()
    for epoch in range(1, 8):
        assign = office.run()
        assert assign.epoch == epoch
        update = JobUpdate(job=assign.job, epoch=epoch, state="ended", result="replaced", reason="new code")
        office.say(worker, update)
    office.fail(office.run())
    assert "failed" not in office.ops()
    assert office.dispatch.job(assign.job).restarts == 1
