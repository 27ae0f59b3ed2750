"""Does it sound as it did? The corpus phrases both ways over real peers, judged by their spectra and a recogniser.

    python -m bench.listening
    python -m bench.listening --corpus FOLDER      another one, with a manifest.json like that of tests/corpus

What is heard is compared with the original (tests/support/fidelity.py) and given to the local recogniser; the last
rows are controls, which the judge must reject, but for a phrase that has nothing there to be spoilt. A phrase during
which this machine stalled is said again, and left out if it always does. Word errors stand beside those that the
recogniser makes of the same phrases as they were. The exit status says whether the judge let all pass that must, and
hardly a control.
"""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from agent_worker.audio import Samples, silence
from agent_worker.cascade import engines
from tests.support import fidelity
from tests.support.alignment import halved
from tests.support.fidelity import Fidelity, compare
from tests.support.listening import both_ways, understood, word_errors, words_of
from tests.support.lossy import CLEAN, Impairment
from tests.support.wav import CORPUS, Phrase, phrases_of

LINKS: Final = {"clean": CLEAN, "5 % loss": Impairment(loss=0.05), "20 % loss": Impairment(loss=0.2)}
MUST_PASS: Final = ("clean", "5 % loss")
CONTROLS: Final[dict[str, Callable[[Samples], Samples]]] = {
    "clipped": fidelity.clipped,
    "below 4 kHz": fidelity.narrowed,
    "a hole of 40 ms": fidelity.holed,
}
PER_CALL: Final = 10
TRIES: Final = 3
REJECTED: Final = 0.75
"""The share of each control's phrases that the judge must reject, at least."""
Judged = tuple[Phrase, Samples, Fidelity]


class Words:
    """Counts the recogniser's errors; without one there are none to count."""

    def __init__(self) -> None:
        self._recogniser = engines.recogniser()
        self._originals: dict[str, int] = {}

    def rate(self, heard: list[tuple[Phrase, Samples]]) -> str:
        if self._recogniser is None or not heard:
            return "not known"
        words = sum(len(words_of(phrase.text)) for phrase, _ in heard)
        now = sum(self._errors(phrase, sound) for phrase, sound in heard)
        before = sum(self._of_original(phrase) for phrase, _ in heard)
        return f"{now / words:.1%} ({before / words:.1%})"

    def _of_original(self, phrase: Phrase) -> int:
        if phrase.name not in self._originals:
            self._originals[phrase.name] = self._errors(phrase, halved(phrase.samples))
        return self._originals[phrase.name]

    def _errors(self, phrase: Phrase, sound: Samples) -> int:
        assert self._recogniser is not None
        return word_errors(words_of(phrase.text), understood(self._recogniser, sound))


def row(found: list[Fidelity], words: str) -> list[str]:
    if not found:
        return ["", "", "", "this machine stalls", ""]
    faulty = sum(bool(one.faults) for one in found)
    return [
        f"{np.mean([one.distance for one in found]):.2f} ({max(one.distance for one in found):.2f})",
        f"{np.mean([one.band for one in found]):.1f} ({max(one.band for one in found):.1f})",
        f"{max(one.hole_ms for one in found):.0f}",
        f"{faulty} of {len(found)}",
        words,
    ]


async def heard_over(phrases: list[Phrase], impairment: Impairment) -> dict[str, list[Judged]]:
    found: dict[str, dict[str, Judged]] = {"in": {}, "out": {}}
    for attempt in range(TRIES):
        missing = [phrase for phrase in phrases if any(phrase.name not in way for way in found.values())]
        for start in range(0, len(missing), PER_CALL):
            some = missing[start : start + PER_CALL]
            for heard in await both_ways(some, impairment, seed=100 * attempt + start + 1):
                if not heard.stalled:
                    found[heard.way].setdefault(heard.phrase.name, (heard.phrase, heard.sound, heard.fidelity))
    return {way: list(judged.values()) for way, judged in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="a folder of WAVs and their manifest.json")
    arguments = parser.parse_args()
    phrases = phrases_of(arguments.corpus)
    words, good = Words(), True
    table = Table(
        "link", "way", "spectra apart, dB", "worst band, dB", "longest hole, ms", "faulty", "word errors (before)"
    )
    table.title = f"{len(phrases)} phrases: mean (and worst)"
    originals = [(phrase, halved(phrase.samples)) for phrase in phrases]
    table.add_row("the originals", "", "", "", "", "", words.rate(originals))
    for name, impairment in LINKS.items():
        for way, heard in asyncio.run(heard_over(phrases, impairment)).items():
            found = [one for _, _, one in heard]
            table.add_row(name, way, *row(found, words.rate([(phrase, sound) for phrase, sound, _ in heard])))
            good = good and (name not in MUST_PASS or not any(one.faults for one in found))
    pad = silence(2400)
    for name, spoil in CONTROLS.items():
        spoilt = [(phrase, original, spoil(original)) for phrase, original in originals]
        found = [compare(original, np.concatenate((pad, sound, pad))) for _, original, sound in spoilt]
        table.add_row(name, "", *row(found, words.rate([(phrase, sound) for phrase, _, sound in spoilt])))
        good = good and sum(bool(one.faults) for one in found) >= REJECTED * len(found)
    Console().print(table)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
