from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract import DIALOGUES, ModelContract
from emoplugin import load
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe

HANDFUL = [
    "name=tiny",
    "train=[{dataset: emoturns, limit: 8}]",
    "dev=[{dataset: emoturns, split: dev}]",
    "model.vectors={source: learned, size: 16, min_count: 1}",
    "model.network={lstm: 8, gru: 4, dense: 8, surface: 4}",
    "model.loop={epochs: 1, batch: 8}",
    "model.lexical={min_count: 1}",
    "model.folds=2",
]


def train(output: Path, *overrides: str) -> Path:
    run_recipe(load_recipe("nelec-en", [*HANDFUL, *overrides]), None, output)
    return output / "bundle"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("nelec"))


class TestNelec(ModelContract):
    def test_a_seed_gives_the_same_weights(self, folder: Path, tmp_path: Path) -> None:
        again = train(tmp_path)
        for name in ("network.onnx", "vectors.safetensors", "lexical.safetensors"):
            assert (again / name).read_bytes() == (folder / name).read_bytes()

    def test_another_seed_gives_other_weights(self, folder: Path, tmp_path: Path) -> None:
        other = load(train(tmp_path, "seed=2"))
        assert not np.array_equal(other.predict_proba(DIALOGUES), load(folder).predict_proba(DIALOGUES))

    @pytest.mark.parametrize(
        "settings",
        [
            ["model.network.gru=0", "model.network.dense=0"],
            ["model.network.surface=0", "model.network.bidirectional=false"],
            ["model.network.turns_apart=false", "model.loop.cyclic=true"],
        ],
    )
    def test_other_shapes(self, settings: list[str], tmp_path: Path) -> None:
        probabilities = load(train(tmp_path, *settings)).predict_proba(DIALOGUES)
        assert np.allclose(probabilities.sum(axis=1), 1)


def test_a_teacher_is_part_of_the_networks_targets(folder: Path, tmp_path: Path) -> None:
    taught = train(tmp_path / "taught", f"model.teachers=[{folder}]")
    assert (taught / "network.onnx").read_bytes() != (folder / "network.onnx").read_bytes()
    assert (taught / "lexical.safetensors").read_bytes() != (folder / "lexical.safetensors").read_bytes()
