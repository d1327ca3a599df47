from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from contract import DIALOGUES, ModelContract
from emoplugin import Dialogue, EmotionModel, load
from emoplugin.errors import InputError
from emoplugin.evaluation.card import RESEARCH_ONLY
from emoplugin.models.bundle import seal, shipped
from emoplugin.models.ensemble import uncorrected
from emoplugin.models.explanation import explain
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
        odds = np.exp(mean + np.array(model.calibration.bias or 0.0))
        odds *= np.array(model.calibration.target_prior) / np.array(model.calibration.train_prior)
        expected = odds / odds.sum(axis=1, keepdims=True)
        assert np.abs(model.predict_proba(DIALOGUES[:6]) - expected).max() < 1e-6
        assert abs(weights.sum() - 1) < 1e-9

    @pytest.fixture(autouse=True)
    def _where(self, folder: Path) -> None:
        self.where = folder

    def test_the_better_member_decides_and_figures_are_cross_validated(self, model: EmotionModel) -> None:
        # A member that hardly tells the labels apart may weigh anything: the temperature makes up for it.
        spreads = [
            uncorrected(member, member.predict_scores(DIALOGUES[:6])).std(axis=1).mean() for member in model.members
        ]
        assert model.weights[1] * spreads[1] > 2 * model.weights[0] * spreads[0]
        assert json.loads((self.where / "metrics.json").read_text())["cross_validated"]["accuracy"] > 0.5

    def test_members_are_shared_with_the_same_bundle_elsewhere(self, model: EmotionModel) -> None:
        assert load("nelec-en", device="cpu") is model.members[1]


def ensemble_of(root: Path, *members: Path | str) -> Path:
    recipe = root / "pair.yml"
    listed = ", ".join(f"'{member}'" for member in members)
    recipe.write_text(
        "name: pair\nkind: ensemble\ntrain: [{dataset: emoturns, split: dev, limit: 8}]\n"
        f"model: {{members: [{listed}]}}\n"
    )
    return recipe


def changed(folder: Path, **calibration: object) -> Path:
    config = json.loads((folder / "config.json").read_text())
    config["calibration"] |= calibration
    (folder / "config.json").write_text(json.dumps(config))
    seal(folder)
    return folder


def test_the_card_names_the_members_and_where_their_terms_are(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert "| nelec-en" in card
    assert "[its card](members/2-nelec-en/README.md)" in card
    assert (folder / "members" / "2-nelec-en" / "README.md").is_file()
    assert RESEARCH_ONLY not in card


def test_a_member_that_may_not_be_shipped_forbids_it_for_the_whole(tmp_path: Path) -> None:
    member = shutil.copytree(shipped()["nelec-en"], tmp_path / "member")
    (member / "README.md").write_text(f"# a model\n\n{RESEARCH_ONLY}\n")
    seal(member)
    run_recipe(load_recipe(str(ensemble_of(tmp_path, member, "nelec-en")), [LABELS]), None, tmp_path / "run")
    assert RESEARCH_ONLY in (tmp_path / "run" / "bundle" / "README.md").read_text()


def test_a_member_that_does_not_say_its_prior_cannot_be_corrected(tmp_path: Path) -> None:
    member = changed(shutil.copytree(shipped()["nelec-en"], tmp_path / "member"), train_prior=None)
    with pytest.raises(InputError, match=r"nelec-en: the bundle does not say the prior.*target_prior"):
        run_recipe(load_recipe(str(ensemble_of(tmp_path, member, "nelec-en")), [LABELS]), None, tmp_path / "run")


def test_an_ensemble_is_explained_as_others_are(folder: Path) -> None:
    explained = explain(load(folder, device="cpu"), Dialogue(["hi", "hello", "i hate you"]))
    parts = explained.base + sum(turn.contribution for turn in explained.turns)
    assert parts == pytest.approx(explained.score, abs=1e-6)


def test_one_member_is_no_ensemble(tmp_path: Path) -> None:
    recipe = tmp_path / "one.yml"
    recipe.write_text(
        "name: one\nkind: ensemble\ntrain: [{dataset: emoturns, split: dev}]\nmodel: {members: [nelec-en]}\n"
    )
    with pytest.raises(InputError, match="two bundles or more, found 1"):
        run_recipe(load_recipe(str(recipe)), None, tmp_path / "run")
