"""Tables on a terminal, once or each second; plain lines where there is no terminal.

question -> answer -> table: `show` draws it once, `watch` again and again until Ctrl-C.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent_worker.errors import ConnectionLostError

__all__ = ["Ask", "plain_console", "show", "table", "watch"]

Ask = Callable[[], Awaitable[RenderableType]]
"""Asks the server and gives what is to be shown."""

REFRESH_SECONDS: Final = 1.0
PIPE_WIDTH: Final = 1000


def plain_console() -> Console:
    """Standard output, without guesses about what is in our words; NO_COLOR and pipes are rich's own matter."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        # One row is one line: there is no screen whose width it would have to fit.
        console.width = PIPE_WIDTH
    return console


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], *, none: str) -> RenderableType:
    """Rows under titles, or the sentence `none`."""
    if not rows:
        return Text(none)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return drawn


async def show(ask: Ask, console: Console) -> None:
    """Draw it once."""
    console.print(await ask())


async def watch(ask: Ask, console: Console) -> None:
    """Draw it each second until cancelled; a server that goes away meanwhile is waited for.

    Raises:
        ConnectionLostError: It was not there at the beginning.
    """
    shown = await ask()
    if not console.is_terminal:
        await _follow(shown, ask, console)
        return
    with Live(shown, console=console, screen=False, auto_refresh=False, transient=False) as live:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                shown = await ask()
                live.update(shown, refresh=True)
            except ConnectionLostError as error:
                live.update(Group(shown, Text(str(error), style="red")), refresh=True)


async def _follow(shown: RenderableType, ask: Ask, console: Console) -> None:
    """Without a terminal: the whole table again, whenever something in it is new."""
    before = ""
    while True:
        text = _text_of(shown)
        if text != before:
            before = text
            console.print(shown)
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            shown = await ask()
        except ConnectionLostError as error:
            shown = Text(str(error))


def _text_of(shown: RenderableType) -> str:
    console = Console(width=1000, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()
