"""Calls are answered, or refused with the reason, and never pile up."""

import asyncio

import pytest

from agent_worker.errors import CallError, SpeechError
from agent_worker.rooms.base import RpcCall
from agent_worker.rooms.methods import MAX_AT_ONCE, MAX_CODE, MAX_MESSAGE, Methods
from agent_worker.testing import run_in_virtual_time
from signaling.messages import RelayedRpc


async def well(call):
    return {"all": "well", "for": call.identity, "with": call.payload}


async def forever(call):
    await asyncio.get_running_loop().create_future()


def raising(error):
    async def respond(call):
        raise error

    return respond


def answering(answer):
    async def respond(call):
        return answer

    return respond


def called(respond, method="how", timeout_ms=10_000):
    """What is said to one call of the method "how"."""
    methods = Methods()
    methods.add("how", respond)
    call = RelayedRpc(sender="anna", call="1", method=method, payload=[7], timeout_ms=timeout_ms)
    return run_in_virtual_time(methods.result(call))


def test_a_call_is_answered():
    said = called(well)
    assert (said.re, said.error) == ("1", None)
    assert said.payload == {"all": "well", "for": "anna", "with": [7]}


@pytest.mark.parametrize(
    ("respond", "code", "word"),
    [
        (raising(CallError("sold out")), "failed", "sold out"),
        (raising(CallError("sold out", code="no_stock")), "no_stock", "sold out"),
        (raising(CallError("x" * 9999, code="y" * 999)), "y" * MAX_CODE, "x" * MAX_MESSAGE),
        (raising(SpeechError("a secret")), "application_error", "how failed"),
        (raising(TimeoutError("a secret")), "application_error", "how failed"),
        (answering(object()), "application_error", "how failed"),
        (answering("x" * 15_001), "application_error", "how failed"),
        (forever, "timeout", "within 10 s"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_code(respond, code, word):
    said = called(respond)
    assert said.payload is None
    assert said.error.code == code
    assert word in said.error.message
    assert "secret" not in said.error.message


def test_a_method_that_there_is_not_is_said_so():
    said = called(well, method="who")
    assert said.error.code == "unsupported_method"
    assert "who" in said.error.message


def test_why_it_failed_is_in_the_log(caplog):
    called(raising(ZeroDivisionError("the reason")))
    assert "the reason" in caplog.text


def test_only_so_many_are_answered_at_once_and_those_given_up_take_nobodys_place():
    async def main():
        methods = Methods()
        methods.add("slow", forever)
        slow = RpcCall(identity="anna", method="slow", seconds=2.0)
        flood = [methods.answer(slow) for _ in range(MAX_AT_ONCE + 1)]
        first = await asyncio.gather(*flood, return_exceptions=True)
        with pytest.raises(CallError) as again:
            await methods.answer(slow)
        return [error.code for error in first], again.value.code

    first, again = run_in_virtual_time(main())
    assert first == ["timeout"] * MAX_AT_ONCE + ["busy"]
    assert again == "timeout"
