"""Builds the small language model and pronouncing dictionary of the embedded recogniser.

    scripts/speech_phrases.txt  (what people say to the demo)  \
    pocketsphinx's own en-us model (its commonest words)       -> agent_worker/cascade/data/{demo.lm,demo.dict}.gz

Run it after a change of the phrases and commit what it writes: `python scripts/build_speech_model.py`.
With --check it writes nothing and fails when the committed files are not what it would write.
"""

import argparse
import gzip
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pocketsphinx
from pocketsphinx.lm import ArpaBoLM

ROOT = Path(__file__).resolve().parent.parent
PHRASES = ROOT / "scripts" / "speech_phrases.txt"
DATA = ROOT / "agent_worker" / "cascade" / "data"

COMMON_WORDS = 3000
"""Ordinary words beside the phrases, so that other talk is heard as such and not forced into a command."""
DISCOUNT = 0.05
"""Probability left over at each step for words that no phrase has there. Measured: more makes commands worse."""
COUNTS_PER_WEIGHT = 24
"""Counts that one unit of weight is worth, spread over the sentences that its line stands for."""
MOST_SENTENCES = 400
"""A line that stands for more sentences than this gives this many, evenly spread over all of them."""
ADDED = {
    "mm-hm": ("M HH AH M", "AH M HH AH M", "M M"),
    "uh-huh": ("AH HH AH", "AH HH AH N"),
    "yeah": ("Y AE", "Y EH", "Y AE AH"),
    "bonjour": ("B AO N ZH UH R", "B AH N ZH UH R"),
    "bonsoir": ("B AO N S W AA R",),
    "merci": ("M EH R S IY", "M ER S IY"),
    "revoir": ("R AH V W AA R", "V W AA R"),
    "hola": ("OW L AA", "HH OW L AH"),
    "gracias": ("G R AA S Y AH S", "G R AA S IY AH S"),
    "muchas": ("M UW CH AH S",),
    "adios": ("AA D Y OW S", "AA D IY OW S"),
    "dias": ("D IY AH S",),
    "guten": ("G UW T AH N",),
    "tag": ("T AA K", "T AE G"),
    "danke": ("D AA NG K AH",),
    "auf": ("AW F",),
    "wiedersehen": ("V IY D ER Z EY AH N", "V IY D ER Z EY N"),
}
"""Pronunciations that the dictionary lacks: it is an American one."""

PIECE = re.compile(r"\[([^]]*)\]|\(([^)]*)\)|(\S+)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the phrases: its weight, and the choices at each place of it."""

    weight: int
    places: tuple[tuple[str, ...], ...]

    def sentences(self) -> Iterator[str]:
        """What the line stands for, at most MOST_SENTENCES, the same ones at each run."""
        total = 1
        for place in self.places:
            total *= len(place)
        wanted = min(total, MOST_SENTENCES)
        for k in range(wanted):
            # A stride that shares no factor with the number of sentences visits places independently of each other.
            yield self._sentence((k * stride_for(total)) % total if total > wanted else k)

    def _sentence(self, number: int) -> str:
        words: list[str] = []
        for place in self.places:
            number, choice = divmod(number, len(place))
            words.append(place[choice])
        return " ".join(" ".join(words).split())


def stride_for(total: int) -> int:
    """A step near the golden section of `total` that shares no factor with it."""
    stride = int(total * 0.6180339887)
    while any(total % p == 0 and stride % p == 0 for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        stride += 1
    return stride


def alternatives(text: str, slots: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The choices of a text like `a $b | c`, slots filled in."""
    found: list[str] = []
    for choice in text.split("|"):
        parts = [slots[word] if word.startswith("$") else (word,) for word in choice.split()]
        found.extend(" ".join(words) for words in itertools.product(*parts))
    return tuple(found)


def parse(text: str) -> Iterator[Line]:
    """The lines of the phrases file.

    Raises:
        ValueError: A line is neither a slot nor a weight with a phrase.
    """
    slots: dict[str, tuple[str, ...]] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if line.startswith("$"):
            name, _, choices = line.partition("=")
            slots[name.strip()] = alternatives(choices, slots)
            continue
        weight, _, phrase = line.partition(" ")
        if not weight.isdigit():
            raise ValueError(f"line {number} of the phrases has no weight: {line}")
        places: list[tuple[str, ...]] = []
        for one_of, maybe, word in PIECE.findall(phrase):
            if maybe:
                places.append(("", *alternatives(maybe, slots)))
            else:
                places.append(alternatives(one_of or word, slots))
        yield Line(int(weight), tuple(places))


def read_dictionary(path: Path) -> dict[str, tuple[str, ...]]:
    """Word -> its pronunciations, of a dictionary file of pocketsphinx."""
    entries: dict[str, tuple[str, ...]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        spelling, _, phones = line.partition(" ")
        word = spelling.partition("(")[0]
        entries[word] = (*entries.get(word, ()), phones.strip())
    return entries


def common_words(known: Mapping[str, tuple[str, ...]], model: Path) -> list[str]:
    """The COMMON_WORDS likeliest words of pocketsphinx's own language model, in alphabetical order."""
    stock = pocketsphinx.NGramModel(pocketsphinx.Config(), pocketsphinx.LogMath(1.0001), str(model))
    plain = [word for word in known if re.fullmatch(r"[a-z]+('[a-z]+)?", word) and (len(word) > 1 or word in "ai")]
    return sorted(sorted(plain, key=lambda word: (-stock.prob([word]), word))[:COMMON_WORDS])


def build() -> dict[str, bytes]:
    """File name -> content of all that is built."""
    model = Path(pocketsphinx.get_model_path("en-us"))
    dictionary = read_dictionary(model / "cmudict-en-us.dict")
    dictionary.update({word: tuple(dict.fromkeys(phones)) for word, phones in ADDED.items()})

    lines: list[str] = []
    for line in parse(PHRASES.read_text(encoding="utf-8")):
        sentences = list(dict.fromkeys(line.sentences()))
        share = max(1, round(line.weight * COUNTS_PER_WEIGHT / len(sentences)))
        lines.extend(sentence for sentence in sentences for _ in range(share))
    spoken = {word for line in lines for word in line.split()}
    if missing := sorted(spoken - dictionary.keys()):
        raise ValueError(f"no pronunciation for: {' '.join(missing)}")

    language = ArpaBoLM(text="\n".join(lines), add_start=True, discount_mass=DISCOUNT)
    words = sorted(spoken.union(common_words(dictionary, model / "en-us.lm.bin")))
    for word in words:
        language.grams_1.setdefault(word, 1)
    language.compute()
    arpa = StringIO()
    language.write(arpa)

    spelled = StringIO()
    for word in words:
        for k, phones in enumerate(dictionary[word]):
            spelled.write(f"{word}{f'({k + 1})' if k else ''} {phones}\n")
    return {"demo.lm.gz": pack(arpa.getvalue()), "demo.dict.gz": pack(spelled.getvalue())}


def pack(text: str) -> bytes:
    """Compressed, the same bytes at each run."""
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def main() -> int:
    """Write the files, or compare them."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--check", action="store_true", help="write nothing, fail when the files are out of date")
    check = options.parse_args().check
    stale = 0
    for name, content in build().items():
        path = DATA / name
        if check:
            # zlib versions compress differently: what counts is the text.
            if not path.exists() or gzip.decompress(path.read_bytes()) != gzip.decompress(content):
                print(f"{name} is out of date: run python scripts/build_speech_model.py", file=sys.stderr)
                stale += 1
        else:
            path.write_bytes(content)
            print(f"{path.relative_to(ROOT)}: {len(content)} bytes")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
