"""A conversation on the screen: finished lines above, and below them, on a terminal, what goes on at this moment."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from agent_worker.cli.transcript import Line, Speaker

__all__ = ["Display", "LiveDisplay", "PlainDisplay"]

_STYLES = {Speaker.AGENT: "bold cyan", Speaker.HUMAN: "bold green", Speaker.NOTE: "dim"}


class Display(Protocol):
    """Where a conversation is shown: a context manager."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the screen in order."""
        ...

    def line(self, line: Line) -> None:
        """A line is finished."""
        ...

    def refresh(self) -> None:
        """What goes on may have changed."""
        ...


class PlainDisplay:
    """For pipes and files: finished lines, one by one, and nothing else.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def line(self, line: Line) -> None:
        """Print it."""
        self._console.print(line.plain, soft_wrap=True)

    def refresh(self) -> None:
        """Nothing is drawn that could change."""


class LiveDisplay:
    """For a terminal.

    Args:
        console: Where to.
        now_going_on: Gives what stands below the finished lines.
    """

    def __init__(self, console: Console, now_going_on: Callable[[], RenderableType]) -> None:
        self._console = console
        self._going_on = now_going_on
        self._live = Live(Text(""), console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def line(self, line: Line) -> None:
        """Print it above."""
        self._console.print(drawn(line))
        self.refresh()

    def refresh(self) -> None:
        """Draw anew."""
        self._live.update(self._going_on(), refresh=True)


def drawn(line: Line) -> Text:
    """A line in its colours."""
    style = _STYLES[line.speaker]
    if not line.who:
        return Text(f"  {line.text}", style=style)
    return Text.assemble((f"{line.who}: ", style), line.text)


def going_on(*, growing: tuple[Line, ...], status: Text, typed: str | None) -> RenderableType:
    """What stands below the finished lines: those that grow, how things are, and what is typed (None: nothing)."""
    parts: list[RenderableType] = [drawn(line) for line in growing]
    parts.append(status)
    if typed is not None:
        parts.append(Text.assemble(("> ", "bold"), typed, ("▏", "dim")))
    return Group(*parts)
