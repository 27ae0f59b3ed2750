"""docs/speech.md says what the table says, and knows every option and every module."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path

from agent_worker.speech.interruption import IGNORED, TABLE, Phase, Signal
from agent_worker.speech.options import SpeechOptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/speech.md").read_text(encoding="utf-8")

spec = importlib.util.spec_from_file_location("draw_speech", ROOT / "scripts/draw_speech.py")
assert spec is not None
assert spec.loader is not None
draw_speech = importlib.util.module_from_spec(spec)
spec.loader.exec_module(draw_speech)


def test_the_drawing_and_the_table_are_those_of_the_code():
    assert draw_speech.drawn(PAGE) == PAGE, "stale: run python scripts/draw_speech.py"


def test_every_row_is_an_arrow():
    arrows = re.findall(r"^    (\w+) --> (\w+): (.*)$", draw_speech.drawing(), flags=re.MULTILINE)
    for (phase, signal), (target, effects) in TABLE.items():
        fitting = [label for source, to, label in arrows if (source, to) == (phase.name.lower(), target.name.lower())]
        said = draw_speech.SAID[signal]
        done = draw_speech.done(effects)
        assert any(
            said in label.split(" / ")[0].split(" or ") and [*label.split(" / "), ""][1] == done for label in fitting
        ), (phase, signal)


def test_every_pair_has_a_cell():
    lines = draw_speech.table().splitlines()[2:]
    for signal, line in zip(Signal, lines, strict=True):
        cells = [cell.strip() for cell in line.split("|")[2:-1]]
        for phase, cell in zip(Phase, cells, strict=True):
            assert bool(cell) == ((phase, signal) in TABLE or (phase, signal) in IGNORED)


def test_every_option_is_told_of_with_its_default():
    for option in fields(SpeechOptions):
        row = re.search(rf"^\| `{option.name}` \| ([^|]*) \|", PAGE, flags=re.MULTILINE)
        assert row is not None, option.name
        default = option.default
        expected = "a list" if option.name == "backchannels" else f"`{default}`"
        assert row[1] == expected, option.name


def test_every_module_is_told_of():
    modules = [
        path for package in ("speech", "turns") for path in (ROOT / "agent_worker" / package).glob("[a-z]*.py")
    ]
    assert len(modules) > 10
    for module in modules:
        assert f"`{module.parent.name}/{module.name}`" in PAGE, module
