from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from emoplugin import Dialogue, load
from emoplugin.cli.train import train
from emoplugin.datasets import emoturns, find_dataset, goemotions
from emoplugin.errors import InputError
from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.training.config import Recipe, read_config
from emoplugin.training.recipe import load_recipe, recipe_names
from emoplugin.training.run import TRAINERS, run_recipe

PUBLISHED = ("emotion6-bert", "emotion6-bert-split", "goemotions-bert", "smile-bert")
LABELS = goemotions.LABELS.names


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


@pytest.mark.parametrize("name", [*PUBLISHED, "goemotions-raw-bert"])
def test_a_published_training_starts_from_its_encoder(name: str) -> None:
    assert load_recipe(name).model["encoder"] == "google-bert/bert-base-uncased"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a handful of rows in each file, in the published formats."""
    root = tmp_path_factory.mktemp("data")

    def put(path: str, rows: list[str], end: str = "\n") -> None:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes("".join(row + end for row in rows).encode())

    turns = [
        f"{number}\thi number {number}\tand how are you?\tso {name} \U0001f642\t{name}"
        for number, name in enumerate(THREE_TURN_LABELS.names * 6)
    ]
    for split in ("train", "dev"):
        put(f"emocontext/{split}.txt", ["id\tturn1\tturn2\tturn3\tlabel", *turns], "\r\n")
        put(f"emoturns/{split}.tsv", ["id\tturn1\tturn2\tturn3\tlabel", *turns])

    pairs = [(first, second) for second in range(6) for first in range(second)]
    comments = [
        f"it is {LABELS[first]} and {LABELS[second]}\t{first},{second}\tc{first}x{second}" for first, second in pairs
    ]
    comments += [f"so {name}\t{number}\tc{number}" for number, name in enumerate(LABELS)] * 2
    answers = [f'"well, {name}",{name},' + ",".join(str(int(name == label)) for label in LABELS) for name in LABELS]
    unclear = '"well, what",what,' + ",".join("0" * len(LABELS))
    for split in ("train", "dev"):
        put(f"goemotions/{split}.tsv", comments)
    for number in (1, 2, 3):
        put(f"goemotions/goemotions_{number}.csv", [f"text,id,{','.join(LABELS)}", *answers, unclear])

    sentences = [f"i feel {name} today;{name}" for name in find_dataset("emotion6").labels.names * 4]
    for name in ("train", "val"):
        put(f"emotion6/{name}.txt", sentences)

    tweets = [
        f'{number},"@museum so {name}",{name}' for number, name in enumerate(find_dataset("smile").labels.names * 8)
    ]
    put("smile/smile-annotations-final.csv", [*tweets, '98,"hm, no",nocode', '99,"oh, well",happy|sad'])

    said = [
        f"t{number // 6}\t{number % 6}\tagent_1\t{feeling}\tthat is {feeling}"
        for number, feeling in enumerate(["Happy", "Sad", "Angry", "Neutral", "Surprised", "Disgusted"] * 3)
    ]
    for name in ("valid_freq", "test_freq", "valid_rare"):
        put(f"topicalchat/{name}.tsv", ["conversation\tturn\tagent\tsentiment\tmessage", *said])

    (root / "emoji2vec").mkdir()
    vector = np.linspace(-1, 1, 300, dtype="<f4").tobytes()
    (root / "emoji2vec" / "emoji2vec.bin").write_bytes(b"1 300\n\xf0\x9f\x99\x82 " + vector)
    return root


QUICK = {
    "bert": ("model.encoder={encoder}", "model.loop.epochs=1", "model.range_rows=16"),
    "nelec": ("model.vectors.path={encoder}", "model.loop.epochs=1"),
}
"""What makes a recipe of each kind quick, beside less data."""


def small(name: str, encoder: Path, *more: str) -> Recipe:
    recipe = load_recipe(name)
    limits = [f"train.{number}.limit=12" for number in range(len(recipe.train))]
    quick = [setting.format(encoder=encoder) for setting in QUICK[recipe.kind]]
    return load_recipe(name, [*limits, *quick, *more])


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_trains_and_serves(
    name: str, data: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emoturns, "folder", lambda: data / "emoturns")
    recipe = small(name, tiny_encoder)
    metrics = run_recipe(recipe, data, tmp_path / "run")
    assert 0 <= metrics["dev"]["scores"]["macro_f1"] <= 1
    model = load(tmp_path / "run" / "bundle", device="cpu")
    assert set(model.predict(Dialogue(["hi", "hello", "so happy"])).probabilities) == set(recipe.labels.names)


def test_the_epochs_are_logged_with_their_figures(data: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    recipe = small("emotion6-bert-split", tiny_encoder, "model.loop.epochs=2")
    run_recipe(recipe, data, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    epochs = [line for line in lines if "epoch" in line]
    assert len(epochs) == 2
    assert all(0 <= line["accuracy"] == line["score"] <= 1 and -1 <= line["mcc"] <= 1 for line in epochs)


def test_what_was_expected_is_told_beside_what_was_reached(
    data: Path, tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [f"model.encoder={tiny_encoder}", "model.loop.epochs=1", "expected={accuracy: 1.0, ece: 1e-1}"]
    train("emotion6-minilm", tmp_path / "run", data, settings)
    scores = json.loads((tmp_path / "run" / "bundle" / "metrics.json").read_text())["dev"]["scores"]
    told = capsys.readouterr().err.splitlines()[-2:]
    assert told == [
        f"accuracy: expected 1.0000, reached {scores['accuracy']:.4f}",
        f"ece: expected 0.1000, reached {scores['ece']:.4f}",
    ]


def test_several_labels_are_trained_measured_and_served(data: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    loss = "model.loop.loss={smoothing: 0.0, focus_absent: 2.0, margin: 0.05, agreement: 0.5}"
    recipe = small("goemotions-bert", tiny_encoder, "model.held_out=0.3", loss)
    metrics = run_recipe(recipe, data, tmp_path / "run")
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


def test_labels_that_exclude_each_other_refuse_data_with_several(
    data: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    recipe = small("goemotions-bert", tiny_encoder, "labels.multi_label=false")
    with pytest.raises(InputError, match=r"labels\.multi_label: true"):
        run_recipe(recipe, data, tmp_path / "run")


@pytest.mark.skipif("EMOPLUGIN_DATA" not in os.environ, reason="needs the data folder")
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_training_runs_at_reduced_size(name: str, tiny_encoder: Path, tmp_path: Path) -> None:
    metrics = run_recipe(small(name, tiny_encoder), None, tmp_path / "run")
    assert 0 <= metrics["dev"]["scores"]["macro_f1"] <= 1
