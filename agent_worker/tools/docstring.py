"""What a docstring says of a function and of its parameters. Pure: text in, texts out.

Google, NumPy or Sphinx style: which one need not be said, as each has its own mark at the head of the parameters
("Args:", "Parameters" over a line of dashes, ":param x:").
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_SECTION = re.compile(
    r"(args|arguments|parameters|returns?|yields?|raises|examples?|notes?|attributes|see also|warnings?|todo):\s*$",
    re.IGNORECASE,
)
_ARGUMENTS = re.compile(r"(args|arguments|parameters):\s*$", re.IGNORECASE)
_PARAMETER = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)$")
_UNDERLINE = re.compile(r"-{3,}\s*$")
_NUMPY_ARGUMENTS = re.compile(r"(other )?parameters\s*$", re.IGNORECASE)
_NUMPY_PARAMETER = re.compile(r"(?P<names>\*{0,2}\w+(\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_SPHINX_FIELD = re.compile(r":(?P<kind>\w+)(?:\s+(?P<what>[^:]*))?:\s*(?P<text>.*)$")
_SPHINX_PARAMETER = frozenset({"param", "parameter", "arg", "argument", "key", "keyword"})

_Texts = dict[str, list[str]]


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
    texts = _google(lines) or _numpy(lines) or _sphinx(lines)
    return Docstring(
        description=_first_paragraph(lines),
        parameters={name: " ".join(filter(None, parts)) for name, parts in texts.items()},
    )


def _first_paragraph(lines: list[str]) -> str:
    paragraph: list[str] = []
    for number, line in enumerate(lines):
        if not line.strip() or _SECTION.match(line) or _SPHINX_FIELD.match(line) or _is_numpy_head(lines, number):
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _google(lines: list[str]) -> _Texts:
    """What is indented under "Args:". A line at its margin names a parameter; those further in go on about it."""
    start = next((number for number, line in enumerate(lines) if _ARGUMENTS.match(line)), len(lines))
    section: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and not line[0].isspace():
            break
        section.append(line)
    texts: _Texts = {}
    name = None
    for line in inspect.cleandoc("\n".join(["", *section])).splitlines():
        if line and not line[0].isspace():
            found = _PARAMETER.match(line)
            name = found["name"] if found else None
            if found:
                texts[found["name"]] = [found["text"].strip()]
        elif name is not None and line.strip():
            texts[name].append(line.strip())
    return texts


def _numpy(lines: list[str]) -> _Texts:
    """What stands under "Parameters" over dashes: "name : type" (or two names) at the margin, its text further in."""
    texts: _Texts = {}
    names: list[str] = []
    for line in _numpy_section(lines):
        if line and not line[0].isspace():
            found = _NUMPY_PARAMETER.match(line)
            names = [name.strip(" *") for name in found["names"].split(",")] if found else []
            texts.update({name: [] for name in names})
        elif line.strip():
            for name in names:
                texts[name].append(line.strip())
    return texts


def _numpy_section(lines: list[str]) -> Iterator[str]:
    inside = False
    for number, line in enumerate(lines):
        if _is_numpy_head(lines, number):
            inside = _NUMPY_ARGUMENTS.match(line) is not None
        elif inside and not _UNDERLINE.match(line):
            yield line


def _is_numpy_head(lines: list[str], number: int) -> bool:
    return number + 1 < len(lines) and bool(lines[number].strip()) and bool(_UNDERLINE.match(lines[number + 1]))


def _sphinx(lines: list[str]) -> _Texts:
    """Lines like ":param name: text" or ":param type name: text"; indented ones go on about it."""
    texts: _Texts = {}
    name = None
    for line in lines:
        found = _SPHINX_FIELD.match(line)
        if found is not None:
            words = (found["what"] or "").split()
            name = words[-1].lstrip("*\\") if words and found["kind"] in _SPHINX_PARAMETER else None
            if name is not None:
                texts[name] = [found["text"].strip()]
        elif name is not None and line.strip() and line[0].isspace():
            texts[name].append(line.strip())
        else:
            name = None
    return texts
