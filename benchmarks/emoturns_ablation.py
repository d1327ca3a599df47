"""What EmoTurns is worth: each shipped model beside the same recipe without EmoTurns.

    python benchmarks/emoturns_ablation.py --data DIR --runs DIR [--model NAME] [--set NAME:key=value]

The model without is trained into ``RUNS/NAME-without`` where that is not there yet; the model with it is the shipped
bundle. Both are measured on EmoTurns dev and on EmoContext dev, which neither was trained on. Writes
``benchmarks/results/emoturns_ablation.json`` and the table ``docs/benchmarks/emoturns-ablation.md``; the figures of
models that are not asked for stay as they were.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
from emoplugin.datasets import load_dataset
from emoplugin.evaluation.evaluate import evaluate
from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.models.base import EmotionModel
from emoplugin.models.bundle import load, shipped
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import BUNDLE, run_recipe

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "emoturns_ablation.json"
TABLE = HERE.parent / "docs" / "benchmarks" / "emoturns-ablation.md"
COLUMNS = {
    "accuracy": "EmoTurns dev, accuracy",
    "pairs": "its contrast groups",
    "emocontext": "EmoContext dev, micro-F1",
    "emocontext_corrected": "the same, prior-corrected",
}


def main() -> None:
    """Trains what is missing, measures, and writes the figures and their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the trainings")
    parser.add_argument("--model", action="append", help="a shipped model; by default all of them")
    parser.add_argument("--set", action="append", default=[], help="overrides for the recipes, as NAME:key=value")
    arguments = parser.parse_args()
    figures = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in arguments.model or shipped():
        overrides = [each.partition(":")[2] for each in arguments.set if each.startswith(f"{name}:")]
        run = arguments.runs / f"{name}-without"
        if not (run / BUNDLE).is_dir():
            train_without(name, overrides, arguments.data, run)
        for variant, model in (("without", load(run / BUNDLE, device="cpu")), ("with", load(name, device="cpu"))):
            figures[f"{name}, {variant} EmoTurns"] = measure(model, arguments.data)
            print(name, variant, figures[f"{name}, {variant} EmoTurns"], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(table(figures), encoding="utf-8")


def train_without(name: str, overrides: list[str], data: Path, run: Path) -> None:
    """Trains a shipped recipe without EmoTurns among its sources, for as many steps an epoch as the data left give."""
    recipe = load_recipe(name, overrides)
    sources = tuple(source for source in recipe.train if source.dataset != "emoturns")
    # Teachers know EmoTurns, too.
    left_out = ("_sources", "teachers", "teaching")
    model = {key: value for key, value in recipe.model.items() if not key.endswith(left_out)}
    run_recipe(dataclasses.replace(recipe, train=sources, model=model), data, run)


def measure(model: EmotionModel, data: Path) -> dict[str, float]:
    """The figures of one model."""
    turns = load_dataset("emoturns", None, "dev")
    evaluation = evaluate(model, turns, THREE_TURN_LABELS)
    sizes = Counter(example.group for example in turns)
    paired = np.array([sizes[example.group] > 1 for example in turns])
    talk = load_dataset("emocontext", data, "dev")
    corrected = copy.copy(model)
    prior = load_recipe("bert-emocontext").labels.target_prior
    corrected.calibration = dataclasses.replace(model.calibration, target_prior=prior)
    return {
        "conversations": len(turns),
        "accuracy": float(evaluation.right.mean()),
        "pairs": float(evaluation.right[paired].mean()),
        "emocontext": evaluate(model, talk, THREE_TURN_LABELS).scores()["emotion_f1"],
        "emocontext_corrected": evaluate(corrected, talk, THREE_TURN_LABELS).scores()["emotion_f1"],
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as a page."""
    rows = "".join(
        f"| {name} | {values['conversations']} | " + " | ".join(_shown(values.get(key)) for key in COLUMNS) + " |\n"
        for name, values in figures.items()
    )
    return (
        "# What EmoTurns is worth\n\n"
        "The shipped models beside the same recipes without EmoTurns and without teachers, as some of the shipped\n"
        "models' teachers have read it: the difference is that of EmoTurns and of the teachers together. How teachers\n"
        "with it and without it do alone is in [the guide](../how-to/bert.md#have-it-taught-by-others).\n\n"
        "EmoContext was never trained on. Its dev file has far fewer emotions than the training data, so its figure\n"
        "is shown under their prior and under its own. EmoTurns dev has grown: each row says on how many\n"
        "conversations it was measured. Written by `benchmarks/emoturns_ablation.py`.\n\n"
        f"| model | conversations | {' | '.join(COLUMNS.values())} |\n{'|---' * (len(COLUMNS) + 2)}|\n{rows}"
    )


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
