"""Runs a recipe: from its data to a bundle, with everything that happened kept in the run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from emoplugin.datasets import Example, find_dataset
from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.evaluation.card import model_card
from emoplugin.evaluation.evaluate import Evaluation, evaluate
from emoplugin.labels import LabelSet
from emoplugin.models.bundle import dump_json, load, write_bundle
from emoplugin.models.calibration import Calibration
from emoplugin.training.bert import BertConfig, BertTrainer
from emoplugin.training.config import Recipe, read_config
from emoplugin.training.curves import draw_curves
from emoplugin.training.data import TrainingSet, assemble, select
from emoplugin.training.ensemble import EnsembleConfig, EnsembleTrainer
from emoplugin.training.nelec import NelecConfig, NelecTrainer
from emoplugin.training.processes import processes
from emoplugin.training.recipe import load_recipe, recipe_names
from emoplugin.training.teaching import teachers_terms
from emoplugin.training.trained import Advance, Progress, Trained
from emoplugin.training.vectors import located

RECIPE = "recipe.json"
DATA = "data.sha256"
LOG = "log.jsonl"
STAGES = "stages"
BUNDLE = "bundle"


def run_recipe(
    recipe: Recipe,
    data_dir: Path | None,
    output: Path,
    *,
    resume: bool = False,
    report: Progress = lambda _: None,
    advance: Advance = lambda _stage, _done, _all: None,
) -> dict[str, Any]:
    """Trains, writes the bundle into ``output/bundle`` and measures it on the recipe's dev data.

    Processes that torchrun or accelerate launch started together train one model; the first one writes and reports.

    Args:
        recipe: What to train.
        data_dir: The data folder; None where the recipe's data come with the package.
        output: The run folder: ``recipe.json``, ``log.jsonl``, ``curves.png``, ``stages/`` and ``bundle/``.
        resume: Go on from what the folder holds. Without it a folder that holds a run is refused.
        report: Called with the figures of each stage and epoch.
        advance: Called with the stage, its steps done and its steps in all.

    Returns:
        The metrics on the dev data, as in the bundle's ``metrics.json``; nothing in a process that only helps.
    """
    config = _configuration(recipe, data_dir)
    here = processes()
    if here.num_processes > 1 and recipe.kind not in TOGETHER:
        raise InputError(
            f"{recipe.name}: models of the kind {recipe.kind} are trained by one process, and "
            f"{here.num_processes} were started. Run emoplugin train by itself."
        )
    # Said before the data are read, which takes a while.
    if _begun(output) and not resume:
        raise InputError(f"{output} holds a run already: give another --output, or --resume to go on with it.")
    started = time.monotonic()
    labels = recipe.labels.label_set
    data = assemble(recipe.train, labels, data_dir, recipe.seed)
    dev = assemble(recipe.dev, labels, data_dir, recipe.seed) if recipe.dev else None
    if here.is_main_process:
        _claim(output, recipe, (data, dev))
    here.wait_for_everyone()

    def log(figures: dict[str, Any]) -> None:
        if here.is_main_process:
            with (output / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(figures) + "\n")
            report(figures)

    def show(stage: str, done: int, total: int) -> None:
        if here.is_main_process:
            advance(stage, done, total)

    trainer = TRAINERS[recipe.kind][1](config, labels, data, dev, output / STAGES, recipe.seed, log, show)
    prior = recipe.labels.target_prior or None
    trained: Trained | None = trainer.train(prior)
    here.destroy_process_group()
    if trained is None:
        return {}
    metrics: dict[str, Any] = {
        "train_examples": sum(
            int((data.sources == number).sum()) // source.copies for number, source in enumerate(recipe.train)
        ),
        "seconds": round(time.monotonic() - started, 1),
        "device": trained.device,
        **trained.metrics,
    }
    if getattr(config, "teachers", ()):
        metrics["teachers"] = teachers_terms(config.teachers)
    folder = output / BUNDLE
    written = {"name": recipe.name, "version": recipe.version, **trained.config}
    if recipe.labels.thresholds:
        written["calibration"] |= {"thresholds": recipe.labels.thresholds}
    write_bundle(folder, written, trained.files)
    if dev is not None:
        chosen = select(recipe.dev, data_dir, np.random.default_rng((recipe.seed, 1)))
        examples = [example for part in chosen for example in part]
        metrics["dev"] = evaluate(load(folder, device="cpu"), examples, labels).summary()
    sources = [find_dataset(source.dataset) for source in recipe.train]
    unchanged = recipe.name in recipe_names() and recipe == load_recipe(recipe.name)
    trained_from = recipe.name if unchanged else RECIPE
    card = model_card(written, dataclasses.asdict(recipe), metrics, sources, trained_from)
    documents = {"metrics.json": dump_json(metrics).encode(), "README.md": card.encode()}
    write_bundle(folder, written, {**trained.files, **documents})
    draw_curves(output / LOG, output / "curves.png")
    return metrics


TRAINERS: dict[str, tuple[type[Any], type[Any]]] = {
    "nelec": (NelecConfig, NelecTrainer),
    "bert": (BertConfig, BertTrainer),
    "ensemble": (EnsembleConfig, EnsembleTrainer),
}
"""What trains each kind of recipe, and the configuration it takes."""

MULTI_LABEL = ("bert",)
"""The kinds that can train several labels a dialogue."""

TOGETHER = ("bert",)
"""The kinds that several processes can train together."""


def _configuration(recipe: Recipe, data_dir: Path | None) -> Any:
    """Checks the recipe and returns the trainer's configuration."""
    if recipe.kind not in TRAINERS:
        raise InputError(f"{recipe.name}: unknown kind {recipe.kind!r}; expected one of {', '.join(TRAINERS)}.")
    labels = recipe.labels
    Calibration(target_prior=labels.target_prior or None, thresholds=labels.thresholds or None).check(labels.label_set)
    if recipe.labels.multi_label and recipe.kind not in MULTI_LABEL:
        raise InputError(f"{recipe.name}: multi_label needs kind {' or '.join(MULTI_LABEL)}, not {recipe.kind}.")
    scores = _score_names(recipe.labels.label_set)
    for name in recipe.expected:
        if name not in scores:
            raise InputError(f"{recipe.name}, expected: unknown score {name!r}; expected one of {', '.join(scores)}.")
    config = read_config(TRAINERS[recipe.kind][0], recipe.model, f"{recipe.name}, model")
    for key in ("combiner_sources", "calibration_sources"):
        for number in getattr(config, key, ()):
            if not 0 <= number < len(recipe.train):
                raise InputError(
                    f"{recipe.name}: {key} names source {number}; train has {len(recipe.train)}, counted from 0."
                )
    if isinstance(config, NelecConfig):
        config = dataclasses.replace(config, vectors=located(config.vectors, data_dir))
    return config


def _begun(output: Path) -> bool:
    """Whether anything was trained in a folder; until then it is anybody's."""
    return (output / LOG).is_file() or any((output / STAGES).glob("*"))


def _claim(output: Path, recipe: Recipe, data: tuple[TrainingSet | None, ...]) -> None:
    """Makes the run folder, or makes sure that it is this training's."""
    claims = {
        RECIPE: (dump_json(dataclasses.asdict(recipe)), "the recipe or its settings"),
        DATA: (_digest(data), "the data"),
    }
    begun = _begun(output)
    output.mkdir(parents=True, exist_ok=True)
    for name, (text, words) in claims.items():
        path = output / name
        if begun and not (path.is_file() and path.read_text(encoding="utf-8") == text):
            raise InputError(f"{output}: {words} are not those that the run was started with; give another --output.")
        path.write_text(text, encoding="utf-8")


def _digest(data: tuple[TrainingSet | None, ...]) -> str:
    """Names what is trained and measured on. Parts trained on other data would know the folds they are judged on."""
    found = hashlib.sha256()
    for part in data:
        if part is not None:
            found.update(json.dumps([part.windows, part.groups]).encode())
            found.update(part.marks.tobytes() + part.weights.tobytes())
    return found.hexdigest() + "\n"


def _score_names(labels: LabelSet) -> list[str]:
    """What an evaluation of a model for the labels calls its scores."""
    row = np.eye(1, len(labels))
    return [*Evaluation("", "", labels, [Example(Dialogue([""]), labels.names[:1], "")], row, row > 0).scores()]
