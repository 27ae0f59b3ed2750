"""Orders, as far as they are not shown by whole conversations: what is said of them can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.localmodel.ordering import described
from agent_worker.localmodel.phrases import Ordered, orders
from agent_worker.localmodel.words import normal

ITEMS = st.builds(
    Ordered,
    st.sampled_from(["pizza", "coffee", "sandwich", "salad", "cheese burger", "ice cream", "fries", "espresso"]),
    st.integers(min_value=1, max_value=99),
    st.sampled_from([None, "small", "medium", "large"]),
    st.lists(st.sampled_from(["cheese", "ham", "extra onions"]), unique=True, max_size=2).map(tuple),
)


@given(st.lists(ITEMS, min_size=1, max_size=4))
def test_what_is_said_of_an_order_is_all_that_is_known_of_it(items: list[Ordered]) -> None:
    assert orders(normal(described(items)).split()) == tuple(items)


@pytest.mark.parametrize(
    ("said", "things"),
    [
        ("a large pizza and two coffees", [("pizza", 1, "large"), ("coffee", 2, None)]),
        ("i would like a ham and cheese sandwich", [("ham", 1, None)]),
        ("pizza and coffee please", [("pizza", 1, None), ("coffee", 1, None)]),
        ("a pizza with ham and cheese and a tea", [("pizza", 1, None), ("tea", 1, None)]),
        ("two small pizzas, one large coffee", [("pizza", 2, "small"), ("coffee", 1, "large")]),
        ("minus two pizzas", [("pizza", -2, None)]),
        ("zero pizzas", [("pizza", 0, None)]),
        ("make it large", [(None, None, "large")]),
        ("two of them", [(None, 2, None)]),
        ("", []),
    ],
)  # fmt: skip
def test_orders_of_several_things(said: str, things: list[tuple[str | None, int | None, str | None]]) -> None:
    found = orders(normal(said).split())
    assert [(thing.item, thing.quantity, thing.size) for thing in found] == things
