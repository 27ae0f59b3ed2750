"""Finds the agent that an application wrote: a path or a module's name in, an `Agent` out.

Runs inside a room's process, never in the supervisor: what an application does on import can break one process only.
"""

import importlib
import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from agent_worker.agent import Agent
from agent_worker.errors import ConfigError

__all__ = ["AgentSource", "load", "name_of", "named_again"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentSource:
    """Where the agents of a process come from.

    Attributes:
        name: The agent's class, for people.
        make: Gives an agent that nobody has used; None where the application made the only one there is.
        made: An agent to begin with.
    """

    name: str
    make: Callable[[], Agent] | None
    made: Agent


def load(spec: str) -> AgentSource:
    """The agent that `spec` names.

    Args:
        spec: "path/to/file.py", "path/to/file.py:Class", "module" or "module:Class". Without a class the file has to
            define exactly one subclass of Agent, or an Agent called `agent`.

    Raises:
        ConfigError: There is no such file, it fails, or it has no agent or several; the text says what to do.
    """
    place, name = _split(spec)
    module = _import_file(Path(place)) if _is_path(place) else _import_module(place)
    return _source(_named(module, place, name) if name else _only(module, place), place)


def name_of(agent: Agent) -> str:
    """The name by which another process that has loaded the same application finds an agent's class."""
    return f"{type(agent).__module__}:{type(agent).__qualname__}"


def named_again(name: str) -> Agent | None:
    """An agent of the class that `name_of` named, made without arguments; None when there is no making one."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not (isinstance(found, type) and issubclass(found, Agent)):
        return None
    try:
        return found()
    except Exception as error:  # noqa: BLE001 - whatever an application does there
        logger.warning("%s() fails, so the conversation goes on with its first agent: %s", name, error)
        return None


def _split(spec: str) -> tuple[str, str]:
    place, colon, name = spec.rpartition(":")
    if colon and name.isidentifier():
        return place, name
    return spec, ""


def _is_path(place: str) -> bool:
    return place.endswith(".py") or "/" in place or Path(place).exists()


def _import_file(path: Path) -> ModuleType:
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError(f"{path} is not a Python file. Give the path of one (agent.py), or module:Class.")
    # A prefix of our own, so that an agent in random.py does not replace the library's random.
    name = f"agent_file_{path.stem}"
    file = path.absolute()
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    # Registered first: pydantic and pickle look a class's module up by its name.
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{path} could not be loaded: {_what(error, str(file))}") from error
    return module


def _import_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(
                f"There is no module {name} here. Give the path of a Python file (agent.py), or a module that"
                " Python can import from this directory."
            ) from error
        raise ConfigError(f"{name} could not be loaded: {_what(error, name)}") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{name} could not be loaded: {_what(error, name)}") from error


def _what(error: BaseException, file: str) -> str:
    """The error and the last line of the application's file on its way."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(error.lineno)
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def _named(module: ModuleType, place: str, name: str) -> object:
    found: object = getattr(module, name, None)
    if found is None:
        raise ConfigError(f"{place} has no {name}. It has {_contents(module)}.")
    return found


def _only(module: ModuleType, place: str) -> object:
    made: object = getattr(module, "agent", None)
    if isinstance(made, Agent):
        return made
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Agent) and value.__module__ == module.__name__
    ]
    match classes:
        case [only]:
            return only
        case []:
            raise ConfigError(
                f"{place} has no agent: write a class that inherits from agent_worker.Agent, or make one called"
                f" agent. It has {_contents(module)}."
            )
        case _:
            names = ", ".join(cls.__name__ for cls in classes)
            raise ConfigError(f"{place} has several agents ({names}): name one, as in {place}:{classes[0].__name__}.")


def _source(found: object, place: str) -> AgentSource:
    if isinstance(found, Agent):
        return AgentSource(type(found).__name__, None, found)
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise ConfigError(f"{found!r} in {place} is no Agent and no subclass of it.")
    try:
        return AgentSource(found.__name__, found, found())
    except Exception as error:
        raise ConfigError(
            f"{found.__name__}() in {place} fails: {type(error).__name__}: {error}. If it needs arguments, make the"
            f" agent yourself: agent = {found.__name__}(...)."
        ) from error


def _contents(module: ModuleType) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return f"only {', '.join(names)}" if names else "nothing of its own"
