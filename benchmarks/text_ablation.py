"""What each step of the text pass is worth: the lexical part of NELEC on EmoContext with one step off at a time.

    python benchmarks/text_ablation.py --data DIR

Trains on EmoContext's training file, measures on its dev file, corrects the prior to that of the task (85% ``others``),
and writes ``benchmarks/results/text_ablation.json`` and the table ``docs/benchmarks/text-ablation.md``. A figure is the
micro-F1 over happy, sad and angry. About a minute for each step on one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
from emoplugin.datasets import load_dataset
from emoplugin.dialogue import WINDOW
from emoplugin.evaluation.metrics import confusion_matrix, emotion_counts
from emoplugin.labels import THREE_TURN_LABELS as LABELS
from emoplugin.models.calibration import Calibration
from emoplugin.models.features import ReadDialogues, read_dialogues
from emoplugin.text import STEPS, Normalizer, TextConfig
from emoplugin.training.lexical import LexicalConfig, fit_lexical

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "text_ablation.json"
TABLE = HERE.parent / "docs" / "benchmarks" / "text-ablation.md"
TARGET_PRIOR = (0.85, 0.05, 0.05, 0.05)
CHUNK = 500


def main() -> None:
    """Measures, then writes the figures and their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    data = parser.parse_args().data
    full = TextConfig(marks=True)
    variants = {"every step": full, "without marks": TextConfig()}
    variants |= {f"without {step}": dataclasses.replace(full, **{step: False}) for step in STEPS}
    variants["no step at all"] = TextConfig(**dict.fromkeys(STEPS, False))
    figures = {}
    for name, config in variants.items():
        figures[name] = measure(config, data)
        print(f"{name}: {figures[name]:.4f}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(table(figures), encoding="utf-8")


def measure(config: TextConfig, data: Path) -> float:
    """Micro-F1 on the dev file of the lexical part trained with a text configuration."""
    train, train_targets = read(config, data, "train")
    dev, dev_targets = read(config, data, "dev")
    model = fit_lexical(train, train_targets, np.ones(len(train), dtype=np.float32), len(LABELS), LexicalConfig())
    prior = tuple(np.bincount(train_targets, minlength=len(LABELS)) / len(train_targets))
    scores = np.vstack([model.scores(part(dev, start)) for start in range(0, len(dev), CHUNK)])
    decided = Calibration(1.0, prior, TARGET_PRIOR).probabilities(scores).argmax(axis=1)
    return float(emotion_counts(confusion_matrix(dev_targets, decided, len(LABELS)), 0).f1)


def read(config: TextConfig, data: Path, split: str) -> tuple[ReadDialogues, np.ndarray]:
    """A split after the text pass, with the number of each right label."""
    examples = load_dataset("emocontext", data, split)
    normalizer = Normalizer(config)
    parts = [
        read_dialogues(normalizer, [example.dialogue.window(WINDOW) for example in examples[start : start + CHUNK]])
        for start in range(0, len(examples), CHUNK)
    ]
    texts = [text for part in parts for text in part.texts]
    targets = np.array([LABELS.index(example.labels[0]) for example in examples])
    return ReadDialogues(texts, np.vstack([part.dense for part in parts])), targets


def part(read: ReadDialogues, start: int) -> ReadDialogues:
    """Some of the dialogues."""
    return ReadDialogues(read.texts[start * WINDOW : (start + CHUNK) * WINDOW], read.dense[start : start + CHUNK])


def table(figures: dict[str, float]) -> str:
    """The figures as a page."""
    whole = figures["every step"]
    rows = "".join(f"| {name} | {value:.4f} | {100 * (value - whole):+.1f} |\n" for name, value in figures.items())
    return (
        "# What each step of the text pass is worth\n\n"
        "Micro-F1 over happy, sad and angry on EmoContext's dev file, of the lexical part of NELEC alone, trained on\n"
        "its training file with one step off, prior-corrected. Written by `benchmarks/text_ablation.py`.\n\n"
        "| text pass | micro-F1 | points |\n|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    main()
