import pytest

from agent_worker.localmodel.intents import Intent
from agent_worker.localmodel.toolfit import intent_of, named_tool, tool_for, words_of
from agent_worker.tools.spec import ToolSpec


def tool(name: str, description: str = "") -> ToolSpec:
    return ToolSpec(name=name, description=description, parameters={})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("get_time", ["get", "time"]),
        ("getCurrentTime", ["get", "current", "time"]),
        ("lookupHTTPStatus2", ["lookup", "http", "status", "2"]),
        ("", []),
    ],
)
def test_names_fall_into_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("intent", "name"),
    [
        (Intent.TIME, "get_time"),
        (Intent.TIME, "currentTime"),
        (Intent.TIME, "world_clock"),
        (Intent.DATE, "get_date"),
        (Intent.WEATHER, "get_weather_forecast"),
        (Intent.TIMER_SET, "set_timer"),
        (Intent.TIMER_CANCEL, "cancel_timers"),
        (Intent.TIMER_QUERY, "get_timer_status"),
        (Intent.ORDER, "place_order"),
        (Intent.ORDER, "order"),
        (Intent.ORDER, "createOrder"),
        (Intent.ORDER_STATUS, "order_status"),
        (Intent.ORDER_STATUS, "track_order"),
        (Intent.ORDER_CANCEL, "cancel_order"),
        (Intent.DICE, "roll_dice"),
        (Intent.COIN, "flip_coin"),
        (Intent.MATH, "calculator"),
        (Intent.TRANSFER, "transfer_to"),
        (Intent.JOKE, "tell_joke"),
    ],
)
def test_a_name_says_what_a_tool_is_for(intent: Intent, name: str) -> None:
    assert tool_for(intent, [tool("open_door"), tool(name)]) == tool(name)
    assert intent_of(name) is intent


@pytest.mark.parametrize("name", ["set_timezone", "set_timer", "delivery_time", "timesheet"])
def test_other_times_are_not_the_time(name: str) -> None:
    assert tool_for(Intent.TIME, [tool(name)]) is None


def test_a_description_says_it_when_the_name_does_not() -> None:
    assert tool_for(Intent.TIME, [tool("now", "Returns the current local time.")]) is not None
    assert tool_for(Intent.ORDER, [tool("checkout", "Places an order for food.")]) is not None
    assert tool_for(Intent.TIME, [tool("later", "Waits some time.")]) is None


def test_a_fitting_name_wins_over_a_description() -> None:
    described = tool("helper", "Tells what time it is, the current time")
    assert tool_for(Intent.TIME, [described, tool("get_time")]) == tool("get_time")


def test_talk_has_no_tools() -> None:
    assert tool_for(Intent.STOP, [tool("stop")]) is None
    assert intent_of("open_garage") is None


def test_a_tool_is_called_by_its_name() -> None:
    tools = [tool("open_door"), tool("open_garage_door"), tool("get_status")]
    assert named_tool(["please", "open", "the", "garage", "door"], tools) == tool("open_garage_door")
    assert named_tool(["open", "the", "doors"], tools) == tool("open_door")
    assert named_tool(["what", "is", "the", "status"], tools) == tool("get_status")
    assert named_tool(["open", "the", "window"], tools) is None
    assert named_tool(["get"], [tool("get_it")]) is None
