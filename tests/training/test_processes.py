"""Several processes that train one model: the outcome is that of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from emoplugin import Dialogue, load
from safetensors.numpy import load_file

BIN = Path(sys.executable).parent
TOGETHER = (str(BIN / "torchrun"), "--nproc-per-node", "2", "--no-python")


def run(*arguments: str, launcher: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*launcher, str(BIN / "emoplugin"), "train", *arguments]
    # Processes of this one are on their own.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)


@pytest.fixture(scope="module")
def calm_encoder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder without dropout, which is drawn by process."""
    folder = tmp_path_factory.mktemp("calm")
    for file in tiny_encoder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_two_processes_train_the_model_that_one_trains(calm_encoder: Path, tmp_path: Path) -> None:
    settings = (
        "train=[{dataset: emoturns, limit: 10}]",
        "dev=[{dataset: emoturns, split: dev, limit: 5}]",
        f"model.encoder={calm_encoder}",
        "model.head.dropout=0",
        # 38 dialogues in batches of 37: in the last one there is nothing for the second process.
        "model.loop={epochs: 2, batch: 37, learning_rate: 0.001, accumulate: 2, checkpoint: 2}",
    )
    overrides = [part for setting in settings for part in ("--set", setting)]
    alone = run("bert-en", "--output", str(tmp_path / "alone"), *overrides)
    assert alone.returncode == 0, alone.stderr
    together = run("bert-en", "--output", str(tmp_path / "together"), *overrides, launcher=TOGETHER)
    assert together.returncode == 0, together.stderr
    assert together.stdout.split() == [str(tmp_path / "together" / "bundle")]

    first, second = (load_file(tmp_path / name / "stages" / "state.safetensors") for name in ("alone", "together"))
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], atol=1e-5, err_msg=name)
    logs = [(tmp_path / name / "log.jsonl").read_text(encoding="utf-8") for name in ("alone", "together")]
    assert len(logs[0].splitlines()) == len(logs[1].splitlines())
    assert load(tmp_path / "together" / "bundle").predict(Dialogue(["hello"])).label


def test_other_kinds_say_that_one_process_trains_them(tmp_path: Path) -> None:
    done = run("nelec-en-small", "--output", str(tmp_path / "run"), launcher=TOGETHER)
    assert done.returncode != 0
    assert "nelec-en-small: models of the kind nelec are trained by one process, and 2 were started." in done.stderr
    assert not (tmp_path / "run").exists()
