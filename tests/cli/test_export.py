from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from emoplugin import load
from emoplugin.models.bundle import seal
from emoplugin.training.encoders import read_pieces
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe
from safetensors.numpy import load_file

ROWS = "turn1\tturn2\tturn3\tlabel\nhi\thello\ti am so happy\thappy\n\t\tare you not sad ?\tsad\na\tb\tok\tothers\n"


@pytest.fixture(scope="module")
def bundle(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("run")
    settings = [
        "train=[{dataset: emoturns, limit: 8}]",
        "dev=[]",
        f"model.encoder={tiny_encoder}",
        "model.loop={epochs: 1, batch: 8, learning_rate: 0.001}",
    ]
    run_recipe(load_recipe("bert-en", settings), None, output)
    return output / "bundle"


def test_what_is_exported_scores_as_the_bundle_does(emoplugin, bundle: Path, tmp_path: Path) -> None:
    import onnxruntime
    from transformers import AutoModel

    rows, folder = tmp_path / "rows.tsv", tmp_path / "exported"
    rows.write_text(ROWS)
    (printed,) = emoplugin("export", bundle, "--output", folder, "--input", rows, "--json").rows
    assert set(printed["files"]) == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    measured = printed["int8"]
    assert measured["rows"] == 3
    assert measured["agreement"] == 1
    assert 0 < measured["largest_probability_difference"] < 0.02
    assert measured["fp32"].keys() == measured["int8"].keys() >= {"accuracy", "emotion_f1", "brier"}

    model = load(bundle, device="cpu")
    batch = model.tokenizer.batch(["hi", "hello", "i am so happy", "", "", "ok"])
    served = model.score(batch)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    (whole,) = session.run(["scores"], {"tokens": batch.tokens, "turns": batch.turns})
    assert np.abs(whole - served).max() < 0.05
    encoder, head = AutoModel.from_pretrained(folder).eval(), load_file(folder / "head.safetensors")
    assert read_pieces(folder).tokenizer.get_vocab_size() == encoder.config.vocab_size
    assert set(head) == {"turn", "output.weight", "output.bias"}
    tokens, turns = torch.from_numpy(batch.tokens[:1]), torch.from_numpy(batch.turns[:1])
    with torch.no_grad():
        vectors = encoder.get_input_embeddings()(tokens) + torch.from_numpy(head["turn"])[turns]
        states = encoder(inputs_embeds=vectors).last_hidden_state[0]
    pooled = np.concatenate([states[0], states.mean(dim=0), states[turns[0] == 2].mean(dim=0)])
    assert np.abs(head["output.weight"] @ pooled + head["output.bias"] - whole[0]).max() < 1e-4


def test_a_table_for_people_and_no_second_export_into_one_folder(emoplugin, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text(ROWS)
    outcome = emoplugin("export", bundle, "--output", tmp_path / "out", "--input", tmp_path / "rows.tsv")
    assert "emotion_f1" in outcome.out
    assert "Largest difference of a probability" in outcome.out
    again = emoplugin("export", bundle, "--output", tmp_path / "out")
    assert again.code == 2
    assert "is not empty" in again.err


def test_what_training_measured_is_said_without_rows(emoplugin, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    measured = {"fp32": {"accuracy": 0.5}, "int8": {"accuracy": 0.75}, "agreement": 0.875}
    metrics = json.loads((copy / "metrics.json").read_text(encoding="utf-8"))
    (copy / "metrics.json").write_text(json.dumps({**metrics, "int8": measured}), encoding="utf-8")
    seal(copy)
    outcome = emoplugin("export", copy, "--output", tmp_path / "out")
    assert "measured when it was trained" in outcome.out
    assert "+0.2500" in outcome.out
    assert "on 87.5% of the rows" in outcome.out
    assert emoplugin("export", bundle, "--output", tmp_path / "other").code == 0


def test_wrong_rows_leave_no_folder(emoplugin, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("turn1\tturn2\tturn3\tlabel\n")
    outcome = emoplugin("export", bundle, "--output", tmp_path / "out", "--input", tmp_path / "rows.tsv")
    assert outcome.code == 2
    assert not (tmp_path / "out").exists()


def test_other_kinds_are_refused(emoplugin, tmp_path: Path) -> None:
    outcome = emoplugin("export", "nelec-en", "--output", tmp_path / "out")
    assert outcome.code == 2
    assert "nelec-en is a bundle of the kind nelec; only bert can be exported" in outcome.err
    assert not (tmp_path / "out").exists()
