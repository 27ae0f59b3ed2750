"""Jobs in virtual time, continued: who asked for them, and what a restart of ours leaves of them."""

from itertools import permutations

import pytest

from signaling.envelope import AgentWish
from signaling.events import AgentArrived, AgentDeparted, Departure, FirstHumanArrived, LastHumanLeft
from signaling.jobs import AgentDispatched, AgentReturned, AgentWanted, DispatchDeleted, WorkerDrained, WorkerLost
from signaling.worker_messages import Drain, JobAccept, JobOffer, JobUpdate, Registered, RunningJob
from tests.signaling.test_dispatch import ANN, Office, room_info

HELPER = AgentWish(name="helper", metadata="m", attributes={"a": "b"})


@pytest.fixture
def office() -> Office:
    return Office()


def dispatch(office: Office, job: str = "AJ", room: str = "r", **fields) -> None:
    office.do(AgentDispatched(job=job, room=room_info(room), wish=HELPER, **fields))


def test_an_agent_that_is_sent_for_is_told_why(office: Office):
    office.register("w1")
    named = office.register("w2", agent="helper")
    dispatch(office)
    ((session, offer),) = [(session, m) for session, m in office.told if isinstance(m, JobOffer)]
    assert session == named
    assert (offer.job, offer.agent, offer.metadata, offer.attributes) == ("AJ", "helper", "m", {"a": "b"})
    assert offer.participant is None
    assert office.run().wish == HELPER


def test_a_room_may_have_several_agents_and_a_wish_that_is_fulfilled_brings_no_other(office: Office):
    office.register("w", agent="helper", max_jobs=4)
    dispatch(office, "A1")
    first = office.run()
    dispatch(office, "A2")
    second = office.run()
    office.enter(agent="helper")
    office.enter(agent="")
    assert len(office.offers()) == 2
    for assign in (first, second):
        assert office.dispatch.admits("r", assign.job, assign.epoch)
    office.do(AgentWanted(room=room_info("r"), participant=ANN, wish=AgentWish(name="other")))
    office.wait(31.0)
    assert office.news[-1][1] == "failed"
    assert [job.id for job in office.dispatch.jobs("r")] == ["A1", "A2"]


@pytest.mark.parametrize("stage", ["pending", "offered", "running"])
def test_a_dispatch_that_is_deleted_ends(office: Office, stage: str):
    if stage != "pending":
        office.register("w", agent="helper")
    dispatch(office)
    if stage == "running":
        office.run()
    office.do(DispatchDeleted("AJ"))
    assert office.news[-1] == ("r", "ended", "dispatch_deleted")
    assert office.dispatch.jobs("r") == []
    assert [reason for *_, reason in office.terminated()] == (["dispatch_deleted"] if stage == "running" else [])
    assert office.revoked == ([("AJ", 1)] if stage == "running" else [])
    office.do(DispatchDeleted("AJ"))
    if stage == "offered":
        office.say("ws-w", JobAccept(job="AJ"))
        assert office.terminated()[-1][3] == "superseded"
    office.wait(60.0)
    found = office.dispatch.job("AJ")
    assert found is not None
    assert found.outcome == ("ended", "dispatch_deleted")


def test_an_agent_that_was_removed_is_not_replaced(office: Office):
    office.register("w")
    office.enter()
    assign = office.run()
    office.do(AgentDeparted(room="r", job=assign.job, epoch=1, how=Departure.REMOVED))
    assert [reason for *_, reason in office.terminated()] == ["removed"]
    assert office.news[-1] == ("r", "ended", "removed")
    office.wait(60.0)
    assert len(office.offers()) == 1


@pytest.mark.parametrize(("stable", "restarts"), [(59.0, 4), (61.0, 6)])
def test_a_stable_minute_forgives_what_failed_before(office: Office, stable: float, restarts: int):
    office.register("w")
    office.enter()
    for round_ in range(5):
        if not office.offers() or office.news[-1][1] == "failed":
            break
        assign = office.run()
        office.wait(stable if round_ == 3 else 1.0)
        update = JobUpdate(job=assign.job, epoch=assign.epoch, state="ended", result="failed", reason="x")
        office.say("ws-w", update)
        office.wait(4.0)
    assert len(office.offers()) == restarts


def test_a_job_that_shall_not_be_restarted_is_not(office: Office):
    office.register("w", agent="helper")
    office.enter(agent=None)
    dispatch(office, restart=False)
    office.fail(office.run())
    assert office.news[-1][1] == "failed"


def test_a_worker_that_is_drained_gets_no_more_offers(office: Office):
    session = office.register("w")
    office.do(WorkerDrained("w", 5.0))
    assert office.told[-1] == (session, Drain(timeout_ms=5000))
    office.enter()
    assert office.offers() == []


def test_a_job_whose_worker_is_gone_before_its_agent_came_is_given_to_another_soon(office: Office):
    session = office.register("w1")
    office.enter()
    office.accept()
    office.register("w2")
    office.lose(session)
    office.wait(3.1)
    assert [who for who, _ in office.offers()] == [session, "ws-w2"]


def test_a_worker_that_is_back_at_once_has_its_time_again(office: Office):
    session = office.register("w1")
    office.enter()
    assign = office.accept()
    office.lose(session)
    office.wait(1.0)
    office.register("w1", "again", jobs=(RunningJob(job=assign.job, epoch=1),))
    office.wait(10.0)
    assert office.dispatch.admits("r", assign.job, 1)
    assert len(office.offers()) == 1


# After a restart of ours. --------------------------------------------------------------------------------------


def come_back(office: Office, how: str, *, epoch: int = 2) -> None:
    running = RunningJob(job="OLD", epoch=epoch, room="r")
    match how:
        case "worker":
            office.register("w", jobs=(running,))
        case "agent":
            if not office.dispatch.admits("r", "OLD", epoch):
                assert office.dispatch.can_adopt("r", "OLD", epoch, AgentWish())
                office.do(AgentReturned(job="OLD", epoch=epoch, room=room_info("r"), wish=AgentWish()))
            office.do(AgentArrived(room="r", job="OLD", epoch=epoch))
        case _:
            office.do(FirstHumanArrived(room=room_info("r"), participant=ANN, agents=(AgentWish(),), returning=True))


@pytest.mark.parametrize("order", list(permutations(["worker", "agent", "human"])))
def test_a_conversation_goes_on_in_whatever_order_all_come_back(office: Office, order: tuple[str, ...]):
    office.register("other", max_jobs=5)
    for how in order:
        come_back(office, how)
        office.wait(4.0)
    (registered,) = [m for _, m in office.told if isinstance(m, Registered) and m.keep]
    assert registered.keep == ("OLD",)
    office.wait(60.0)
    assert office.dispatch.admits("r", "OLD", 2)
    assert office.offers() == []
    assert office.terminated() == []
    assert office.revoked == []


@pytest.mark.parametrize("who", ["worker", "agent", "human"])
def test_who_comes_back_alone_is_waited_for_and_then_replaced(office: Office, who: str):
    office.register("other", max_jobs=5)
    come_back(office, who)
    if who != "human":
        office.enter()
    office.wait(19.9)
    assert office.offers() == []
    office.wait(0.3)
    assert len(office.offers()) == 1


def test_of_two_agents_that_come_back_the_later_one_is_right(office: Office):
    come_back(office, "agent", epoch=1)
    assert not office.dispatch.can_adopt("r", "OLD", 1, AgentWish())
    come_back(office, "agent", epoch=2)
    assert office.revoked == [("OLD", 1)]
    assert office.dispatch.admits("r", "OLD", 2)
    assert not office.dispatch.can_adopt("r", "OLD", 1, AgentWish())


def test_nobody_takes_the_place_of_an_agent_that_is_there(office: Office):
    office.register("w1")
    office.enter()
    assign = office.run()
    assert not office.dispatch.can_adopt("r", "OLD", 9, AgentWish())
    office.register("w2", jobs=(RunningJob(job="OLD", epoch=9, room="r"),))
    assert office.told[-1][1] == Registered(session="ws-w2", revoke=("OLD",))
    assert office.dispatch.admits("r", assign.job, assign.epoch)


def test_a_job_that_is_over_is_not_taken_up_again(office: Office):
    office.register("w")
    office.enter()
    assign = office.run()
    office.say("ws-w", JobUpdate(job=assign.job, epoch=1, state="ended", result="success"))
    office.do(LastHumanLeft("r"))
    office.do(WorkerLost("ws-w"))
    assert not office.dispatch.can_adopt("r", assign.job, 1, AgentWish())


@pytest.mark.parametrize("seed", range(5))
def test_a_job_that_failed_goes_back_to_the_worker_that_knows_what_was_said(seed: int):
    office = Office(seed=seed)
    for name in ("w1", "w2", "w3"):
        office.register(name)
    office.enter()
    first = office.run()
    asked = [office.offers()[-1][0]]
    for _ in range(2):
        office.fail(first)
        office.wait(4.0)
        first = office.run()
        asked.append(office.offers()[-1][0])
    assert asked == [asked[0]] * 3


def test_a_worker_that_is_lost_is_not_waited_for(office: Office):
    office.register("w1")
    office.enter()
    office.run()
    office.register("w2")
    office.lose("ws-w1")
    office.wait(11.0)
    assert office.offers()[-1][0] == "ws-w2"
