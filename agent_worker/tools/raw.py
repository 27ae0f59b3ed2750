"""Tools whose JSON schema is given, not made: the model's arguments come to them as one dict. Pure.

raw schema ({"name", "description", "parameters"}) -> `RawParameters` -> `ToolSpec` to the model
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from agent_worker.errors import ConfigError
from agent_worker.tools.context import RunContext
from agent_worker.tools.schema import is_context, type_hints

NO_PARAMETERS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}

_OBJECT: Final = TypeAdapter(dict[str, Any])


class RawSchema(BaseModel):
    """What `@function_tool(raw_schema=...)` takes: a function as realtime and chat models are told of it."""

    model_config = ConfigDict(extra="ignore")

    name: str
    description: str = ""
    parameters: dict[str, Any] = dict(NO_PARAMETERS)


def read_raw_schema(schema: Mapping[str, Any]) -> RawSchema:
    """Check a raw schema.

    Raises:
        ConfigError: It has no name, or its parameters are no JSON schema of an object.

    """
    try:
        read = RawSchema.model_validate(dict(schema))
    except ValidationError as exc:
        raise ConfigError(
            f"A raw_schema is a dict with name, description and parameters (a JSON schema); this one is not: {exc}"
        ) from exc
    if read.parameters.get("type") != "object":
        raise ConfigError(
            f'The parameters of the raw_schema {read.name!r} need "type": "object" at their top: '
            "the model passes arguments by name."
        )
    return read


class RawParameters:
    """Passes the model's arguments on as they are: they are an object, and more is not looked at.

    Args:
        schema: Of the arguments; type object.
        argument: The function's parameter that takes them.
        context: The function's parameter that takes the `RunContext`, if there is one.

    """

    def __init__(self, schema: Mapping[str, Any], *, argument: str, context: str | None = None) -> None:
        self.schema = schema
        self._argument = argument
        self._context = context

    @classmethod
    def of(cls, function: Callable[..., Any], schema: Mapping[str, Any]) -> "RawParameters":
        """For a function that takes the dict, and at most a `RunContext` besides.

        Raises:
            ConfigError: It takes something else.

        """
        name = getattr(function, "__qualname__", repr(function))
        hints = type_hints(function, name)
        context, takers = None, cast("list[str]", [])
        for parameter in inspect.signature(function).parameters:
            if is_context(hints.get(parameter)):
                context = parameter
            else:
                takers.append(parameter)
        if len(takers) != 1:
            raise ConfigError(
                f"The tool {name} has a raw_schema: let it take one parameter, a dict with the model's arguments, "
                f"and a RunContext if it wants one. It takes {', '.join(takers) or 'none'}."
            )
        return cls(schema, argument=takers[0], context=context)

    def validate(self, arguments: str, context: RunContext) -> dict[str, Any]:
        """Keyword arguments for the function.

        Raises:
            pydantic.ValidationError: The text is no JSON object.

        """
        taken: dict[str, Any] = {self._argument: _OBJECT.validate_json(arguments.strip() or "{}")}
        if self._context is not None:
            taken[self._context] = context
        return taken
