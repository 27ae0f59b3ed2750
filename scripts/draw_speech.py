"""Draws the table of interruption into docs/speech.md: a state drawing (Mermaid), and every pair of phase and signal.

Run it after a change of the table: `python scripts/draw_speech.py`. With `--check` it changes nothing, and says
whether the page is stale.
"""

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "speech.md"
sys.path.insert(0, str(ROOT))

from agent_worker.speech.interruption import IGNORED, TABLE, Effect, Phase, Signal  # noqa: E402 - found by the path above

SAID = {
    Signal.VOICE_CONFIRMED: "a voice lasts",
    Signal.VOICE_FINAL: "a voice lasts, and is final",
    Signal.VOICE_STOPPED: "the voice stops",
    Signal.VOICE_AGAIN: "a voice starts",
    Signal.TURN_SHORT: "the turn was nothing",
    Signal.TURN_DOUBTFUL: "only the turn's words can tell",
    Signal.TURN_SURE: "the turn counts",
    Signal.WORDS: "words, and meant",
    Signal.NO_WORDS: "no words that were meant",
    Signal.SILENCE: "silence",
    Signal.SPEECH_GONE: "the speech is gone",
}


def name(phase: Phase) -> str:
    """A phase as the drawing and the table call it."""
    return phase.name.lower()


def done(effects: tuple[Effect, ...]) -> str:
    """Effects in the order in which they happen."""
    return ", ".join(effect.name.lower() for effect in effects)


def drawing() -> str:
    """The state drawing: signals that lead the same way and do the same share an arrow."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> free"]
    for phase in Phase:
        rows = [(target, effects, signal) for (source, signal), (target, effects) in TABLE.items() if source is phase]
        rows.sort(key=lambda row: (row[0].value, [effect.value for effect in row[1]], row[2].value))
        for (target, effects), same in groupby(rows, key=lambda row: row[:2]):
            label = " or ".join(SAID[signal] for _, _, signal in same)
            consequence = f" / {done(effects)}" if effects else ""
            lines.append(f"    {name(phase)} --> {name(target)}: {label}{consequence}")
    return "\n".join([*lines, "```"])


def cell(phase: Phase, signal: Signal) -> str:
    """What a signal does in a phase."""
    if (phase, signal) in IGNORED:
        return "ignored"
    row = TABLE.get((phase, signal))
    if row is None:
        return ""
    target, effects = row
    return f"**{name(target)}**" + (f": {done(effects)}" if effects else "")


def table() -> str:
    """Every pair: the next phase and the effects, ignored on purpose, or (empty) impossible."""
    head = "| | " + " | ".join(name(phase) for phase in Phase) + " |"
    rows = [
        f"| {SAID[signal]} (`{signal.name}`) | " + " | ".join(cell(phase, signal) for phase in Phase) + " |"
        for signal in Signal
    ]
    return "\n".join([head, "|---" * (len(Phase) + 1) + "|", *rows])


def drawn(page: str) -> str:
    """The page with the drawing and the table in their places."""
    for place, text in (("drawing", drawing()), ("table", table())):
        begin, end = f"<!-- {place}: made by scripts/draw_speech.py -->", f"<!-- end of {place} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        assert after, f"docs/speech.md has lost its place for the {place}: {begin} ... {end}"
        page = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    return page


def main() -> int:
    """Draw, or check."""
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        stale = drawn(page) != page
        print(
            "docs/speech.md is stale: run python scripts/draw_speech.py" if stale else "docs/speech.md is up to date"
        )
        return 1 if stale else 0
    PAGE.write_text(drawn(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
