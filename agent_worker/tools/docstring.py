"""What a Google-style docstring says of a function and of its parameters. Pure: text in, texts out."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECTION = re.compile(
    r"(args|arguments|parameters|returns?|yields?|raises|examples?|notes?|attributes|see also|warnings?|todo):\s*$",
    re.IGNORECASE,
)
_ARGUMENTS = re.compile(r"(args|arguments|parameters):\s*$", re.IGNORECASE)
_PARAMETER = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The two things that a model is told."""

    description: str = ""
    """The first paragraph, on one line."""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to description, each on one line."""


def parse_docstring(text: str | None) -> Docstring:
    """Read a docstring as it stands in the source; None and anything unusual give empty texts, never an error."""
    lines = inspect.cleandoc(text or "").splitlines()
    return Docstring(description=_first_paragraph(lines), parameters=_parameters(_arguments(lines)))


def _first_paragraph(lines: list[str]) -> str:
    paragraph: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.match(line):
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _arguments(lines: list[str]) -> list[str]:
    """The lines of the Args section: indented, up to the next line that is not."""
    start = next((number for number, line in enumerate(lines) if _ARGUMENTS.match(line)), len(lines))
    section: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and not line[0].isspace():
            break
        section.append(line)
    return inspect.cleandoc("\n".join(["", *section])).splitlines()


def _parameters(lines: list[str]) -> dict[str, str]:
    """A line at the margin names a parameter; further ones, further in, go on about it."""
    texts: dict[str, list[str]] = {}
    name = None
    for line in lines:
        if line and not line[0].isspace():
            found = _PARAMETER.match(line)
            name = found["name"] if found else None
            if found:
                texts[found["name"]] = [found["text"].strip()]
        elif name is not None and line.strip():
            texts[name].append(line.strip())
    return {name: " ".join(filter(None, parts)) for name, parts in texts.items()}
