"""The words of errors, their close codes and statuses: what the documentation says is what is sent."""

import re
from pathlib import Path

from signaling.errors import CLOSE_CODES, HTTP_STATUS, ErrorCode

DOCS = Path(__file__).parents[2] / "docs" / "signaling.md"


def documented() -> dict[str, tuple[list[int], list[int]]]:
    """By word: its close codes and its statuses, as in the table under "Errors"."""
    table = DOCS.read_text().split("## Errors")[1].split("\n\nOther limits")[0]
    found: dict[str, tuple[list[int], list[int]]] = {}
    for row in re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \|", table, re.MULTILINE):
        words = re.findall(r"`([a-z_]+)`", row[0])
        closes, statuses = (
            [int(number) for number in re.findall(r"\d+", column)[: len(words)]] for column in row[1:]
        )
        for at, word in enumerate(words):
            found[word] = closes[at : at + 1] or closes[:1], statuses[at : at + 1] or statuses[:1]
    return found


def test_the_table_of_errors_is_whole_and_true():
    told = documented()
    assert set(told) == {code.value for code in ErrorCode}
    for code in ErrorCode:
        assert told[code] == ([CLOSE_CODES[code]], [HTTP_STATUS[code]]), code
    assert set(CLOSE_CODES) == set(HTTP_STATUS) == set(ErrorCode)
