from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from contract import DIALOGUES, ModelContract
from emoplugin import EmotionModel, load
from emoplugin.errors import InputError
from emoplugin.models.ensemble import uncorrected
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe

LABELS = "labels={names: [others, happy, sad, angry], neutral: others, target_prior: [0.85, 0.05, 0.05, 0.05]}"


@pytest.fixture(scope="module")
def folder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ensemble")
    bert = [
        "train=[{dataset: emoturns, limit: 8}]",
        f"model.encoder={tiny_encoder}",
        "model.loop={epochs: 1, batch: 8, learning_rate: 0.001}",
        LABELS,
    ]
    run_recipe(load_recipe("bert-en", bert), None, root / "bert")
    recipe = root / "both.yml"
    recipe.write_text(
        f"name: both\nkind: ensemble\ntrain: [{{dataset: emoturns, split: dev, limit: 40}}]\n"
        f"model: {{members: ['{root}/bert/bundle', nelec-en], fitted: true}}\n"
    )
    run_recipe(load_recipe(str(recipe), [LABELS]), None, root / "both")
    return root / "both" / "bundle"


class TestEnsemble(ModelContract):
    def test_priors_are_corrected_once(self, model: EmotionModel) -> None:
        weights = np.array(
            [entry["weight"] for entry in json.loads((self.where / "config.json").read_text())["members"]]
        )
        logs = [uncorrected(member, member.predict_scores(DIALOGUES[:6])) for member in model.members]
        mean = np.tensordot(weights, np.stack(logs), axes=1) / model.calibration.temperature
        odds = np.exp(mean) * np.array(model.calibration.target_prior) / np.array(model.calibration.train_prior)
        expected = odds / odds.sum(axis=1, keepdims=True)
        assert np.abs(model.predict_proba(DIALOGUES[:6]) - expected).max() < 1e-6
        assert abs(weights.sum() - 1) < 1e-9

    @pytest.fixture(autouse=True)
    def _where(self, folder: Path) -> None:
        self.where = folder

    def test_the_better_member_weighs_more_and_figures_are_cross_validated(self, model: EmotionModel) -> None:
        assert model.weights[1] > 0.6
        assert json.loads((self.where / "metrics.json").read_text())["cross_validated"]["accuracy"] > 0.5

    def test_members_are_shared_with_the_same_bundle_elsewhere(self, model: EmotionModel) -> None:
        assert load("nelec-en", device="cpu") is model.members[1]


def test_one_member_is_no_ensemble(tmp_path: Path) -> None:
    recipe = tmp_path / "one.yml"
    recipe.write_text(
        "name: one\nkind: ensemble\ntrain: [{dataset: emoturns, split: dev}]\nmodel: {members: [nelec-en]}\n"
    )
    with pytest.raises(InputError, match="two bundles or more, found 1"):
        run_recipe(load_recipe(str(recipe)), None, tmp_path / "run")
