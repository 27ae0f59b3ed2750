"""The picture of a run of bench.against: medians side by side. Needs matplotlib, which .venv-peers has.

.venv-peers/bin/python -m bench.rig.chart bench/results/against.json docs/images/bench.svg
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

OURS, THEIRS = "agent_worker", "Pipecat"
SHOWN = {"mic_to_model": "mic to model", "model_to_ear": "model to ear", "turn": "turn", "barge_in": "barge-in"}
COLOURS = {OURS: "#2f6fed", THEIRS: "#b9bfca"}


def bars(axes: Any, names: list[str], figures: dict[str, list[float]], unit: str) -> None:
    for index, (side, values) in enumerate(figures.items() if names else ()):
        places = [place + (index - 0.5) * 0.38 for place in range(len(names))]
        drawn = axes.bar(places, values, 0.36, label=side, color=COLOURS[side])
        axes.bar_label(drawn, fmt="%.0f" if max(values) > 20 else "%.1f", fontsize=8)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    figures = json.loads(Path(sys.argv[1]).read_text())
    links = list(figures[OURS]["latencies"])
    rows = [figures[OURS]["latencies"], figures[THEIRS]["latencies"]]
    picture, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    clean = {
        side: [1000 * statistics.median(row[links[0]][key] or [0]) for key in SHOWN]
        for side, row in zip((OURS, THEIRS), rows, strict=True)
    }
    bars(axes[0], list(SHOWN.values()), clean, "ms, median")
    axes[0].set_title(f"Latency, {links[0]} link", fontsize=10)
    later = {
        side: [1000 * statistics.median(row[link]["mic_to_model_late"] or [0]) for link in links]
        for side, row in zip((OURS, THEIRS), rows, strict=True)
    }
    bars(axes[1], links, later, "ms, median")
    axes[1].set_title("Mic to model, later in the call", fontsize=10)
    calls = [cost["calls"] for cost in figures[OURS]["costs"]]
    cost = {side: [100 * each["cpu"] for each in figures[side]["costs"]] for side in (OURS, THEIRS)}
    bars(axes[2], [f"{count} calls" for count in calls], cost, "% of a core per call")
    axes[2].set_title("CPU", fontsize=10)
    axes[0].legend(fontsize=8, frameon=False)
    picture.text(0.0, -0.04, figures["versions"], fontsize=7)
    Path(sys.argv[2]).parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(sys.argv[2], bbox_inches="tight")


if __name__ == "__main__":
    main()
