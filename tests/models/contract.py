"""What every kind of model must do. A kind's test class inherits from ``ModelContract`` and says how to train one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from emoplugin import Dialogue, EmotionModel, load
from emoplugin.errors import BundleError
from emoplugin.models.bundle import seal

DIALOGUES = [
    Dialogue(["where is my order", "It is lost", "are you serious"]),
    Dialogue(["where is my order", "It arrives today", "are you serious"]),
    Dialogue(["ok"]),
    Dialogue([""]),
    Dialogue(["", "", ""]),
    Dialogue(["hi", "hello", "i miss her 😭"]),
    Dialogue(["one", "two", "three", "four", "so happy!!! " * 40]),
    Dialogue(["\ud83d", "\x00", "\u202e 🏳️‍🌈 ¯\\_(ツ)_/¯ мир"]),
    Dialogue(["a" * 1_000_000]),
]


class ModelContract:
    """Inherit, and give a fixture ``folder`` with the bundle of a model trained on a handful of dialogues."""

    @pytest.fixture(scope="class")
    def model(self, folder: Path) -> EmotionModel:
        return load(folder, device="cpu")

    def test_probabilities_are_probabilities(self, model: EmotionModel) -> None:
        probabilities = model.predict_proba(DIALOGUES)
        assert probabilities.shape == (len(DIALOGUES), len(model.labels))
        assert np.isfinite(probabilities).all()
        assert (probabilities >= 0).all()
        assert (probabilities <= 1).all()
        if not model.labels.multi_label:
            assert np.allclose(probabilities.sum(axis=1), 1)

    def test_emotion_agrees_with_its_probabilities(self, model: EmotionModel) -> None:
        for emotion in model.predict_batch(DIALOGUES):
            assert set(emotion.probabilities) == set(model.labels.names)
            assert emotion.confidence == emotion.probabilities[emotion.label]
            assert emotion.label == max(emotion.probabilities, key=emotion.probabilities.__getitem__)

    def test_batch_equals_single(self, model: EmotionModel) -> None:
        together = model.predict_proba(DIALOGUES)
        apart = np.vstack([model.predict_proba([dialogue]) for dialogue in DIALOGUES])
        assert np.abs(together - apart).max() < 1e-5

    def test_many_dialogues_keep_their_order(self, model: EmotionModel) -> None:
        many = DIALOGUES[:6] * 100
        emotions = model.predict_batch(many)
        assert len(emotions) == 600
        assert [emotion.label for emotion in emotions[:6]] == [emotion.label for emotion in emotions[-6:]]

    def test_no_dialogues(self, model: EmotionModel) -> None:
        assert model.predict_batch([]) == []

    def test_only_the_last_three_turns_count(self, model: EmotionModel) -> None:
        turns = ["where is my order", "It is lost", "are you serious"]
        longer = model.predict(Dialogue(["i am so happy", "great", *turns]))
        assert longer == model.predict(Dialogue(turns))

    def test_abstains_below_the_confidence_asked_for(self, model: EmotionModel) -> None:
        emotion = model.predict(DIALOGUES[5], min_confidence=1.0)
        assert emotion.abstained or emotion.label == model.labels.neutral
        assert emotion.label == model.labels.neutral

    def test_loaded_again_says_the_same(self, model: EmotionModel, folder: Path, tmp_path: Path) -> None:
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        assert np.array_equal(load(tmp_path).predict_proba(DIALOGUES), model.predict_proba(DIALOGUES))

    def test_equal_bundles_share_one_model(self, model: EmotionModel, folder: Path) -> None:
        assert load(folder, device="cpu") is model

    def test_each_missing_or_damaged_file_is_named(self, folder: Path, tmp_path: Path) -> None:
        for victim in json.loads((folder / "manifest.json").read_text())["files"]:
            for damage in ("missing", "damaged"):
                copy = tmp_path / f"{victim}-{damage}"
                shutil.copytree(folder, copy)
                if damage == "missing":
                    (copy / victim).unlink()
                else:
                    content = bytearray((copy / victim).read_bytes())
                    content[len(content) // 2] ^= 1
                    (copy / victim).write_bytes(content)
                with pytest.raises(BundleError, match=f"{victim} is {damage}"):
                    load(copy)

    def test_each_foreign_file_is_named_though_sealed(self, folder: Path, tmp_path: Path) -> None:
        for victim in json.loads((folder / "manifest.json").read_text())["files"]:
            if Path(victim).name in ("README.md", "metrics.json"):
                continue
            copy = tmp_path / victim
            shutil.copytree(folder, copy)
            (copy / victim).write_bytes(b'{"something": "else"}')
            seal(copy)
            with pytest.raises(
                BundleError, match=r"(safetensors|tokenizer|network|config)[^ ]*\.(json|onnx|safetensors) |lacks"
            ):
                load(copy, device="cpu")
