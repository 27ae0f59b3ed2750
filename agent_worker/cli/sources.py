"""Where an agent's code lies, and when it changes.

agent as the command line names it -> the folders of its code -> changed files
"""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from watchfiles import PythonFilter
from watchfiles import awatch as _awatch  # pyright: ignore[reportUnknownVariableType] - trio's types are not there

from agent_worker.errors import ConfigError

__all__ = ["Changes", "folders_of"]

MAX_FOLDERS: Final = 200
"""Of more, only the first are watched: a folder with a whole system below it is none of an agent's."""
MAX_DEPTH: Final = 6
DEBOUNCE_MS: Final = 300
_IGNORED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build", "dist"})


def folders_of(spec: str) -> list[Path]:
    """The folders whose Python files may be the agent's: its file's or package's, and those below with code in them.

    Raises:
        ConfigError: There is no such file or module.
    """
    root = _root_of(spec)
    found: list[Path] = []
    waiting = [(root, 0)]
    while waiting and len(found) < MAX_FOLDERS:
        folder, depth = waiting.pop(0)
        found.append(folder)
        if depth < MAX_DEPTH:
            waiting += [(child, depth + 1) for child in sorted(folder.iterdir()) if _has_code(child)]
    return found


class Changes:
    """The Python files that were changed and not taken yet.

    Args:
        folders: Where to look.
    """

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders
        self._changed: set[Path] = set()
        self._some = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        async for paths in _changes(self._folders):
            self._changed |= paths
            self._some.set()

    async def next(self) -> list[Path]:
        """Those that have changed since the last time, as soon as there are any."""
        await self._some.wait()
        self._some.clear()
        changed, self._changed = self._changed, set()
        return sorted(changed)


async def _changes(folders: list[Path]) -> AsyncIterator[set[Path]]:
    stop = asyncio.Event()
    try:
        async for changed in _awatch(
            *folders,
            watch_filter=PythonFilter(),
            debounce=DEBOUNCE_MS,
            recursive=False,
            stop_event=stop,
            raise_interrupt=False,
        ):
            yield {Path(path) for _, path in changed}
    finally:
        stop.set()


def _root_of(spec: str) -> Path:
    place, colon, name = spec.rpartition(":")
    place = place if colon and name.isidentifier() else spec
    path = Path(place)
    if path.is_file():
        return path.absolute().parent
    top = place.partition(".")[0]
    if path.suffix != ".py" and "/" not in place and top.isidentifier():
        here = Path.cwd() / top
        if here.is_dir():
            return here
        if here.with_suffix(".py").is_file():
            return Path.cwd()
        # Not imported by this: only packages above a dotted name would be.
        found = importlib.util.find_spec(top) if top not in sys.modules else sys.modules[top].__spec__
        if found is not None and found.origin is not None:
            return Path(found.origin).parent
    raise ConfigError(
        f"{place} is not a Python file, nor a module here. Give the path of one (agent.py), or module:Class."
    )


def _has_code(folder: Path) -> bool:
    if not folder.is_dir() or folder.is_symlink() or folder.name.startswith(".") or folder.name in _IGNORED:
        return False
    return not (folder / "pyvenv.cfg").exists() and any(folder.glob("*.py"))
