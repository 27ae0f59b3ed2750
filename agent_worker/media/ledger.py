"""How much of each piece of the agent's audio was really played: pure counting, and what it means for a cut.

playout -> Ledger -> truncations -> the model's history. The model believes that everything it sent was heard;
after a cut it must be told what was not. Counts are samples; a part is one content part of one item, as the
model names them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from agent_worker.audio import milliseconds_of


@dataclass(frozen=True, slots=True)
class Part:
    """One audio part of one item of the model's history."""

    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Samples of a part: what the model sent, and how much of it was played. 0 <= played <= received."""

    received: int
    played: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated:
    """A part was heard up to `audio_end_ms`, and not to its end."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class NeverPlayed:
    """Nothing of this item was heard."""

    item_id: str


Truncation = Truncated | NeverPlayed


class Ledger:
    """Samples received and played, by part.

    Args:
        rate: Samples per second of what is counted.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._received: dict[Part, int] = {}
        self._played: dict[Part, int] = {}  # in the order in which parts were first heard

    def received(self, part: Part, samples: int) -> None:
        """The model sent this many more samples of a part."""
        if samples > 0:
            self._received[part] = self._received.get(part, 0) + samples

    def played(self, part: Part, samples: int) -> None:
        """The next samples of a part were played. Called in playing order.

        Never counts more than was received: samples of a part that was forgotten meanwhile are not counted.
        """
        if samples > 0 and part in self._received:
            self._played[part] = min(self._played.get(part, 0) + samples, self._received[part])

    def rewound(self, part: Part, samples: int) -> None:
        """The last samples played of a part will be played again: until then they do not count as played."""
        if part in self._played:
            self._played[part] = max(0, self._played[part] - samples)

    def progress(self) -> tuple[tuple[Part, Progress], ...]:
        """Every part, in playing order; those not yet heard follow in the order of their coming."""
        order = (*self._played, *(part for part in self._received if part not in self._played))
        return tuple(
            (part, Progress(received=self._received[part], played=self._played.get(part, 0))) for part in order
        )

    def played_ms(self, item_id: str) -> int:
        """Whole milliseconds heard of all parts of an item, rounded down."""
        played = sum(samples for part, samples in self._played.items() if part.item_id == item_id)
        return milliseconds_of(played, self.rate)

    def forget(self, item_ids: Iterable[str]) -> None:
        """These items are settled: they are not reported again."""
        settled = set(item_ids)
        for part in [part for part in self._received if part.item_id in settled]:
            del self._received[part]
            self._played.pop(part, None)

    def clear(self) -> None:
        """Forget everything."""
        self._received.clear()
        self._played.clear()


def truncations(progress: Iterable[tuple[Part, Progress]], rate: int) -> list[Truncation]:
    """What the model's history must be told after a cut (behaviour R-2).

    Args:
        progress: The parts in question, in playing order, as from `Ledger.progress`.
        rate: Samples per second of the counts.

    Returns:
        In order: nothing for a part that was heard to its end; `Truncated` for one that was not, in
        milliseconds rounded down so that it is never more than was heard; a single `NeverPlayed` for an item
        of which nothing was heard.
    """
    items: dict[str, list[tuple[Part, Progress]]] = {}
    for part, count in progress:
        items.setdefault(part.item_id, []).append((part, count))
    found: list[Truncation] = []
    for item_id, parts in items.items():
        if not any(count.played for _, count in parts):
            found.append(NeverPlayed(item_id))
            continue
        found += [
            Truncated(
                item_id=item_id,
                content_index=part.content_index,
                audio_end_ms=milliseconds_of(count.played, rate),
            )
            for part, count in parts
            if count.played < count.received
        ]
    return found
