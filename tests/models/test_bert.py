from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from contract import DIALOGUES, ModelContract
from emoplugin import EmotionModel, load
from emoplugin.errors import InputError
from emoplugin.models.bert import unpadded
from emoplugin.models.bundle import open_bundle
from emoplugin.models.runtime import choose_device
from emoplugin.models.tokens import TokenVectors
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe
from onnx import numpy_helper
from safetensors.numpy import load_file


@pytest.fixture(scope="module")
def folder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bert")
    settings = [
        "train=[{dataset: emoturns, limit: 8}]",
        f"model.encoder={tiny_encoder}",
        "model.loop={epochs: 2, batch: 8, learning_rate: 0.001}",
    ]
    run_recipe(load_recipe("bert-en", settings), None, output)
    return output / "bundle"


class TestBert(ModelContract):
    def test_bytes_and_floats_agree(self, folder: Path) -> None:
        measured = json.loads((folder / "metrics.json").read_text())["int8"]
        assert measured["agreement"] > 0.97
        assert measured["largest score difference"] < 0.05
        assert set(measured["fp32"]) == set(measured["int8"]) >= {"accuracy", "emotion_f1"}

    def test_a_dialogue_scores_the_same_in_any_company(self, model: EmotionModel) -> None:
        together = model.predict_scores(DIALOGUES * 30)
        for start in range(0, len(together), len(DIALOGUES)):
            assert np.abs(together[start : start + len(DIALOGUES)] - together[: len(DIALOGUES)]).max() < 1e-6

    def test_every_weight_is_stored_once(self, folder: Path) -> None:
        weights = load_file(folder / "network.safetensors")
        graph = onnx.load(folder / "network.onnx").graph
        outside = {tensor.name: tensor for tensor in graph.initializer if tensor.name in weights}
        assert sum(weights[name].size for name in outside) > 0.95 * sum(value.size for value in weights.values())
        for name, tensor in outside.items():
            assert np.array_equal(numpy_helper.to_array(tensor), weights[name])
        matrices = [value for name, value in weights.items() if "layer." in name and value.ndim == 2]
        assert {value.dtype for value in matrices} == {np.dtype(np.int8)}

    def test_the_vocabulary_is_pruned(self, folder: Path) -> None:
        pieces = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        assert "happy" in pieces
        assert "<url>" in pieces
        assert not {"[unused0]", "привет"} & set(pieces)

    def test_without_a_gpu_it_runs_on_the_cpu_and_says_so_once(
        self, folder: Path, model: EmotionModel, caplog: pytest.LogCaptureFixture
    ) -> None:
        choose_device.cache_clear()
        with caplog.at_level(logging.WARNING):
            assert load(folder, device="cuda:99") is load(folder, device="cuda:99")
            fallen_back = load(folder, device="cuda:99")
            assert np.array_equal(fallen_back.predict_proba(DIALOGUES), model.predict_proba(DIALOGUES))
        assert [record.getMessage() for record in caplog.records if "cuda:99" in record.getMessage()]
        assert len(caplog.records) == 1


def test_torch_scores_as_onnx_does(folder: Path) -> None:
    """What a GPU runs, on the CPU and in float32; only the rounding of activations is missing."""
    from emoplugin.models.gpu import TorchEncoder

    bundle, model = open_bundle(folder), load(folder, device="cpu")
    vectors = TokenVectors.from_arrays(load_file(folder / "vectors.safetensors"))
    weights = load_file(folder / "network.safetensors")
    encoder = TorchEncoder(bundle.config["encoder"], bundle.config["head"], vectors, weights, 4, "cpu")
    batch = model.tokenizer.batch([turn for dialogue in DIALOGUES[:6] for turn in dialogue.window()])
    assert np.abs(encoder(batch) - model.score(batch)).max() < 0.05
    at_once = encoder(batch)
    assert np.abs(encoder(batch, 1) - at_once).max() < 1e-5


def test_where_memory_runs_out_smaller_parts_are_tried(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    from emoplugin.models.gpu import TorchEncoder

    bundle = open_bundle(folder)
    vectors = TokenVectors.from_arrays(load_file(folder / "vectors.safetensors"))
    weights = load_file(folder / "network.safetensors")
    encoder = TorchEncoder(bundle.config["encoder"], bundle.config["head"], vectors, weights, 4, "cpu")
    batch = load(folder, device="cpu").tokenizer.batch(["hi", "hello", "so happy"] * 8)
    enough, length = encoder(batch), int(batch.lengths.max())
    room = 2 * length

    def run_out(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if inputs[0].numel() > room:
            raise torch.OutOfMemoryError("no more")

    encoder.network.embedding.register_forward_pre_hook(run_out)
    assert np.abs(encoder(batch) - enough).max() < 1e-5
    assert [record.args for record in caplog.records] == [(tokens * length,) for tokens in (4, 2)]
    room = 8 * length
    assert np.abs(encoder(batch) - enough).max() < 1e-5
    assert len(caplog.records) == 2
    room = length - 1
    with pytest.raises(torch.OutOfMemoryError):
        encoder(batch)


def test_a_device_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match="device is 'tpu'; expected auto, cpu, cuda or cuda:N"):
        load(folder, device="tpu")


def test_padded_rows_stay_within_the_tokens_allowed() -> None:
    from emoplugin.models.gpu import parts

    assert list(parts([2, 2, 3, 9, 50], tokens=12)) == [(0, 3), (3, 4), (4, 5)]


def test_a_part_that_keeps_a_gpu_busy_has_no_padding() -> None:
    from emoplugin.models.gpu import parts

    assert list(parts([2, 2, 2, 3, 3, 4], tokens=99, enough=6)) == [(0, 3), (3, 5), (5, 6)]


def test_rows_of_one_length_go_together() -> None:
    lengths = np.array([3, 5, 3, 3, 5, 9])
    parts = list(unpadded(lengths, tokens=6))
    assert [(rows.tolist(), length) for rows, length in parts] == [([0, 2], 3), ([3], 3), ([1], 5), ([4], 5), ([5], 9)]
