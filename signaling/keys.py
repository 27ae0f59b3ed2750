"""API keys as they are written down: `id: secret`, one a line, or with commas between.

Pure. The first key signs the server's own tokens; tokens of all are taken. So a key is rotated in three steps: add
the new one behind the old one, let everybody sign with it, drop the old one.
"""

import re

_ENTRY = re.compile(r"\s*([A-Za-z0-9._-]{1,128})\s*:\s*(\S+)\s*")


class KeysError(Exception):
    """Keys that cannot be read. The text names the place, never the secret."""


def parse_keys(text: str) -> dict[str, str]:
    """Secret by key id, in the order in which they are written.

    Args:
        text: The entries; empty ones and lines that begin with # are passed over.

    Raises:
        KeysError: An entry is no `id: secret`, or an id is there twice.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [entry for line in lines for entry in line.split(",") if entry.strip()]
    keys: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise KeysError(f"entry {number} is not of the form id: secret (no spaces or commas in either).")
        if match[1] in keys:
            raise KeysError(f"entry {number} has the id {match[1]}, which was there before.")
        keys[match[1]] = match[2]
    return keys
