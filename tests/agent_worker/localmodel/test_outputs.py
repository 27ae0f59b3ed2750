from datetime import date, time

import pytest

from agent_worker.localmodel.intents import Intent
from agent_worker.localmodel.outputs import clock_text, date_text, spoken


@pytest.mark.parametrize(
    ("output", "intent", "text"),
    [
        ("It is 3:42 PM in Paris.", Intent.TIME, "It is 3:42 PM in Paris."),
        ("3:42 PM", Intent.TIME, "It is 3:42 PM."),
        ('"3:42 PM"', Intent.TIME, "It is 3:42 PM."),
        ("15:42:10", Intent.TIME, "It is 3:42 PM."),
        ("2026-11-20T00:05:00+01:00", Intent.TIME, "It is 12:05 AM."),
        ('{"time": "15:42"}', Intent.TIME, "It is 3:42 PM."),
        ("2026-11-20", Intent.DATE, "It is Friday, November 20, 2026."),
        ("12", Intent.MATH, "That makes 12."),
        ("7", None, "The answer is 7."),
        ("heads", Intent.COIN, "It is heads."),
        ("4711", Intent.ORDER, "Your order is placed. The number is 4 7 1 1."),
        ("Pizza ordered", Intent.ORDER, "Pizza ordered."),
        ("ready", Intent.ORDER_STATUS, "Your order is ready."),
        ('{"temperature": 21.0, "sky": "clear"}', Intent.WEATHER, "The temperature is 21 and the sky is clear."),
        ('{"message": "Your table is booked.", "id": 7}', None, "Your table is booked."),
        ('{"error": "no such order"}', None, "Sorry, that did not work. No such order."),
        ('["ham", "cheese", "olives"]', None, "Ham, cheese and olives."),
        ("[]", None, "There is nothing."),
        ("{}", None, "Done."),
        ("ok", None, "Done."),
        ("", Intent.TIME, "Done."),
        ("null", None, "Done."),
        ("true", None, "Done."),
        ("false", None, "No."),
        ("99:99", Intent.TIME, "It is 99:99."),
        ("An internal error occurred", None, "An internal error occurred."),
    ],
)
def test_an_output_is_spoken(output: str, intent: Intent | None, text: str) -> None:
    assert spoken(output, intent) == text


def test_times_and_dates_for_people() -> None:
    assert [clock_text(time(hour, 5)) for hour in (0, 9, 12, 23)] == [
        "12:05 AM",
        "9:05 AM",
        "12:05 PM",
        "11:05 PM",
    ]
    assert date_text(date(2026, 11, 1)) == "Sunday, November 1, 2026"
