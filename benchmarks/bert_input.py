"""What the form of a BERT model's input and the pooling are worth: one choice changed at a time.

    python benchmarks/bert_input.py --runs DIR [--variant NAME]

Fine-tunes on a part of EmoTurns what is not yet in the folder, twice each, and measures on its dev data. Writes
``benchmarks/results/bert_input.json`` and the table ``docs/benchmarks/bert-input.md``. Ten trainings, about six minutes
each on two cores.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from emoplugin.datasets import load_dataset
from emoplugin.evaluation.evaluate import evaluate
from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.models.bundle import load
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import BUNDLE, run_recipe

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "bert_input.json"
TABLE = HERE.parent / "docs" / "benchmarks" / "bert-input.md"
SETTINGS = (
    "train=[{dataset: emoturns, limit: 1500}]",
    "model.loop={epochs: 2, batch: 64, learning_rate: 2.0e-4}",
)
SEEDS = (1, 2)
VARIANTS = {
    "as bert-en": (),
    "last turn first": ("model.last_first=true",),
    "first token alone": ("model.head={pooling: cls, last_turn: false}",),
    "mean alone": ("model.head={pooling: mean, last_turn: false}",),
    "without the last turn's mean": ("model.head={pooling: both, last_turn: false}",),
}


def main() -> None:
    """Trains what is missing, measures, and writes the figures and their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder for the trainings")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="by default all of them")
    arguments = parser.parse_args()
    figures = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in arguments.variant or VARIANTS:
        for seed in SEEDS:
            run = arguments.runs / f"{name} {seed}".replace(" ", "-")
            if not (run / BUNDLE).is_dir():
                run_recipe(load_recipe("bert-en", [*SETTINGS, *VARIANTS[name], f"seed={seed}"]), None, run)
            figures.setdefault(name, {})[str(seed)] = measure(run / BUNDLE)
            print(name, seed, figures[name][str(seed)], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(table(figures), encoding="utf-8")


def measure(bundle: Path) -> dict[str, float]:
    """Accuracy on EmoTurns dev, and on the conversations whose last turn another one shares."""
    turns = load_dataset("emoturns", None, "dev")
    right = evaluate(load(bundle, device="cpu"), turns, THREE_TURN_LABELS).right
    sizes = Counter(example.group for example in turns)
    paired = np.array([sizes[example.group] > 1 for example in turns])
    return {"accuracy": float(right.mean()), "pairs": float(right[paired].mean())}


def table(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as a page."""
    rows = "".join(
        f"| {name} | "
        + " | ".join(
            f"{np.mean([values[key] for values in seeds.values()]):.3f} ("
            + ", ".join(f"{values[key]:.3f}" for values in seeds.values())
            + ")"
            for key in ("accuracy", "pairs")
        )
        + " |\n"
        for name, seeds in figures.items()
    )
    return (
        "# What a BERT model's input and pooling are worth\n\n"
        "all-MiniLM-L6-v2 fine-tuned on 1,500 conversations of each label out of EmoTurns, two epochs, one choice\n"
        "changed at a time. Accuracy on EmoTurns dev and on its contrast groups, where the last turn is the same and\n"
        "the label differs: the mean of two seeds, and each. `bert-en` reads the turns in the order they were spoken,\n"
        "and puts side by side the first token's state, the mean of all, and the mean of the last turn. Written by\n"
        "`benchmarks/bert_input.py`.\n\n"
        "| input and pooling | accuracy | contrast groups |\n|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    main()
