"""NELEC on EmoContext: seeds with their spread, and what each part of the model is worth.

    python benchmarks/nelec_emocontext.py --data DIR --runs DIR [--train NAME ...] [--seeds 1 2 3] [--set KEY=VALUE]

Trains the systems that ``--train`` names (see ``SYSTEMS``) into ``RUNS/NAME-sSEED`` where they are not there yet,
measures every run that is there on the dev file, and writes ``benchmarks/results/nelec_emocontext.json`` and the page
``docs/benchmarks/nelec-emocontext.md``. Figures of runs that are not there stay as they were measured before; what was
never trained stands in the page as not run.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from emoplugin import Dialogue
from emoplugin.datasets import Example, load_dataset
from emoplugin.dialogue import WINDOW
from emoplugin.evaluation.evaluate import evaluate
from emoplugin.evaluation.metrics import confusion_matrix, emotion_counts
from emoplugin.labels import THREE_TURN_LABELS as LABELS
from emoplugin.models.bundle import load
from emoplugin.models.calibration import Calibration, Floats, fit_bias, fit_temperature
from emoplugin.models.features import ReadDialogues, read_dialogues
from emoplugin.models.nelec import NelecModel, log_softmax
from emoplugin.text import STEPS
from safetensors.numpy import load_file

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "nelec_emocontext.json"
PAGE = HERE.parent / "docs" / "benchmarks" / "nelec-emocontext.md"
# What a training leaves in its run folder, named here because only training should wait for torch.
BUNDLE = "bundle"
METRICS = f"{BUNDLE}/metrics.json"
OUT_OF_FOLD = "stages/out-of-fold.safetensors"
CHUNK = 128
ROUNDS = {"objective": "multiclass", "num_class": len(LABELS), "num_leaves": 15, "learning_rate": 0.05, "seed": 1}
TREES = 150
PARTS = 5

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class System:
    """What is trained, and how it is asked.

    Attributes:
        shown: What the page calls it.
        recipe: The recipe.
        overrides: What is changed in it.
        stages: The system whose trained networks and n-grams are taken over, so that the same ones are compared.
        turns: How many of a dialogue's turns the model is shown.
    """

    shown: str
    recipe: str = "nelec-emocontext"
    overrides: tuple[str, ...] = ()
    stages: str = ""
    turns: int = WINDOW


NO_STEP = f"model.text={{{', '.join(f'{step}: false' for step in STEPS)}}}"
SYSTEMS = {
    "full": System("`nelec-emocontext`"),
    "simplified": System("`nelec-emocontext-simplified`, words learned in training", "nelec-emocontext-simplified"),
    "no-context": System("without the turns before the last", overrides=("train.0.bare=1.0",), turns=1),
    "no-normalisation": System("without text normalisation", overrides=(NO_STEP,)),
    "no-emoji": System(
        "emoji and emoticons left as they are", overrides=("model.text={marks: true, emoji: false, emoticons: false}",)
    ),
    "committee-0": System("1 network", overrides=("model.committee=0",), stages="full"),
    "committee-1": System("2 networks", overrides=("model.committee=1",), stages="full"),
    "committee-2": System("3 networks", overrides=("model.committee=2",), stages="full"),
}
SCORES = ("emotion_f1", "accuracy", "ece")
RECIPES = ("full", "simplified")
RETRAINED = ("full", "no-context", "no-normalisation", "no-emoji")
COMMITTEES = ("committee-0", "committee-1", "committee-2", "full")
DECISIONS = {
    "linear": "both parts, linear combiner",
    "neural": "neural part alone",
    "lexical": "lexical part alone",
    "no bias": "without the bias fitted for emotion F1",
    "no prior": "without prior correction",
    "mean": "combiner: plain mean of the parts' log-probabilities",
    "trees": "combiner: LightGBM over the parts' scores and the dense features",
}


def main() -> None:
    """Trains what is asked for, measures what is there, and writes the figures and their page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--train", nargs="*", default=[], choices=SYSTEMS, help="systems to train where missing")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], help="overrides of the recipes with an encoder's vectors")
    arguments = parser.parse_args()
    for name in arguments.train:
        for seed in arguments.seeds:
            train(name, seed, arguments.set, arguments.data, arguments.runs)

    results: dict[str, Any] = {"systems": {}, "decisions": {}, "seeds together": {}}
    if RESULTS.is_file():
        results |= json.loads(RESULTS.read_text(encoding="utf-8"))
    full = {}
    for name, system in SYSTEMS.items():
        for seed in map(str, arguments.seeds):
            run = arguments.runs / f"{name}-s{seed}"
            if (run / METRICS).is_file():
                results["systems"].setdefault(name, {})[seed] = measure(system, run, arguments.data)
                print(name, seed, results["systems"][name][seed], flush=True)
                if name == "full":
                    full[seed] = run
    for seed, run in full.items():
        if not (run / OUT_OF_FOLD).is_file():
            print(f"{run}: no out-of-fold scores; resume the training to have them")
            continue
        results["decisions"][seed] = decisions(run, arguments.data)
        print("decisions", seed, results["decisions"][seed], flush=True)
    if len(full) > 1:
        results["seeds together"] = {"seeds": len(full), "emotion_f1": together(list(full.values()), arguments.data)}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def train(name: str, seed: int, overrides: Sequence[str], data: Path, runs: Path) -> None:
    """Trains one system, unless its bundle is there; a training that was broken off is resumed."""
    from emoplugin.training.recipe import load_recipe
    from emoplugin.training.run import run_recipe

    system, run = SYSTEMS[name], runs / f"{name}-s{seed}"
    if (run / METRICS).is_file():
        return
    if system.stages and not run.is_dir():
        shutil.copytree(runs / f"{system.stages}-s{seed}" / "stages", run / "stages")
    shared = [] if name == "simplified" else overrides
    recipe = load_recipe(system.recipe, [*shared, *system.overrides, f"seed={seed}"])
    run_recipe(recipe, data, run, resume=True, report=lambda figures: print(name, seed, figures, flush=True))


def measure(system: System, run: Path, data: Path) -> dict[str, float]:
    """The figures of a run's bundle on the dev file: those taken at its training, or anew where it sees less."""
    if system.turns == WINDOW:
        scores = json.loads((run / METRICS).read_text(encoding="utf-8"))["dev"]["scores"]
    else:
        examples = load_dataset("emocontext", data, "dev")
        shown = [replace(example, dialogue=Dialogue(example.dialogue.turns[-system.turns :])) for example in examples]
        evaluation = evaluate(load(run / BUNDLE, device="cpu"), shown, LABELS)
        scores = evaluation.scores() | evaluation.probability_scores()
    return {name: scores[name] for name in SCORES}


def decisions(run: Path, data: Path) -> dict[str, float]:
    """Dev micro-F1 of other ways to decide from the same trained parts; whatever is fitted, is so on unseen folds."""
    trained, examples = (load_dataset("emocontext", data, split) for split in ("train", "dev"))
    model = load(run / BUNDLE, device="cpu")
    assert isinstance(model, NelecModel)
    kept = load_file(run / OUT_OF_FOLD)
    targets = kept["targets"].astype(np.int64)
    truth = np.array([LABELS.index(example.labels[0]) for example in examples])
    read, dev_read = read_all(model, trained), read_all(model, examples)
    parts = [kept["neural"], kept["lexical"]]
    dev_parts = [in_chunks(model.neural_scores, dev_read), in_chunks(model.lexical.scores, dev_read)]
    joined = [np.hstack([log_softmax(part) for part in each]) for each in (parts, dev_parts)]
    features = [np.hstack([each, reading.dense]) for each, reading in zip(joined, (read, dev_read), strict=True)]
    mean, dev_mean = (each[:, : len(LABELS)] + each[:, len(LABELS) :] for each in joined)
    scores: dict[str, tuple[Floats, Floats]] = {
        "linear": (model.combiner(*parts), model.combiner(*dev_parts)),
        "neural": (parts[0], dev_parts[0]),
        "lexical": (parts[1], dev_parts[1]),
        "mean": (mean, dev_mean),
        "trees": grown(features[0], targets, features[1]),
    }
    plain = replace(model.calibration, bias=None)
    found = {name: decide(plain, unseen, dev, targets, truth) for name, (unseen, dev) in scores.items()}
    found["no bias"] = f1(plain, scores["linear"][1], truth)
    found["no prior"] = f1(replace(plain, target_prior=None), scores["linear"][1], truth)
    return found


def decide(plain: Calibration, unseen: Floats, dev: Floats, targets: Integers, truth: Integers) -> float:
    """Dev micro-F1 of scores whose temperature and bias are fitted on unseen folds."""
    calibration = replace(plain, temperature=fit_temperature(unseen, targets))
    return f1(replace(calibration, bias=fit_bias(calibration, unseen, targets, LABELS.index("others"))), dev, truth)


def f1(calibration: Calibration, scores: Floats, truth: Integers) -> float:
    """Micro-F1 over the emotions."""
    decided = calibration.probabilities(scores).argmax(axis=1)
    return float(emotion_counts(confusion_matrix(truth, decided, len(LABELS)), LABELS.index("others")).f1)


def grown(unseen: Floats, targets: Integers, dev: Floats) -> tuple[Floats, Floats]:
    """Scores of gradient-boosted trees: of each fifth of the unseen rows by trees on the rest, and of the dev rows."""
    import lightgbm

    def fit(rows: Integers) -> Any:
        return lightgbm.train({**ROUNDS, "verbose": -1}, lightgbm.Dataset(unseen[rows], targets[rows]), TREES)

    fold = np.random.default_rng(0).permutation(len(targets)) % PARTS
    held = np.zeros((len(targets), len(LABELS)))
    for number in range(PARTS):
        held[fold == number] = fit(np.flatnonzero(fold != number)).predict(unseen[fold == number], raw_score=True)
    return held, fit(np.arange(len(targets))).predict(dev, raw_score=True)


def together(runs: Sequence[Path], data: Path) -> float:
    """Dev micro-F1 of the mean of the runs' log-probabilities."""
    examples = load_dataset("emocontext", data, "dev")
    dialogues = [example.dialogue for example in examples]
    logarithms = [np.log(load(run / BUNDLE, device="cpu").predict_proba(dialogues)) for run in runs]
    truth = np.array([LABELS.index(example.labels[0]) for example in examples])
    return f1(Calibration(), np.mean(logarithms, axis=0), truth)


def read_all(model: NelecModel, examples: Sequence[Example]) -> ReadDialogues:
    """Dialogues after the model's text pass."""
    windows = [example.dialogue.window(WINDOW) for example in examples]
    parts = [
        read_dialogues(model.normalizer, windows[start : start + CHUNK]) for start in range(0, len(windows), CHUNK)
    ]
    return ReadDialogues([text for part in parts for text in part.texts], np.vstack([part.dense for part in parts]))


def in_chunks(scores: Callable[[ReadDialogues], Floats], read: ReadDialogues) -> Floats:
    """Scores of many dialogues."""
    return np.vstack(
        [
            scores(
                ReadDialogues(read.texts[start * WINDOW : (start + CHUNK) * WINDOW], read.dense[start : start + CHUNK])
            )
            for start in range(0, len(read), CHUNK)
        ]
    )


def page(results: dict[str, Any]) -> str:
    """The figures as a page."""
    systems = results["systems"]
    recipes = "".join(
        f"| {SYSTEMS[name].shown} | {' | '.join(_cell(systems.get(name), score) for score in SCORES)} |\n"
        for name in RECIPES
    )
    decided = "".join(f"| {shown} | {_cell(results['decisions'], key)} |\n" for key, shown in DECISIONS.items())
    anew = "".join(f"| {SYSTEMS[name].shown} | {_cell(systems.get(name), 'emotion_f1')} |\n" for name in RETRAINED)
    sizes = "".join(
        f"| {'4 networks' if name == 'full' else SYSTEMS[name].shown} | {_cell(systems.get(name), 'emotion_f1')} |\n"
        for name in COMMITTEES
    )
    several = results["seeds together"]
    joint = f"{several['emotion_f1']:.4f} ({several['seeds']} seeds)" if several else "not run"
    return (
        "# NELEC on EmoContext\n\n"
        "Micro-F1 over happy, sad and angry on EmoContext's dev file, trained on its training file alone and tuned on\n"
        "dev: the mean over seeds, with the lowest and the highest in brackets. Dev data chose the settings and the\n"
        "epoch of the network trained on everything, so the figures flatter a little. Written by\n"
        "`benchmarks/nelec_emocontext.py` from `benchmarks/results/nelec_emocontext.json`.\n\n"
        "## The recipes\n\n"
        f"| recipe | micro-F1 | accuracy | calibration error |\n|---|---|---|---|\n{recipes}\n"
        "## Parts, decisions and combiners\n\n"
        "From the same trained parts. Temperature, bias and combiner are fitted on the folds that the parts did not\n"
        f"see, for each row anew.\n\n| | micro-F1 |\n|---|---|\n{decided}\n"
        f"## Trained anew without something\n\n| | micro-F1 |\n|---|---|\n{anew}\n"
        "## Ensemble sizes\n\n"
        "The network trained on everything, alone and with those of the folds; the models of all seeds together.\n\n"
        f"| | micro-F1 |\n|---|---|\n{sizes}| the seeds' models together | {joint} |\n"
    )


def _cell(by_seed: dict[str, Any] | None, key: str) -> str:
    """Mean and spread of a figure over seeds."""
    if not by_seed:
        return "not run"
    values = [figures[key] for figures in by_seed.values()]
    mean = f"{np.mean(values):.4f}"
    if len(values) == 1:
        return f"{mean} (1 seed)"
    return f"{mean} ({min(values):.4f} to {max(values):.4f}, {len(values)} seeds)"


if __name__ == "__main__":
    main()
