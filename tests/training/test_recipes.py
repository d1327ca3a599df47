from __future__ import annotations

import os
from pathlib import Path

import pytest
from emoplugin import Dialogue, load
from emoplugin.datasets import find_dataset
from emoplugin.errors import InputError
from emoplugin.training.config import Recipe, read_config
from emoplugin.training.recipe import load_recipe, recipe_names
from emoplugin.training.run import TRAINERS, run_recipe

PUBLISHED = ("emotion6-bert", "emotion6-bert-split", "goemotions-bert", "smile-bert")
LABELS = load_recipe("goemotions-bert").labels.names


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_is_as_its_trainer_and_its_data_want_it(name: str) -> None:
    recipe = load_recipe(name)
    read_config(TRAINERS[recipe.kind][0], recipe.model, name)
    assert recipe.name == name
    for source in (*recipe.train, *recipe.dev):
        dataset = find_dataset(source.dataset)
        assert source.split in dataset.splits
        assert set(dataset.labels.names) <= set(recipe.labels.names)
        assert dataset.labels.multi_label == recipe.labels.multi_label


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_training_starts_from_its_encoder(name: str) -> None:
    assert load_recipe(name).model["encoder"] == "google-bert/bert-base-uncased"


def small(name: str, encoder: Path, *more: str) -> Recipe:
    settings = ["train.0.limit=12", f"model.encoder={encoder}", "model.loop.epochs=1", "model.range_rows=16"]
    return load_recipe(name, [*settings, *more])


def comments(folder: Path) -> Path:
    """A data folder with a handful of comments, some of them with two labels."""
    lines = [
        f"it is {one} and {two}\t{first},{second}\tc{first}x{second}"
        for first, one in enumerate(LABELS[:6])
        for second, two in enumerate(LABELS[:6])
        if first < second
    ]
    lines += [f"so {name}\t{number}\tc{number}" for number, name in enumerate(LABELS)] * 2
    (folder / "goemotions").mkdir(parents=True)
    for split in ("train", "dev"):
        (folder / "goemotions" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_several_labels_are_trained_measured_and_served(tiny_encoder: Path, tmp_path: Path) -> None:
    loss = "model.loop.loss={smoothing: 0.0, focus_absent: 2.0, margin: 0.05, agreement: 0.5}"
    recipe = small("goemotions-bert", tiny_encoder, "model.held_out=0.3", loss)
    metrics = run_recipe(recipe, comments(tmp_path / "data"), tmp_path / "run")
    model = load(tmp_path / "run" / "bundle", device="cpu")
    assert model.calibration.thresholds is not None
    assert len(set(model.calibration.thresholds)) > 1
    assert model.calibration.train_prior is None
    assert metrics["dev"]["classes"]["joy"]["threshold"] == model.calibration.thresholds[LABELS.index("joy")]
    assert {"macro_f1", "micro_f1", "hamming_loss", "subset_accuracy"} <= set(metrics["dev"]["scores"])
    (emotion,) = model.predict_batch([Dialogue(["it is joy and love"])])
    above = [
        name
        for name, value in emotion.probabilities.items()
        if value >= model.calibration.thresholds[LABELS.index(name)]
    ]
    assert sorted(emotion.labels) == sorted(above or ["neutral"])
    card = (tmp_path / "run" / "bundle" / "README.md").read_text(encoding="utf-8")
    assert "threshold" in card


def test_labels_that_exclude_each_other_refuse_data_with_several(tiny_encoder: Path, tmp_path: Path) -> None:
    recipe = small("goemotions-bert", tiny_encoder, "labels.multi_label=false")
    with pytest.raises(InputError, match=r"labels\.multi_label: true"):
        run_recipe(recipe, comments(tmp_path / "data"), tmp_path / "run")


@pytest.mark.skipif("EMOPLUGIN_DATA" not in os.environ, reason="needs the data folder")
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_training_runs_at_reduced_size(name: str, tiny_encoder: Path, tmp_path: Path) -> None:
    metrics = run_recipe(small(name, tiny_encoder), None, tmp_path / "run")
    assert 0 <= metrics["dev"]["scores"]["macro_f1"] <= 1
