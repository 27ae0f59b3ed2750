"""One line that a person types while the screen is redrawn around it: keys in, lines out. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = ["EndOfInput", "LineEditor"]

MAX_LINE: Final = 4000
"""Characters; keys on top of it do nothing."""

_ENTER: Final = ("\r", "\n")
_BACKSPACE: Final = ("\x7f", "\b")
_END: Final = "\x04"
_KILL_LINE: Final = "\x15"
_KILL_WORD: Final = "\x17"
_ESCAPE: Final = "\x1b"


@dataclass(frozen=True, slots=True)
class EndOfInput:
    """Ctrl-D on an empty line."""


@dataclass(slots=True)
class LineEditor:
    """What is being typed.

    Attributes:
        text: The line so far.
    """

    text: str = ""
    _escape: str = field(default="", repr=False)

    def feed(self, keys: str) -> Iterator[str | EndOfInput]:
        """Keys were pressed; the lines that are finished by them. Cursor keys and their like do nothing."""
        for key in keys:
            if self._is_escaped(key):
                continue
            if key in _ENTER:
                line, self.text = self.text.strip(), ""
                if line:
                    yield line
            elif key == _END and not self.text:
                yield EndOfInput()
            else:
                self._edit(key)

    def _edit(self, key: str) -> None:
        if key in _BACKSPACE:
            self.text = self.text[:-1]
        elif key == _KILL_LINE:
            self.text = ""
        elif key == _KILL_WORD:
            self.text = self.text.rstrip().rpartition(" ")[0]
            self.text += " " if self.text else ""
        elif key.isprintable() and len(self.text) < MAX_LINE:
            self.text += key

    def _is_escaped(self, key: str) -> bool:
        """Whether a key belongs to a sequence such as ESC [ A (ECMA-48, section 5.4), which is passed over."""
        if not self._escape:
            self._escape = key if key == _ESCAPE else ""
            return bool(self._escape)
        self._escape += key
        is_open = self._escape in ("\x1b[", "\x1bO") or (self._escape.startswith("\x1b[") and not "@" <= key <= "~")
        if not is_open:
            self._escape = ""
        return True
