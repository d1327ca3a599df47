"""The published trainings beside what the recipes reach: figures taken from runs, and the page made of them.

    python benchmarks/published_systems.py [--run FOLDER ...]

A folder is one that ``emoplugin train`` wrote; its recipe's name says which training it stands beside. Writes
``benchmarks/results/published_systems.json`` and the page ``docs/benchmarks/published-systems.md``. Without a run the
page is made anew from the figures that are there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "published_systems.json"
PAGE = HERE.parent / "docs" / "benchmarks" / "published-systems.md"
MINILM = "all-MiniLM-L6-v2"
SCORES = {
    "accuracy": "accuracy",
    "mcc": "Matthews correlation",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "hamming_loss": "Hamming loss",
}

INTRODUCTION = f"""# The published trainings

Each training that others published, and what the recipes that rerun it were seen to reach. Theirs are of BERT base,
most of them on test data; ours are on dev data, in bytes as a bundle serves them, with the interval of 95% in brackets.
`{MINILM}` has a fifth of BERT base's parameters. Dev data chose the best epoch, so ours flatter a little.
A recipe that is in no table was not run.
Written by `benchmarks/published_systems.py` from `benchmarks/results/published_systems.json`.
"""


@dataclass(frozen=True)
class Published:
    """A training that others published.

    Attributes:
        system: What it was.
        measured: What it was measured on.
        scores: Its figures, by score.
        recipes: The recipes that rerun it.
        shown: The scores to show.
    """

    system: str
    measured: str
    scores: dict[str, float]
    recipes: tuple[str, ...]
    shown: tuple[str, ...]


PUBLISHED = (
    Published(
        "BERT base fine-tuned on emotion6 with the hub's Trainer",
        "test, 2000 rows",
        {"accuracy": 0.9345},
        ("emotion6-bert", "emotion6-minilm"),
        ("accuracy", "macro_f1", "mcc"),
    ),
    Published(
        "BERT base fine-tuned on nine tenths of emotion6's pool",
        "the other tenth; no figure is published",
        {},
        ("emotion6-bert-split", "emotion6-minilm-split"),
        ("accuracy", "mcc"),
    ),
    Published(
        "BERT base with a linear layer on GoEmotions, a threshold of 0.5",
        "a fifth of every rater's answers",
        {"micro_f1": 0.286, "hamming_loss": 0.0379},
        ("goemotions-raw-bert", "goemotions-bert", "goemotions-minilm"),
        ("macro_f1", "micro_f1", "hamming_loss"),
    ),
    Published(
        "GoEmotions' own BERT base",
        "test of the filtered split",
        {"macro_f1": 0.46},
        ("goemotions-bert", "goemotions-minilm"),
        ("macro_f1", "micro_f1", "hamming_loss"),
    ),
    Published(
        "BERT base fine-tuned on SMILE",
        "223 rows held out, stratified",
        # Right rows by class: 163 of 171, 20 of 32, 7 of 9, 0 of 1, 4 of 5, 2 of 5.
        {"accuracy": 196 / 223},
        ("smile-bert", "smile-minilm"),
        ("accuracy", "weighted_f1", "macro_f1"),
    ),
)


def main() -> None:
    """Takes the figures of the runs given, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, action="append", default=[], help="a run folder of emoplugin train")
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for run in parser.parse_args().run:
        recipe, figures = read_run(run)
        results[recipe] = figures
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def read_run(folder: Path) -> tuple[str, dict[str, Any]]:
    """The recipe's name, and the figures of its bundle on the recipe's dev data."""
    recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    metrics = json.loads((folder / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    shape = json.loads((folder / "bundle" / "config.json").read_text(encoding="utf-8"))["encoder"]
    small = (shape.get("num_hidden_layers"), shape.get("hidden_size")) == (6, 384)
    dev = metrics["dev"]
    figures = {
        "encoder": MINILM if small else recipe["model"]["encoder"],
        "epochs": recipe["model"]["loop"]["epochs"],
        "rows": dev["rows"],
        "scores": {name: dev["scores"][name] for name in SCORES if name in dev["scores"]},
        "intervals": {name: dev["intervals"][name] for name in SCORES if name in dev["intervals"]},
    }
    return recipe["name"], figures


def page(results: dict[str, Any]) -> str:
    """The page, one table a training."""
    parts = [INTRODUCTION]
    for published in PUBLISHED:
        head = " | ".join(SCORES[name] for name in published.shown)
        theirs = [f"{published.scores[name]:.4f}" if name in published.scores else "" for name in published.shown]
        rows = [
            f"## {published.system}\n",
            f"| | measured on | {head} |",
            "|---" * (len(published.shown) + 2) + "|",
            f"| published | {published.measured} | {' | '.join(theirs)} |",
        ]
        rows += [_row(name, results[name], published.shown) for name in published.recipes if name in results]
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(name: str, figures: dict[str, Any], shown: tuple[str, ...]) -> str:
    cells = [
        f"{figures['scores'][score]:.4f} ({figures['intervals'][score][0]:.4f} to {figures['intervals'][score][1]:.4f})"
        for score in shown
    ]
    epochs = "1 epoch" if figures["epochs"] == 1 else f"{figures['epochs']} epochs"
    return f"| `{name}`, {figures['encoder']}, {epochs} | dev, {figures['rows']} rows | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
