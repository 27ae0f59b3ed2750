"""Does each row of the table of interruption matter to a story? Changes one row at a time and runs the stories.

For each row: it is taken out, each of its effects is left off, and its next phase is another. A mutant that every
story survives is printed, and the exit code is 1.
"""

import contextlib
import io
import sys

import pytest

from agent_worker.speech import interruption
from agent_worker.speech.interruption import TABLE, Effect, Phase, Signal

STORIES = ["tests/agent_worker/speech/test_conversation.py"]
Row = tuple[Phase, tuple[Effect, ...]]


def mutants(key: tuple[Phase, Signal], row: Row) -> dict[str, Row]:
    """What could be written in place of a row."""
    phase, effects = row
    found: dict[str, Row] = {"taken out": (key[0], ())}
    for number, effect in enumerate(effects):
        found[f"without {effect.name}"] = (phase, effects[:number] + effects[number + 1 :])
    others = {Phase.FREE, Phase.HELD, Phase.DISMISSED} - {phase}
    for other in sorted(others, key=lambda other: other.name):
        found[f"to {other.name}"] = (other, effects)
    return {name: mutant for name, mutant in found.items() if mutant != row}


def stories_fail() -> bool:
    """Run the stories in this process, quietly."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *STORIES]) != 0


def main() -> int:
    if stories_fail():
        print("the stories fail as they are: mend them first")
        return 2
    survivors: list[str] = []
    count = 0
    for key, row in list(TABLE.items()):
        for name, mutant in mutants(key, row).items():
            count += 1
            interruption.TABLE[key] = mutant
            try:
                if not stories_fail():
                    survivors.append(f"{key[0].name} + {key[1].name}: {name}")
            finally:
                interruption.TABLE[key] = row
    print(f"{count - len(survivors)} of {count} mutants of {len(TABLE)} rows are caught")
    for survivor in survivors:
        print("  survives:", survivor)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
