"""How to test an agent: a whole conversation from a script, offline, in a fraction of a second.

Run it:  python -m pytest examples/test_my_agent.py
"""

from agent_worker.testing import Hears, Replies, ToolAnswers, call, containing, rehearse
from examples.assistant import Assistant


def test_a_guest_orders_two_pizzas() -> None:
    rehearsed = rehearse(
        Assistant(),
        [
            Replies("Hello! How can I help?", instructions=containing("greet")),
            Hears("Two large pizzas, please."),
            Replies(calls=[call("place_order", item="pizza", size="large", quantity=2)]),
            ToolAnswers("place_order", containing("2 large pizza")),
            Replies("They will be ready in twenty minutes."),
        ],
    )
    assert rehearsed.said == ["Hello! How can I help?", "They will be ready in twenty minutes."]


def test_a_size_that_there_is_not_is_refused() -> None:
    rehearse(
        Assistant(),
        [
            Replies("Hello!"),
            Hears("A gigantic pizza, please."),
            Replies(calls=[call("place_order", item="pizza", size="gigantic")]),
            ToolAnswers("place_order", containing("size"), is_error=True),
            Replies("I have small, medium and large."),
        ],
    )
