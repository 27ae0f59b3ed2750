"""A worker's register in virtual time: what it answers to the server, and what it never does whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.history.items import Message, Role
from agent_worker.worker.checkpoint import Character, Checkpoint, ItemKept
from agent_worker.worker.events import (
    Connected,
    Disconnected,
    DrainWanted,
    Finish,
    Launch,
    Measured,
    ProcessTold,
    Reconnect,
    ReloadWanted,
    Replace,
    Send,
    StopJob,
)
from agent_worker.worker.ipc import Ended, Start, Started
from agent_worker.worker.load import Reading
from agent_worker.worker.register import ASSIGN_TIMEOUT, DRAIN_GRACE, JobState, Register
from signaling.messages import (
    Drain,
    Draining,
    Error,
    JobAccept,
    JobAssign,
    JobOffer,
    JobReject,
    JobTerminate,
    JobUpdate,
    Ok,
    Participant,
    Ping,
    Pong,
    Registered,
    RoomInfo,
    RunningJob,
    Status,
)
from signaling.messages import Register as RegisterMessage

REGISTERED = Registered(session="S_1")
DONE = Ended(succeeded=True, reason="all is said")
DEAD = Ended(succeeded=False, reason="its process died (signal 9)")


def offer(job):
    return JobOffer(job=job, room=RoomInfo(name=f"room-of-{job}", sid="R_1"))


def assign(job, epoch=1):
    return JobAssign(job=job, epoch=epoch, token=f"token-{job}", url="ws://127.0.0.1:1/v1/rtc")


def terminate(job, epoch=1):
    return JobTerminate(job=job, epoch=epoch, reason="room_closed", grace_ms=2000)


def update(job, state, result=None, reason=None, epoch=1):
    return Send(JobUpdate(job=job, epoch=epoch, state=state, result=result, reason=reason))


def status(seq, state, *running, jobs=None, load=None):
    pairs = tuple(RunningJob(job=job, epoch=epoch) for job, epoch in running)
    count = len(pairs) if jobs is None else jobs
    return Send(Status(seq=seq, load=count / 2 if load is None else load, jobs=count, state=state, running=pairs))


def register(*events, max_jobs=2, now=0.0):
    """A register for two jobs after these events."""
    made = Register("W_1", "", max_jobs, "0.1.0")
    for event in (Connected(), REGISTERED, *events):
        made.receive(event, now)
    return made


def without_status(actions):
    return [action for action in actions if not (isinstance(action, Send) and isinstance(action.message, Status))]


@pytest.mark.parametrize(
    ("agent", "title", "name"), [("", "", ""), ("", "Waiter", "Waiter"), ("helper", "Waiter", "helper")]
)
def test_people_read_the_agents_name(agent, title, name):
    made = Register("W_1", agent, 2, title=title)
    made.receive(Connected(), 0.0)
    assert made.receive(offer("J_1"), 1.0) == [Send(JobAccept(job="J_1", name=name))]


def test_the_first_word_on_a_socket_is_who_we_are():
    made = Register("W_1", "helper", 3, "0.1.0")
    assert made.receive(Connected(), 0.0) == [
        Send(RegisterMessage(worker="W_1", agent="helper", max_jobs=3, version="0.1.0"))
    ]
    assert made.deadline is None


def test_a_job_from_offer_to_end():
    made = register()
    assert made.receive(offer("J_1"), 1.0) == [Send(JobAccept(job="J_1", name=""))]
    assert made.receive(assign("J_1", epoch=4), 1.1) == [
        Launch(
            Start(job="J_1", room="room-of-J_1", url="ws://127.0.0.1:1/v1/rtc", token="token-J_1"),
        ),
        update("J_1", "starting", epoch=4),
        status(1, "available", ("J_1", 4)),
    ]
    assert made.receive(ProcessTold("J_1", Started()), 1.2) == [update("J_1", "running", epoch=4)]
    assert made.receive(ProcessTold("J_1", DONE), 9.0) == [
        update("J_1", "ended", "success", "all is said", epoch=4),
        status(2, "available"),
    ]
    assert made.jobs == {}


def test_what_a_dispatch_says_reaches_the_process():
    made = register()
    ann = Participant(identity="ann", sid="PA_1", name="Ann", kind="human")
    words = {"metadata": "order 7", "attributes": {"table": "12"}}
    made.receive(offer("J_1").model_copy(update={"participant": ann, **words}), 1.0)
    launch, *_ = made.receive(assign("J_1"), 1.1)
    assert (launch.start.participant, launch.start.metadata, launch.start.attributes) == (
        "ann",
        "order 7",
        {"table": "12"},
    )
    assert "order 7" not in repr(launch)


def test_a_process_that_died_is_told_as_a_failure():
    made = register(offer("J_1"), assign("J_1"), ProcessTold("J_1", Started()))
    assert update("J_1", "ended", "failed", DEAD.reason) in made.receive(ProcessTold("J_1", DEAD), 3.0)


def test_a_reason_too_long_for_the_wire_is_cut():
    made = register(offer("J_1"), assign("J_1"))
    (told, _) = made.receive(ProcessTold("J_1", Ended(succeeded=False, reason="x" * 3000)), 3.0)
    assert told.message.reason == "x" * 500


def test_a_full_worker_and_a_draining_one_say_no():
    made = register(offer("J_1"), offer("J_2"))
    assert made.receive(offer("J_3"), 1.0) == [Send(JobReject(job="J_3", reason="busy"))]
    made.receive(DrainWanted(60.0), 1.0)
    assert made.receive(offer("J_4"), 1.0) == [Send(JobReject(job="J_4", reason="refused"))]


def test_the_same_job_is_not_taken_twice():
    made = register(offer("J_1"), assign("J_1"))
    assert made.receive(offer("J_1"), 1.0) == [Send(JobReject(job="J_1", reason="busy"))]
    assert without_status(made.receive(assign("J_1", epoch=2), 1.0)) == [
        update("J_1", "ended", "failed", "this worker has it already", epoch=2)
    ]


def test_full_is_said_at_once():
    made = register(offer("J_1"), assign("J_1"), offer("J_2"))
    assert status(3, "full", ("J_1", 1), ("J_2", 1)) in made.receive(assign("J_2"), 1.0)


def test_a_place_is_not_kept_for_ever():
    made = register(offer("J_1"))
    assert made.deadline == pytest.approx(2.5)
    made.advance(ASSIGN_TIMEOUT)
    assert made.jobs == {}
    assert update("J_1", "ended", "failed", "it came too late") in made.receive(assign("J_1"), ASSIGN_TIMEOUT)


def test_the_heartbeat_is_as_the_server_asks():
    made = Register("W_1", "", 2)
    made.receive(Connected(), 0.0)
    made.receive(Registered(session="S", heartbeat_ms=1000), 10.0)
    assert made.deadline == 11.0
    assert made.advance(10.9) == []
    assert made.advance(11.0) == [status(1, "available")]
    assert made.deadline == 12.0


@pytest.mark.parametrize(
    ("before", "actions", "state"),
    [
        ([offer("J_1")], [], None),
        ([offer("J_1"), assign("J_1")], [StopJob(job="J_1", reason="room_closed", grace=2.0)], JobState.STOPPING),
        (
            [offer("J_1"), assign("J_1"), ProcessTold("J_1", Started())],
            [StopJob(job="J_1", reason="room_closed", grace=2.0)],
            JobState.STOPPING,
        ),
        ([offer("J_1"), assign("J_1"), terminate("J_1")], [], JobState.STOPPING),
        ([offer("J_1"), assign("J_1", epoch=2)], [], JobState.STARTING),
        ([], [], None),
    ],
    ids=["accepted", "starting", "running", "stopping", "older epoch", "unknown"],
)
def test_the_server_ends_a_job(before, actions, state):
    made = register(*before)
    assert without_status(made.receive(terminate("J_1"), 1.0)) == actions
    assert made.jobs.get("J_1") is state


def test_a_stopped_job_that_starts_late_does_not_run_again():
    made = register(offer("J_1"), assign("J_1"), terminate("J_1"))
    assert without_status(made.receive(ProcessTold("J_1", Started()), 1.0)) == []
    assert made.jobs == {"J_1": JobState.STOPPING}


def test_jobs_go_on_while_the_server_is_away_and_are_named_when_it_is_back():
    made = register(offer("J_1"), assign("J_1"), ProcessTold("J_1", Started()), offer("J_2"))
    assert made.receive(Disconnected(), 5.0) == []
    assert made.jobs == {"J_1": JobState.RUNNING}  # the promise to J_2 went with the socket
    assert made.deadline is None
    (said,) = made.receive(Connected(), 8.0)
    assert said.message.jobs == (RunningJob(job="J_1", epoch=1, room="room-of-J_1"),)
    assert without_status(made.receive(REGISTERED, 8.1)) == [update("J_1", "running")]


def test_an_end_that_nobody_heard_is_told_later():
    made = register(offer("J_1"), assign("J_1"), ProcessTold("J_1", Started()))
    made.receive(Disconnected(), 5.0)
    assert made.receive(ProcessTold("J_1", DONE), 6.0) == []
    (said,) = made.receive(Connected(), 8.0)
    assert said.message.jobs == (RunningJob(job="J_1", epoch=1, room="room-of-J_1"),)
    assert without_status(made.receive(REGISTERED, 8.1)) == [update("J_1", "ended", "success", "all is said")]
    assert made.jobs == {}


def test_what_the_server_gave_to_others_meanwhile_is_stopped():
    made = register(offer("J_1"), assign("J_1"), offer("J_2"), assign("J_2"))
    made.receive(Disconnected(), 5.0)
    made.receive(ProcessTold("J_2", DONE), 6.0)
    made.receive(Connected(), 8.0)
    revoked = Registered(session="S_2", revoke=("J_1", "J_2", "J_9"))
    assert without_status(made.receive(revoked, 8.1)) == [StopJob(job="J_1", reason="superseded", grace=DRAIN_GRACE)]
    assert made.jobs == {"J_1": JobState.STOPPING}


def test_a_drain_waits_for_jobs_then_ends_them_then_is_done():
    made = register(offer("J_1"), assign("J_1"), offer("J_2"))
    assert made.receive(DrainWanted(60.0), 10.0) == [status(3, "draining", ("J_1", 1))]
    assert made.advance(69.0) == [status(4, "draining", ("J_1", 1))]
    assert without_status(made.advance(70.0)) == [
        StopJob(job="J_1", reason="the worker is shutting down", grace=DRAIN_GRACE)
    ]
    assert without_status(made.receive(ProcessTold("J_1", DONE), 71.0)) == [
        update("J_1", "ended", "success", "all is said"),
        Finish(),
    ]
    assert made.advance(80.0)[-1] != Finish()


@pytest.mark.parametrize("wanted", [DrainWanted(0.0), DrainWanted(60.0), Drain(timeout_ms=60_000)])
def test_an_idle_worker_drains_at_once(wanted):
    assert register().receive(wanted, 1.0) == [status(1, "draining"), Finish()]


def test_a_worker_without_a_server_drains_too():
    made = Register("W_1")
    assert made.receive(DrainWanted(60.0), 1.0) == [Finish()]


def test_a_second_drain_can_be_faster_never_slower():
    made = register(offer("J_1"), assign("J_1"))
    made.receive(DrainWanted(60.0), 0.0)
    made.receive(DrainWanted(600.0), 0.0)
    assert made.deadline == 2.5
    stop = StopJob(job="J_1", reason="the worker is shutting down", grace=DRAIN_GRACE)
    assert stop in made.receive(DrainWanted(0.0), 1.0)


@pytest.mark.parametrize(
    ("message", "actions"),
    [
        (Ping(ts=7.0), [Send(Pong(ts=7.0))]),
        (Pong(), []),
        (Ok(re=1), []),
        (Error(code="bad_request", message="what?"), []),
        (Draining(reconnect_after_ms=1500), [Reconnect(1.5)]),
    ],
)
def test_the_rest_of_the_vocabulary(message, actions):
    assert register().receive(message, 1.0) == actions


JOBS = st.sampled_from(["J_1", "J_2", "J_3"])
FROM_SERVER = st.one_of(
    st.builds(offer, JOBS),
    st.builds(assign, JOBS, st.integers(1, 3)),
    st.builds(terminate, JOBS, st.integers(1, 3)),
    st.builds(lambda jobs: Registered(session="S", revoke=tuple(jobs)), st.lists(JOBS, max_size=2)),
)
ANYTHING = st.one_of(
    FROM_SERVER,
    FROM_SERVER,
    st.just(Connected()),
    st.just(Disconnected()),
    st.builds(DrainWanted, st.sampled_from([0.0, 30.0])),
    st.sampled_from([1.0, 20.0]),  # time passes
    st.tuples(JOBS, st.sampled_from([Started(), DONE, DEAD])),
)


class World:
    """The server and the pool around a register, as far as they can check it."""

    def __init__(self):
        self.register = Register("W_1", "", 2)
        self.now = 0.0
        self.connected = self.registered = self.finished = False
        self.asked = {}  # the jobs that a pool would run -> were they asked to stop

    def step(self, step):
        if isinstance(step, float):
            self.now += step
            self.perform(self.register.advance(self.now))
            assert self.register.deadline is None or self.register.deadline > self.now
        elif (event := self.possible(step)) is not None:
            self.perform(self.register.receive(event, self.now))

    def possible(self, step):
        match step:
            case (job, Started() as told):
                return ProcessTold(job, told) if self.asked.get(job) is False else None
            case (job, Ended() as told):
                return None if self.asked.pop(job, None) is None else ProcessTold(job, told)
            case Connected():
                before, self.connected = self.connected, True
                return None if before else step
            case Disconnected():
                self.connected = self.registered = False
                return step
            case DrainWanted():
                return step
        self.registered = self.connected and (self.registered or isinstance(step, Registered))
        return step if self.registered else None

    def perform(self, actions):
        for action in actions:
            match action:
                case Launch(start):
                    assert start.job not in self.asked
                    self.asked[start.job] = False
                case StopJob(job=job):
                    assert self.asked[job] is False
                    self.asked[job] = True
                case Send():
                    assert self.connected
                case Finish():
                    assert not self.finished
                    assert not self.asked
                    self.finished = True
        assert len(self.asked) <= 2
        assert set(self.asked) <= set(self.register.jobs)


@given(steps=st.lists(ANYTHING, max_size=60))
def test_whatever_comes_processes_and_promises_are_kept_count_of(steps):
    world = World()
    for step in steps:
        world.step(step)


# Conversations that go on, and machines that are busy. -----------------------------------------------------------

SAID = ItemKept(item=Message(id="m1", role=Role.USER, text="my name is Alice"), after="root")
RUNNING = (offer("J_1"), assign("J_1"), ProcessTold("J_1", Started()))


def launched(actions):
    (start,) = [action.start for action in actions if isinstance(action, Launch)]
    return start


def test_a_job_that_comes_back_goes_on_with_what_was_said():
    made = register(*RUNNING, ProcessTold("J_1", SAID), ProcessTold("J_1", DEAD), offer("J_1"))
    assert launched(made.receive(assign("J_1", epoch=2), 3.0)).checkpoint == Checkpoint(items=(SAID.item,))
    assert (made.tally.started, made.tally.resumed, made.tally.failed) == (2, 1, 1)


@pytest.mark.parametrize("end", [DONE, Disconnected()])
def test_only_what_broke_goes_on(end):
    """A job that ended well begins anew, and so does another job."""
    made = register(*RUNNING, ProcessTold("J_1", SAID), *([ProcessTold("J_1", end)] if end is DONE else []))
    made.receive(offer("J_2"), 2.0)
    assert launched(made.receive(assign("J_2"), 3.0)).checkpoint is None


def test_one_in_which_nothing_was_said_begins_anew():
    made = register(*RUNNING, ProcessTold("J_1", Character(agent="app:Waiter")), ProcessTold("J_1", DEAD))
    made.receive(offer("J_1"), 2.0)
    assert launched(made.receive(assign("J_1", epoch=2), 3.0)).checkpoint is None


def test_what_is_said_is_no_news_for_the_server():
    assert register(*RUNNING).receive(ProcessTold("J_1", SAID), 3.0) == []


def busy(cpu, limit=0.8):
    made = Register("W_1", "", 2, load_limit=limit)
    for event, now in [(Connected(), 0.0), (REGISTERED, 0.0)]:
        made.receive(event, now)
    made.receive(Measured(Reading(cpu_seconds=0.0, cores=2.0, memory=0.1)), 0.0)
    return made, made.receive(Measured(Reading(cpu_seconds=cpu * 2.0, cores=2.0, memory=0.1)), 1.0)


def test_a_busy_machine_says_so_at_once_and_takes_no_room():
    made, actions = busy(0.9)
    assert actions == [status(1, "full", load=0.9)]
    assert made.receive(offer("J_1"), 1.0) == [Send(JobReject(job="J_1", reason="busy"))]
    assert made.tally.refused == 1


def test_an_idle_machine_takes_rooms_and_one_without_a_limit_any():
    for made, _ in (busy(0.7), busy(1.0, limit=1.0)):
        assert isinstance(made.receive(offer("J_1"), 1.0)[0].message, JobAccept)


def test_jobs_that_run_are_reported_again_and_go_on_under_their_epoch():
    """After a restart of signaling the worker is the one that knows."""
    made = register(*RUNNING)
    made.receive(Disconnected(), 2.0)
    (hello,) = made.receive(Connected(), 3.0)
    assert hello.message.jobs == (RunningJob(job="J_1", epoch=1, room="room-of-J_1"),)
    actions = made.receive(Registered(session="S_2", keep=("J_1",)), 3.1)
    assert update("J_1", "running") in actions
    assert not [action for action in actions if isinstance(action, StopJob)]
    actions = made.receive(Registered(session="S_3", revoke=("J_1",)), 3.2)
    assert [action for action in actions if isinstance(action, StopJob)]


def test_a_reload_replaces_every_process_and_its_jobs_have_not_failed():
    made = register(offer("J_1"), assign("J_1"), ProcessTold("J_1", Started()), offer("J_2"))
    assert without_status(made.receive(ReloadWanted(), 1.0)) == [Replace()]
    ended = Ended(succeeded=False, reason="the agent's code has changed")
    replaced = update("J_1", "ended", "replaced", "the agent's code has changed")
    assert without_status(made.receive(ProcessTold("J_1", ended), 1.0)) == [replaced]
    made.receive(assign("J_2"), 2.0)
    failed = without_status(made.receive(ProcessTold("J_2", DEAD), 3.0))
    assert failed == [update("J_2", "ended", "failed", DEAD.reason)]
