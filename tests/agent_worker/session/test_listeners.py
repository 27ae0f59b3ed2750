import asyncio
import gc
import logging

import pytest

from agent_worker.errors import SpeechError
from agent_worker.session.events import ErrorOccurred, SessionClosed, SessionEvent, UserTurnExceeded
from agent_worker.session.listeners import KEPT_EVENTS, LAST_SECONDS, Listeners
from agent_worker.testing import run_in_virtual_time


def exceeded(number: float) -> UserTurnExceeded:
    return UserTurnExceeded(at=0.0, seconds=number)


CLOSED = SessionClosed(at=1.0, reason="over")


async def test_every_reader_gets_everything_from_its_beginning_on():
    listeners = Listeners()
    early = listeners.stream()
    async with listeners.serving():
        listeners.emit(exceeded(1))
        late = listeners.stream()
        listeners.emit(exceeded(2))
        listeners.emit(CLOSED)
    assert [event async for event in early] == [exceeded(1), exceeded(2), CLOSED]
    assert [event async for event in late] == [exceeded(2), CLOSED]
    assert [event async for event in listeners.stream()] == []


async def test_a_reader_that_is_far_behind_misses_the_oldest_and_knows_it():
    listeners = Listeners()
    stream = listeners.stream()
    async with listeners.serving():
        for number in range(KEPT_EVENTS + 10):
            listeners.emit(exceeded(number))
    assert stream.dropped == 10
    read = [event async for event in stream]
    assert (len(read), read[0], read[-1]) == (KEPT_EVENTS, exceeded(10), exceeded(KEPT_EVENTS + 9))


async def test_a_reader_that_is_thrown_away_costs_nothing():
    listeners = Listeners()
    stream = listeners.stream()
    del stream
    gc.collect()
    assert len(listeners._streams) == 0


def test_functions_are_called_with_their_class_of_event():
    seen: list[object] = []
    listeners = Listeners()

    @listeners.on(UserTurnExceeded)
    def at_once(event: UserTurnExceeded) -> None:
        seen.append(event.seconds)

    @listeners.on(UserTurnExceeded)
    async def later(event: UserTurnExceeded) -> None:
        await asyncio.sleep(1.0)
        seen.append(-event.seconds)

    async def main() -> None:
        async with listeners.serving():
            listeners.emit(exceeded(1))
            listeners.emit(ErrorOccurred(at=0.0, source="model", message="no", fatal=False))
            assert seen == [1]
            await asyncio.sleep(1.5)
            assert seen == [1, -1]
            # At the end they are waited for.
            listeners.emit(exceeded(2))
        assert seen == [1, -1, 2, -2]

    run_in_virtual_time(main())


def test_what_functions_raise_is_logged_and_told(caplog: pytest.LogCaptureFixture):
    told: list[str] = []
    listeners = Listeners()

    @listeners.on(UserTurnExceeded)
    def broken(event: UserTurnExceeded) -> None:
        raise ValueError("oh")

    @listeners.on(UserTurnExceeded)
    async def broken_later(event: UserTurnExceeded) -> None:
        raise KeyError("my")

    @listeners.on(ErrorOccurred)
    def broken_teller(event: ErrorOccurred) -> None:
        told.append(event.message)
        raise RuntimeError("again")

    async def main() -> None:
        async with listeners.serving():
            listeners.emit(exceeded(1))

    with caplog.at_level(logging.ERROR):
        run_in_virtual_time(main())
    assert len(told) == 2
    assert "broken failed at UserTurnExceeded: oh" in told[0]
    assert len(caplog.records) == 4


def test_a_function_that_never_ends_does_not_keep_the_session():
    listeners = Listeners()

    @listeners.on(SessionClosed)
    async def forever(event: SessionEvent) -> None:
        await asyncio.sleep(3600)

    async def main() -> float:
        async with listeners.serving():
            listeners.emit(CLOSED)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) == pytest.approx(LAST_SECONDS)


def test_an_error_in_the_block_comes_out_as_it_is():
    async def main() -> None:
        async with Listeners().serving():
            raise LookupError("the room is gone")

    with pytest.raises(LookupError):
        run_in_virtual_time(main())


def test_a_shutdown_callback_is_waited_for_as_long_as_it_said_and_the_others_are_not():
    done: list[str] = []
    listeners = Listeners()

    @listeners.on(SessionClosed)
    async def forever(event: SessionEvent) -> None:
        await asyncio.sleep(3600)

    async def store(reason: str) -> None:
        await asyncio.sleep(4.0)
        done.append(f"stored: {reason}")

    async def tidy() -> None:
        await asyncio.sleep(3.0)
        done.append("tidy")

    async def main() -> float:
        listeners.at_end(store, 5.0)
        listeners.at_end(tidy, 5.0)
        async with listeners.serving():
            listeners.emit(CLOSED)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) == pytest.approx(4.0)
    assert done == ["tidy", "stored: over"]


@pytest.mark.parametrize(("seconds", "took"), [(5.0, 5.0), (1.0, 1.0)])
def test_a_shutdown_callback_has_a_deadline_and_is_named_when_it_misses_it(
    caplog: pytest.LogCaptureFixture, seconds: float, took: float
):
    listeners = Listeners()
    ended: list[str] = []

    async def upload() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cancelled")

    async def main() -> float:
        listeners.at_end(upload, seconds)
        async with listeners.serving():
            listeners.emit(CLOSED)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) == pytest.approx(took)
    assert ended == ["cancelled"]
    assert "upload" in caplog.text


def test_a_shutdown_callback_that_fails_is_told_and_the_others_run():
    done: list[str] = []
    listeners = Listeners()

    @listeners.on(ErrorOccurred)
    def told(event: ErrorOccurred) -> None:
        done.append(event.message)

    async def broken() -> None:
        raise OSError("no disk")

    async def fine() -> None:
        await asyncio.sleep(1.0)
        done.append("fine")

    async def main() -> None:
        listeners.at_end(broken, 5.0)
        listeners.at_end(fine, 5.0)
        async with listeners.serving():
            listeners.emit(CLOSED)
        with pytest.raises(SpeechError, match="never run"):
            listeners.at_end(fine, 5.0)

    run_in_virtual_time(main())
    assert "broken failed at SessionClosed: no disk" in done[0]
    assert done[1:] == ["fine"]
