"""What a tool shows besides what it says: pictures, which follow its output as a message of their own. Pure.

tool -> Pictures -> run -> session -> both histories -> model that can look at them
"""

from dataclasses import dataclass
from typing import Final

from agent_worker.history.items import Image

MOST_PICTURES: Final = 4
"""Of one call; further ones are left out."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one picture."""
_FILES: Final = (b"\xff\xd8\xff", b"\x89PNG")


@dataclass(frozen=True, slots=True)
class Pictures:
    """A tool's result that the model is to look at, too.

    Attributes:
        text: What it says; "" for nothing beside the pictures.
        images: JPEG or PNG files.

    """

    text: str
    images: tuple[Image, ...]


def is_picture(data: bytes) -> bool:
    """Whether this begins as a JPEG or PNG file does."""
    return data.startswith(_FILES)
