"""Does each row of the table of interruption matter to a story? Changes one row at a time and tells the stories.

For each row: it is taken out, each of its effects is left off, and its next phase is each other phase. For each pair
that is ignored on purpose: it is called impossible, or leads to another phase. Only those stories are told that come
by the row or the pair, and only until one fails. A mutant that every story survives is printed, and the exit code is
1.
"""

import sys
import time
from collections import defaultdict
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent_worker.speech import floor, interruption  # noqa: E402 - found by the path above
from agent_worker.speech.interruption import IGNORED, TABLE, Effect, Phase, Signal  # noqa: E402
from tests.agent_worker.speech.story import Story, check  # noqa: E402

Key = tuple[Phase, Signal]
Row = tuple[Phase, tuple[Effect, ...]]


def all_stories() -> dict[str, Story]:
    """Every story that the tests tell, by its title."""
    found: dict[str, Story] = {}
    for path in sorted((ROOT / "tests/agent_worker/speech").glob("test_stories_of_*.py")):
        found |= import_module(f"tests.agent_worker.speech.{path.stem}").STORIES
    return found


def stories_by_row(stories: dict[str, Story]) -> dict[Key, list[Story]]:
    """Which stories come by which row or ignored pair; a story that fails as it is raises."""
    passed: dict[Key, list[Story]] = defaultdict(list)
    seen: set[Key] = set()

    def step(phase: Phase, signal: Signal) -> Row:
        seen.add((phase, signal))
        return interruption.step(phase, signal)

    floor.step = step
    try:
        for story in stories.values():
            seen.clear()
            check(story)
            for key in seen:
                passed[key].append(story)
    finally:
        floor.step = interruption.step
    return passed


def mutants(key: Key, row: Row) -> dict[str, Row]:
    """What could be written in place of a row."""
    phase, effects = row
    found: dict[str, Row] = {"taken out": (key[0], ())}
    for number, effect in enumerate(effects):
        found[f"without {effect.name}"] = (phase, effects[:number] + effects[number + 1 :])
    for other in Phase:
        found[f"to {other.name}"] = (other, effects)
    return {name: mutant for name, mutant in found.items() if mutant != row}


def is_caught(stories: list[Story]) -> bool:
    """Whether one of them ends otherwise than it should, or cannot go on at all."""
    for story in stories:
        try:
            check(story)
        except Exception:  # noqa: BLE001 - whatever goes wrong, the mutant is caught
            return True
    return False


def main() -> int:
    """Print how many mutants are caught, and name the others."""
    begun = time.perf_counter()
    stories = all_stories()
    by_row = stories_by_row(stories)
    survivors: list[str] = []
    count = 0
    for key, row in list(TABLE.items()):
        for name, mutant in mutants(key, row).items():
            count += 1
            TABLE[key] = mutant
            try:
                if not is_caught(by_row[key]):
                    survivors.append(f"{key[0].name} + {key[1].name}: {name}")
            finally:
                TABLE[key] = row
    for key in IGNORED:
        interruption.IGNORED = IGNORED - {key}
        try:
            for name, other in (
                ("impossible", None),
                *((f"to {phase.name}", phase) for phase in Phase if phase is not key[0]),
            ):
                count += 1
                if other is not None:
                    TABLE[key] = (other, ())
                if not is_caught(by_row[key]):
                    survivors.append(f"{key[0].name} + {key[1].name}: {name}")
        finally:
            interruption.IGNORED = IGNORED
            TABLE.pop(key, None)
    seconds = time.perf_counter() - begun
    print(
        f"{count - len(survivors)} of {count} mutants of {len(TABLE)} rows and {len(IGNORED)} ignored pairs are "
        f"caught by {len(stories)} stories, in {seconds:.0f} s"
    )
    for survivor in survivors:
        print("  survives:", survivor)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
