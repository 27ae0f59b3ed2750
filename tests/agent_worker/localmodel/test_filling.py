from typing import Any

import pytest

from agent_worker.localmodel.filling import Said, answer, fill, question
from agent_worker.localmodel.words import normal
from agent_worker.tools.spec import ToolSpec


def tool(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> ToolSpec:
    parameters = {"type": "object", "properties": properties, "required": required or [], **more}
    return ToolSpec(name="tool", description="", parameters=parameters)


def said(text: str, name: str | None = None) -> Said:
    return Said(words=tuple(normal(text).split()), name=name)


SIZE = {"type": "string", "enum": ["small", "medium", "large", "extra_large"]}


@pytest.mark.parametrize(
    ("name", "schema", "text", "value"),
    [
        ("size", SIZE, "a large pizza", "large"),
        ("size", SIZE, "an extra large pizza", "extra_large"),
        ("size", SIZE, "a big pizza", "large"),
        ("size", SIZE, "a pizza", None),
        ("size", {"type": "string"}, "a big pizza", "large"),
        ("item", {"type": "string"}, "order a large pizza", "pizza"),
        ("quantity", {"type": "integer"}, "order to coffees", 2),
        ("quantity", {"type": "integer"}, "a coffee", 1),
        ("quantity", {"type": "integer"}, "large", None),
        ("seconds", {"type": "integer"}, "a timer for two minutes", 120),
        ("minutes", {"type": "number"}, "a timer for ninety seconds", 1.5),
        ("duration", {"type": "string"}, "a timer for ten minutes", "10 minutes"),
        ("order_number", {"type": "integer"}, "order number four two seven", 427),
        ("order_id", {"type": "string"}, "order four zero seven", "407"),
        ("city", {"type": "string"}, "weather in new york tomorrow", "New York"),
        ("when", {"type": "string"}, "weather in new york tomorrow", "tomorrow"),
        ("department", {"type": "string"}, "transfer me to billing", "billing"),
        ("department", {"enum": ["billing", "sales"]}, "i want sales", "sales"),
        ("expression", {"type": "string"}, "what is seven plus five", "7 + 5"),
        ("toppings", {"type": "array"}, "a pizza with ham and olives", ["ham", "olives"]),
        ("toppings", {"type": "string"}, "a pizza with ham and olives", "ham, olives"),
        ("query", {"type": "string"}, "find me a dentist", "find me a dentist"),
        ("express", {"type": "boolean"}, "express please", True),
        ("express", {"type": "boolean"}, "no", False),
        ("express", {"type": "boolean"}, "a pizza", None),
        ("sides", {"type": "integer"}, "roll a die with twenty sides", 20),
        ("colour", {"type": "string"}, "paint it black", None),
        ("colour", {"anyOf": [{"type": "null"}, {"enum": ["red", "black"]}]}, "paint it black", "black"),
        ("colour", {"type": ["string", "null"], "enum": ["red", "black", None]}, "paint it black", "black"),
        ("mode", {"const": "fast"}, "the fast one", "fast"),
        ("colour", {"$ref": "#/$defs/Colour"}, "paint it red", "red"),
        ("broken", {"$ref": "#/$defs/Nowhere"}, "paint it red", None),
        ("broken", "nonsense", "paint it red", None),
    ],
)
def test_an_argument_is_found(name: str, schema: Any, text: str, value: Any) -> None:
    spec = tool({name: schema}, [name], **{"$defs": {"Colour": {"enum": ["red", "green"]}}})
    filled = fill(spec, said(text))
    assert filled.arguments.get(name) == value
    assert filled.missing == (() if value is not None else (name,))


def test_the_name_of_the_user_is_known() -> None:
    spec = tool({"customer_name": {"type": "string"}}, ["customer_name"])
    assert fill(spec, said("book a table", "Alice")).arguments == {"customer_name": "Alice"}
    assert fill(spec, said("book a table")).missing == ("customer_name",)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"properties": None}, {"properties": {"a": None}, "required": "a"}, {"properties": [], "required": [1]}],
)
def test_any_schema_is_survived(parameters: dict[str, Any]) -> None:
    fill(ToolSpec(name="odd", description="", parameters=parameters), said("hello"))


@pytest.mark.parametrize(
    ("wanted", "schema", "text", "value"),
    [
        ("size", SIZE, "the large one please", "large"),
        ("size", SIZE, "what time is it", None),
        ("city", {"type": "string"}, "berlin", "Berlin"),
        ("city", {"type": "string"}, "in new york please", "New York"),
        ("colour", {"type": "string"}, "a dark red", "dark red"),
        ("colour", {"type": "string"}, "I really do not have any idea at all", None),
        ("quantity", {"type": "integer"}, "three", 3),
        ("name", {"type": "string"}, "bob smith", "Bob Smith"),
    ],
)
def test_an_answer_is_taken(wanted: str, schema: Any, text: str, value: Any) -> None:
    assert answer(tool({wanted: schema}), wanted, said(text)) == value


@pytest.mark.parametrize(
    ("wanted", "schema", "text"),
    [
        ("size", SIZE, "What size? Small, medium, large or extra large."),
        ("orderNumber", {"type": "integer"}, "What order number?"),
        ("country", {"enum": list("abcdefgh")}, "What country?"),
    ],
)
def test_how_it_is_asked(wanted: str, schema: Any, text: str) -> None:
    assert question(tool({wanted: schema}), wanted) == text
