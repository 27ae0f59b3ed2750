"""A function's parameters as the model sees them, and the model's arguments as the function takes them.

type hints + docstring -> `Parameters` -> JSON schema out, JSON text in, checked values out. pydantic does the work.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticSchemaGenerationError, PydanticUserError, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from agent_worker.errors import ConfigError
from agent_worker.tools.context import RunContext

_DATA: Final = frozenset({"default", "examples", "const", "enum"})
"""JSON schema keywords whose values are no schemas."""
_TAKEN_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class _ToolSchema(GenerateJsonSchema):
    """JSON schema without what a model has no use for."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """A default without JSON is the function's own affair: what the model leaves out, the function fills in."""
        if kind != "non-serializable-default":
            super().emit_warning(kind, detail)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles repeat the names."""
        return False


class Parameters:
    """What a function takes from the model.

    Args:
        function: With a type for each parameter; a method has to be bound.
        descriptions: Texts for the parameters by name, used where the types say nothing themselves.

    Raises:
        ConfigError: A model could not be told of these parameters; the text names the function and what to change.

    """

    def __init__(self, function: Callable[..., Any], descriptions: Mapping[str, str]) -> None:
        name = getattr(function, "__qualname__", repr(function))
        hints = type_hints(function, name)
        fields: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._context: str | None = None
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind not in _TAKEN_BY_NAME:
                raise ConfigError(f"The tool {name} takes {parameter}: give it plain named parameters only.")
            hint = hints.get(parameter.name)
            if hint is None:
                raise ConfigError(f"The parameter {parameter.name} of the tool {name} has no type: annotate it.")
            if is_context(hint):
                self._context = parameter.name
                continue
            # Field names of our own: a parameter may be called as something that pydantic's models have themselves.
            field = f"p{len(fields)}"
            self._names[field] = parameter.name
            fields[field] = (hint, _field(parameter, hint, descriptions.get(parameter.name)))
        try:
            self._model: type[BaseModel] = create_model(
                "Arguments", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields
            )
            self.schema: Mapping[str, Any] = _without_titles(
                self._model.model_json_schema(schema_generator=_ToolSchema)
            )
        except (PydanticSchemaGenerationError, PydanticUserError) as exc:
            raise ConfigError(f"The tool {name} has a parameter of a type that has no JSON: {exc.message}") from exc

    def validate(self, arguments: str, context: RunContext) -> dict[str, Any]:
        """Keyword arguments for the function; those that the model left out are left to the function's defaults.

        Args:
            arguments: A JSON object as text. Models write nothing at all for no arguments.
            context: For the parameter that wants it.

        Raises:
            pydantic.ValidationError: It is no JSON object, or does not fit.

        """
        values = self._model.model_validate_json(arguments.strip() or "{}")
        taken = {self._names[field]: getattr(values, field) for field in values.model_fields_set}
        if self._context is not None:
            taken[self._context] = context
        return taken


def type_hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """The types of a function's parameters.

    Raises:
        ConfigError: They name what cannot be found; `name` is what the function is called there.

    """
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as exc:
        raise ConfigError(
            f"The types of the tool {name} cannot be read: {exc}. Import or define them at the module's top level."
        ) from exc


def is_context(hint: Any) -> bool:
    """Whether a parameter of this type is given the `RunContext`."""
    return hint is RunContext or RunContext in get_args(hint)


def _field(parameter: inspect.Parameter, hint: Any, documented: str | None) -> Any:
    default = ... if parameter.default is inspect.Parameter.empty else parameter.default
    description = _described(hint) or documented
    return Field(default, alias=parameter.name, description=description)


def _described(hint: Any) -> str | None:
    """What `Annotated[int, "how many"]` or `Annotated[int, Field(description="how many")]` says."""
    if get_origin(hint) is not Annotated:
        return None
    for extra in get_args(hint)[1:]:
        if isinstance(extra, str):
            return extra
        if isinstance(extra, FieldInfo) and extra.description:
            return extra.description
    return None


def _without_titles(schema: Any) -> Any:
    """Class titles, which pydantic sets whatever it is asked; data inside defaults and examples stays as it is."""
    if isinstance(schema, list):
        return [_without_titles(value) for value in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value if key in _DATA else _without_titles(value)
        for key, value in cast("dict[str, Any]", schema).items()
        if not (key == "title" and isinstance(value, str))
    }
