from __future__ import annotations

import json
from pathlib import Path

import pytest
from emoplugin import load
from emoplugin.datasets import load_dataset
from emoplugin.errors import InputError
from emoplugin.training.config import Recipe
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe
from safetensors.numpy import load_file


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("kind=svm", "unknown kind 'svm'"),
        ("labels.target_prior=[0.5, 0.5]", "target_prior needs one value for each"),
        ("labels.target_prior=[0.9, 0.1, 0, 0]", "target_prior must lie between 0 and 1"),
        ("labels.multi_label=true", "multi_label needs kind bert"),
        ("model.pace=2", "unknown key 'pace'"),
        ("labels.thresholds=[0, 0.5]", "thresholds needs one value for each"),
        ("model.seeds=0", "seeds must be 1 or more, found 0"),
        ("model.folds=1", "folds must be 2 or more, found 1"),
        ("model.committee=9", "committee must lie between 0 and folds"),
        ("model.teaching=1.0", "model: teaching must lie between 0 and 1, found 1.0"),
        ("model.combiner_cost=0", "combiner_cost must be more than 0, found 0.0"),
        ("model.loop.batch=0", "model, loop: batch must be 1 or more, found 0"),
        ("model.loop.epochs=0", "epochs must be 1 or more, found 0"),
        ("model.loop.learning_rate=-1", "learning_rate must be more than 0, found -1.0"),
        ("model.lexical.cost=0", "lexical: cost must be more than 0"),
        ("model.network.lstm=0", "network: lstm must be 1 or more"),
        ("model.network.dropout=2", "dropout must be 0 or more and less than 1, found 2.0"),
        ("model.vectors.size=0", "vectors: size must be 1 or more"),
        ("seed=-1", "seed must be 0 or more, found -1"),
        ("version=2020-13-45", "the value is not YAML"),
        ("train.0.weight=0", "train, item 1: weight must be more than 0"),
        ("train.0.limit=-1", "limit must be 0 or more"),
        ("model.parts=[smell]", "parts must be some of neural, lexical, found smell"),
        ("model.combiner_sources=[3]", "combiner_sources names source 3; train has 3, counted from 0"),
        ("model.vectors.source=fasttext", "vectors.source is 'fasttext'; expected one of learned"),
        ("model.vectors={source: glove}", "glove needs a file"),
        ("model.vectors={source: word2vec, path: nowhere.bin}", "path: no such file: nowhere.bin"),
        ("model.loop.epochs=many", "expected a whole number, found 'many'"),
        ("model.loop.learning_rate=fast", "learning_rate: expected a number, found 'fast'"),
        ("model.loop.learning_rate=nan", "expected a number, found 'nan'"),
        ("model.loop.learning_rate=inf", "expected a number, found 'inf'"),
        ("model.loop.learning_rate=true", "expected a number, found True"),
        ("expected={f1: 0.9}", "expected: unknown score 'f1'; expected one of accuracy, mcc, .*emotion_f1, ece, brier"),
        ("expected={hamming_loss: 0.1}", "unknown score 'hamming_loss'; expected one of accuracy"),
    ],
)
def test_a_bad_recipe_is_refused_before_anything_is_read_or_written(setting: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        run_recipe(load_recipe("nelec-en", [setting]), None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def small(*settings: str) -> Recipe:
    """NELEC on a handful of dialogues."""
    return load_recipe(
        "nelec-en-small",
        [
            "train=[{dataset: emoturns, limit: 30}]",
            "dev=[{dataset: emoturns, split: dev, limit: 5}]",
            "model.vectors={source: learned, size: 8}",
            "model.network={lstm: 4, gru: 4, dense: 4, surface: 4}",
            "model.loop={epochs: 1}",
            *settings,
        ],
    )


def test_a_start_that_failed_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        run_recipe(small("model.teachers=[nowhere]"), None, tmp_path)
    metrics = run_recipe(small(), None, tmp_path)
    assert metrics["train_examples"] == 120
    with pytest.raises(InputError, match="holds a run already"):
        run_recipe(small(), None, tmp_path)


def test_what_the_recipe_leaves_out_of_dev_is_not_measured(tmp_path: Path) -> None:
    assert run_recipe(small("train.0.copies=2"), None, tmp_path)["dev"]["rows"] == 20
    written = json.loads((tmp_path / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    assert written["train_examples"] == 120


def test_networks_of_several_seeds_decide_together(tmp_path: Path) -> None:
    run_recipe(small(), None, tmp_path / "one")
    run_recipe(small("model.seeds=2", "model.committee=1"), None, tmp_path / "three")
    one, three = (load_file(tmp_path / name / "bundle" / "vectors.safetensors")["table"] for name in ("one", "three"))
    assert three.shape == (len(one), 3 * one.shape[1])
    seeds = three[:, : 2 * one.shape[1]].reshape(len(one), 2, -1)
    assert (seeds[:, 0] != seeds[:, 1]).any()


def test_a_label_below_its_threshold_is_not_reported(tmp_path: Path) -> None:
    run_recipe(small("labels.thresholds=[0, 1, 1, 1]"), None, tmp_path)
    model = load(tmp_path / "bundle")
    found = model.predict_batch([example.dialogue for example in load_dataset("emoturns", None, "dev")[:200]])
    assert {emotion.label for emotion in found} == {"others"}
    assert any(emotion.abstained for emotion in found)


def killed(tmp_path: Path, stage: str) -> None:
    def kill(reached: str, _done: int, _all: int) -> None:
        if reached == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_recipe(small(), None, tmp_path, advance=kill)
    assert not (tmp_path / "bundle").exists()


def test_a_killed_training_goes_on_to_the_same_end(tmp_path: Path) -> None:
    stages: list[str] = []
    unbroken = run_recipe(small(), None, tmp_path / "unbroken", advance=lambda stage, *_: stages.append(stage))
    order = list(dict.fromkeys(stages))
    killed(tmp_path / "killed", order[len(order) // 2])
    gone_on = run_recipe(small(), None, tmp_path / "killed", resume=True)
    assert gone_on["dev"] == unbroken["dev"]
    for name in ("network.onnx", "lexical.safetensors"):
        first, second = ((tmp_path / run / "bundle" / name).read_bytes() for run in ("unbroken", "killed"))
        assert first == second


def test_a_training_does_not_go_on_with_another_recipe_or_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []
    run_recipe(small(), None, tmp_path / "whole", advance=lambda stage, *_: stages.append(stage))
    killed(tmp_path / "run", list(dict.fromkeys(stages))[-1])
    with pytest.raises(InputError, match="the recipe or its settings are not those that the run was started with"):
        run_recipe(small("seed=2"), None, tmp_path / "run", resume=True)
    monkeypatch.setattr("emoplugin.training.data.load_dataset", lambda *arguments: load_dataset(*arguments)[1:])
    with pytest.raises(InputError, match="the data are not those that the run was started with"):
        run_recipe(small(), None, tmp_path / "run", resume=True)
