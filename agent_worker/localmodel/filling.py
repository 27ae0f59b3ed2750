"""A tool's arguments from what was said: JSON schema and words -> values, and which required ones are missing. Pure.

The name of an argument says what kind of thing it is; an enum says which words there are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from agent_worker.localmodel import phrases, sums
from agent_worker.localmodel.toolfit import words_of
from agent_worker.localmodel.words import digits, normal, numbers, singular, vocabulary
from agent_worker.tools.spec import ToolSpec

_MOST_CHOICES: Final = 6
"""More choices than this are not read out."""
_LONGEST_ANSWER: Final = 6
"""Words of an answer that is taken as it is."""
_NESTING: Final = 4
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_PLACES: Final = vocabulary("city location place town where country region address")
_PEOPLE: Final = vocabulary("name customer")
_ANYTHING: Final[Mapping[str, Any]] = {}
_YES: Final = vocabulary("yes yeah yep sure please")
_NO: Final = vocabulary("no nope without")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is known for filling: the normal words, and the user's name if it is known."""

    words: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Filling:
    """The arguments that are known, and the required ones that are not."""

    arguments: Mapping[str, Any]
    missing: tuple[str, ...] = field(default=())


def fill(tool: ToolSpec, said: Said) -> Filling:
    """Fill a tool's arguments with what was said; optional ones that were not said are left out."""
    arguments: dict[str, Any] = {}
    for name, schema in properties_of(tool).items():
        value = _value(name, schema, said)
        if value is not None:
            arguments[name] = value
    return Filling(arguments, tuple(name for name in required_of(tool) if name not in arguments))


def answer(tool: ToolSpec, wanted: str, said: Said, *, free: bool = True) -> Any | None:
    """The value of one argument from the answer to a question for it, or None when it is no answer.

    Args:
        tool: Whose argument it is.
        wanted: The argument's name.
        said: The answer.
        free: Whether any few words are an answer. Not, if they mean something else.

    """
    schema = properties_of(tool).get(wanted, {})
    value = _value(wanted, schema, said)
    if value is None and free and "string" in _kinds(schema) and not schema.get("enum"):
        words = [word for word in said.words if word not in ("a", "an", "the", "please", "in", "to", "for")]
        if 0 < len(words) <= _LONGEST_ANSWER:
            is_name = bool(set(words_of(wanted)) & (_PLACES | _PEOPLE))
            value = " ".join(word.capitalize() if is_name else word for word in words)
    return value


def question(tool: ToolSpec, wanted: str) -> str:
    """How to ask for an argument: "What size? Small, medium or large."."""
    label = " ".join(words_of(wanted)) or wanted
    choices = [str(choice).replace("_", " ") for choice in properties_of(tool).get(wanted, {}).get("enum", ())]
    if not 1 < len(choices) <= _MOST_CHOICES:
        return f"What {label}?"
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return f"What {label}? {listed[0].upper()}{listed[1:]}."


def required_of(tool: ToolSpec) -> tuple[str, ...]:
    """The names of the arguments that a tool cannot do without."""
    listed = tool.parameters.get("required")
    return tuple(str(name) for name in cast(list[Any], listed)) if isinstance(listed, list) else ()


def properties_of(tool: ToolSpec) -> dict[str, Mapping[str, Any]]:
    """The schemas of a tool's arguments, with references followed and "or null" taken off."""
    properties = tool.parameters.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    known = cast(Mapping[str, Any], properties)
    return {name: _resolved(schema, tool.parameters) for name, schema in known.items()}


def _resolved(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any]:
    if not isinstance(schema, Mapping) or depth > _NESTING:
        return {}
    known = cast(Mapping[str, Any], schema)
    reference = known.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for step in reference[2:].split("/"):
            target = cast(Mapping[str, Any], target).get(step) if isinstance(target, Mapping) else None
        return _resolved(target, root, depth + 1)
    for several in ("anyOf", "oneOf", "allOf"):
        members = known.get(several)
        if isinstance(members, list):
            resolved = [_resolved(member, root, depth + 1) for member in cast(list[Any], members)]
            return next((member for member in resolved if member and member.get("type") != "null"), _ANYTHING)
    return {"enum": [known["const"]]} if "const" in known else known


def _kinds(schema: Mapping[str, Any]) -> list[Any]:
    kind = schema.get("type", "string")
    return cast(list[Any], kind) if isinstance(kind, list) else [kind]


def _value(name: str, schema: Mapping[str, Any], said: Said) -> Any | None:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return _chosen(cast(list[Any], choices), said.words)
    kinds, label = _kinds(schema), set(words_of(name))
    if "integer" in kinds:
        number = _number(label, said)
        return None if number is None else round(number)
    if "number" in kinds:
        return _number(label, said)
    if "boolean" in kinds:
        return _flag(label, said.words)
    if "array" in kinds:
        return list(phrases.ordered(said.words).extras) or None
    return _text(label, said) if "string" in kinds else None


def _chosen(choices: Sequence[Any], words: Sequence[str]) -> Any | None:
    """The choice that was said. The longest one wins: "extra large" before "large"."""
    said = f" {' '.join(singular(word) for word in words)} "
    for choice in sorted(choices, key=lambda each: -len(str(each))):
        spelled = " ".join(singular(word) for word in normal(str(choice).replace("_", " ")).split())
        if spelled and f" {spelled} " in said:
            return choice
    sizes = {phrases.SIZES[word] for word in words if word in phrases.SIZES}
    return next((choice for choice in choices if str(choice).lower() in sizes), None)


def _number(label: set[str], said: Said) -> float | None:
    units = [seconds for unit, seconds in _SECONDS.items() if label & {unit, f"{unit}s"}]
    if units or label & {"duration", "delay", "length"}:
        seconds = phrases.duration(said.words)
        return None if seconds is None else seconds / (units[0] if units else 1)
    if label & {"quantity", "amount", "pieces", "copies"}:
        quantity = phrases.ordered(said.words).quantity
        return None if quantity is None else float(quantity)
    if label & {"id", "number", "reference", "code"}:
        joined = digits(said.words)
        return None if joined is None else float(joined)
    found = numbers(said.words)
    return found[0] if found else None


def _flag(label: set[str], words: Sequence[str]) -> bool | None:
    if set(words) & _NO:
        return False
    return True if set(words) & (label | _YES) else None


def _text(label: set[str], said: Said) -> str | None:
    return next((find(said) for names, find in _TEXTS if label & names), None)


def _expression(said: Said) -> str | None:
    found = sums.find(said.words)
    return None if found is None else found.expression


_TEXTS: Final[tuple[tuple[frozenset[str], Callable[[Said], str | None]], ...]] = (
    (frozenset({"size"}), lambda said: phrases.ordered(said.words).size),
    (
        vocabulary("topping toppings extra extras ingredients"),
        lambda said: ", ".join(phrases.ordered(said.words).extras) or None,
    ),
    (_PLACES, lambda said: phrases.place(said.words)),
    (vocabulary("date day when"), lambda said: phrases.when(said.words)),
    (vocabulary("id number reference code"), lambda said: digits(said.words)),
    (
        vocabulary("department team destination target agent queue"),
        lambda said: phrases.whom(said.words),
    ),
    (vocabulary("expression formula calculation sum equation"), _expression),
    (vocabulary("duration length"), lambda said: phrases.duration_text(said.words)),
    (
        vocabulary("query question text message prompt request utterance input"),
        lambda said: " ".join(said.words) or None,
    ),
    (
        vocabulary("item items product dish food drink order article thing"),
        lambda said: phrases.ordered(said.words).item,
    ),
    (_PEOPLE, lambda said: said.name),
)
"""Words in an argument's name, and what is then looked for."""
