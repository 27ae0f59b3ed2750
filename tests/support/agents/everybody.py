"""The assistant that speaks when spoken to, by anybody in the room."""

from typing import ClassVar

from tests.support.agents.quiet import Quiet


class Everybody(Quiet):
    options: ClassVar = {"listen": "all"}
