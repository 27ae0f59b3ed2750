"""Type hints to JSON schema, and the model's arguments back to what the hints promise."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import BaseModel, Field, ValidationError

from agent_worker.errors import ConfigError
from agent_worker.tools.context import RunContext
from agent_worker.tools.schema import Parameters

CONTEXT = cast("RunContext", object())


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Drink:
    """A drink with a title of its own."""

    title: str
    size: Size = Size.SMALL


class Address(BaseModel):
    street: str


def properties(function: Callable[..., Any], **descriptions: str) -> dict[str, Any]:
    schema = Parameters(function, descriptions).schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    return dict(schema["properties"])


def simple(city: str, days: int, exact: bool, share: float) -> None: ...
def optional(city: str, when: date | None = None, unit: Literal["C", "F"] = "C") -> None: ...
def nested(order: list[Drink], to: Address) -> None: ...
def constrained(n: Annotated[int, Field(ge=1, description="how many")], to: Annotated[str, "whom"]) -> None: ...
def with_context(context: RunContext, city: str) -> None: ...
def with_optional_context(city: str, context: RunContext | None = None) -> None: ...
def nothing() -> None: ...
def awkward(schema: str, model_config: int, json: bool, copy: str = "x") -> None: ...
def odd_default(way: Callable[[], None] | None = None, key: str = "", *, of: object = object()) -> None: ...


def titled(labels: dict[str, str] = {"title": "none"}) -> None: ...  # noqa: B006 - what is tested


def test_titles_go_where_they_are_the_schemas_and_stay_where_they_are_data() -> None:
    assert properties(titled)["labels"]["default"] == {"title": "none"}
    assert "title" not in json.dumps(Parameters(simple, {}).schema)


def test_plain_types() -> None:
    assert properties(simple, city="The city.") == {
        "city": {"type": "string", "description": "The city."},
        "days": {"type": "integer"},
        "exact": {"type": "boolean"},
        "share": {"type": "number"},
    }
    assert Parameters(simple, {}).schema["required"] == ["city", "days", "exact", "share"]


def test_what_may_be_left_out() -> None:
    assert properties(optional) == {
        "city": {"type": "string"},
        "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
        "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
    }
    assert Parameters(optional, {}).schema["required"] == ["city"]


def test_what_is_made_of_parts() -> None:
    schema = Parameters(nested, {}).schema
    assert schema["properties"] == {
        "order": {"type": "array", "items": {"$ref": "#/$defs/Drink"}},
        "to": {"$ref": "#/$defs/Address"},
    }
    assert schema["$defs"]["Drink"]["properties"] == {
        "title": {"type": "string"},
        "size": {"$ref": "#/$defs/Size", "default": "small"},
    }
    assert schema["$defs"]["Size"] == {"type": "string", "enum": ["small", "large"]}


def test_what_the_types_say_themselves_comes_first() -> None:
    assert properties(constrained, n="from the docstring", to="from the docstring") == {
        "n": {"type": "integer", "minimum": 1, "description": "how many"},
        "to": {"type": "string", "description": "whom"},
    }


@pytest.mark.parametrize("function", [with_context, with_optional_context])
def test_the_context_is_filled_in_and_not_shown(function: Callable[..., Any]) -> None:
    assert list(properties(function)) == ["city"]
    taken = Parameters(function, {}).validate('{"city": "Oslo"}', CONTEXT)
    assert taken == {"city": "Oslo", "context": CONTEXT}


def test_parameters_may_be_called_as_they_like() -> None:
    parameters = Parameters(awkward, {})
    assert list(parameters.schema["properties"]) == ["schema", "model_config", "json", "copy"]
    assert parameters.validate('{"schema": "a", "model_config": 1, "json": true}', CONTEXT) == {
        "schema": "a",
        "model_config": 1,
        "json": True,
    }


@pytest.mark.parametrize("arguments", ["", " \n", "{}"])
def test_no_arguments(arguments: str) -> None:
    assert Parameters(nothing, {}).validate(arguments, CONTEXT) == {}


def test_values_are_what_the_hints_promise() -> None:
    arguments = {"order": [{"title": "tea", "size": "large"}, {"title": "milk"}], "to": {"street": "High St"}}
    taken = Parameters(nested, {}).validate(json.dumps(arguments), CONTEXT)
    assert taken == {"order": [Drink("tea", Size.LARGE), Drink("milk")], "to": Address(street="High St")}
    taken = Parameters(optional, {}).validate('{"city": "Oslo", "when": "2026-11-20"}', CONTEXT)
    assert taken == {"city": "Oslo", "when": date(2026, 11, 20)}


@pytest.mark.parametrize(
    ("function", "arguments", "loc"),
    [
        pytest.param(simple, "{", (), id="no JSON"),
        pytest.param(simple, "[]", (), id="no object"),
        pytest.param(optional, "{}", ("city",), id="missing"),
        pytest.param(optional, '{"city": 5}', ("city",), id="wrong type"),
        pytest.param(optional, '{"city": "Oslo", "unit": "K"}', ("unit",), id="not one of these"),
        pytest.param(nothing, '{"city": "Oslo"}', ("city",), id="one too many"),
        pytest.param(constrained, '{"n": 0, "to": "you"}', ("n",), id="out of bounds"),
        pytest.param(with_context, '{"city": "x", "context": {}}', ("context",), id="the context is not the model's"),
    ],
)
def test_what_does_not_fit_is_refused(function: Callable[..., Any], arguments: str, loc: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        Parameters(function, {}).validate(arguments, CONTEXT)
    assert refused.value.errors()[0]["loc"] == loc


def untyped(city) -> None: ...  # pyright: ignore
def many(*cities: str) -> None: ...
def keywords(**cities: str) -> None: ...
def positional(city: str, /) -> None: ...
def no_json(way: Callable[[], None]) -> None: ...
def nowhere(city: "NotDefined") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (untyped, "parameter city of the tool untyped has no type: annotate it"),
        (many, r"takes \*cities: str: give it plain named parameters only"),
        (keywords, r"takes \*\*cities: str"),
        (positional, "takes city: str"),
        (odd_default, "tool odd_default has a parameter of a type that has no JSON"),
        (no_json, "tool no_json has a parameter of a type that has no JSON"),
        (nowhere, "types of the tool nowhere cannot be read: name 'NotDefined' is not defined"),
    ],
)
def test_a_function_that_no_model_can_call(function: Callable[..., Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Parameters(function, {})


class Unspeakable:
    """Has no JSON."""


def hidden_default(city: str = cast("str", Unspeakable())) -> str:
    return city


def test_a_default_that_has_no_json_stays_the_functions_own() -> None:
    parameters = Parameters(hidden_default, {})
    assert parameters.schema["properties"] == {"city": {"type": "string"}}
    assert parameters.validate("{}", CONTEXT) == {}
