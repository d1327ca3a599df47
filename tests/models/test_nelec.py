from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract import DIALOGUES, ModelContract
from emoplugin import load
from emoplugin.models.nelec import NelecModel
from emoplugin.models.tokens import TurnTokenizer
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe
from emoplugin.training.vectors import VectorConfig, located, make_vectors

HANDFUL = [
    "name=tiny",
    "train=[{dataset: emoturns, limit: 8}]",
    "dev=[{dataset: emoturns, split: dev}]",
    "model.vectors={source: learned, size: 16, min_count: 1}",
    "model.network={lstm: 8, gru: 4, dense: 8, surface: 4}",
    "model.loop={epochs: 1, batch: 8}",
    "model.lexical={min_count: 1}",
    "model.folds=2",
    "model.teachers=[]",
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


class TestCommittee(ModelContract):
    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        prior = "labels.target_prior=[0.7, 0.1, 0.1, 0.1]"
        return train(tmp_path_factory.mktemp("committee"), "model.committee=2", prior)

    def test_each_member_has_vectors_of_its_own(self, folder: Path) -> None:
        model = load(folder)
        assert isinstance(model, NelecModel)
        assert model.vectors.size == 3 * 16

    def test_the_decision_is_biased_towards_what_the_target_prior_wants(self, folder: Path) -> None:
        bias = load(folder).calibration.bias
        assert bias is not None
        assert bias[0] == 0.0


@pytest.mark.parametrize("name", ["nelec-en", "bert-en"])
def test_words_that_are_not_looked_up_in_the_tokenizer_have_its_tokens(name: str) -> None:
    turns = load(name, device="cpu").tokenizer
    assert isinstance(turns, TurnTokenizer)
    for word in sorted(turns.tokenizer.get_vocab())[::10]:
        assert turns.turn(word) == turns.tokenizer.encode(word, add_special_tokens=False).ids


@pytest.mark.parametrize("part", ["neural", "lexical"])
def test_a_part_that_is_left_out_decides_nothing(part: str, tmp_path: Path) -> None:
    model = load(train(tmp_path, f"model.parts=[{part}]"))
    assert isinstance(model, NelecModel)
    neural, lexical = np.split(model.combiner.weights, 2)
    used, unused = (neural, lexical) if part == "neural" else (lexical, neural)
    assert used.any()
    assert not unused.any()
    assert len(np.unique(model.predict_proba(DIALOGUES[:3]).round(6), axis=0)) > 1


def test_vectors_come_from_files_and_emoji_from_a_second_one(tmp_path: Path) -> None:
    words, emoji = tmp_path / "words.txt", tmp_path / "emoji.bin"
    words.write_text("my 1 2 3\norder 0.5 0.5 -1\n", encoding="utf-8")
    emoji.write_bytes(b"1 3\n" + "😭".encode() + b" " + np.array([9, 8, 7], dtype="<f4").tobytes())
    config = VectorConfig("glove", str(words), str(emoji), size=3, min_count=1)
    tokenizer, vectors = make_vectors(located(config, None), ["my order 😭", "my cat"], seed=1)
    for word, expected in (("my", [1, 2, 3]), ("order", [0.5, 0.5, -1]), ("😭", [9, 8, 7])):
        assert vectors[tokenizer.token_to_id(word)].tolist() == expected
    assert np.abs(vectors[tokenizer.token_to_id("cat")]).max() > 0


def test_a_teacher_is_part_of_the_networks_targets(folder: Path, tmp_path: Path) -> None:
    taught = train(tmp_path / "taught", f"model.teachers=[{folder}]")
    assert (taught / "network.onnx").read_bytes() != (folder / "network.onnx").read_bytes()
