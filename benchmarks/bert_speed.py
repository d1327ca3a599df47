"""A BERT bundle beside transformers' own pipeline with the same encoder in float32, on the same dialogues.

    python benchmarks/bert_speed.py BUNDLE
    python benchmarks/bert_speed.py BUNDLE --device cuda

Prints the median time of one dialogue, and dialogues a second in bulk; the pipeline's bulk is its best of several batch
sizes. On a GPU it first checks that the probabilities are those of the CPU. The dialogues are the dev rows of EmoTurns.
The pipeline reads what the text pass makes of them, so that it is spared that work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from emoplugin import load
from emoplugin.datasets import load_dataset
from emoplugin.models.bert import NETWORK_WEIGHTS, TOKENIZER, VECTORS
from emoplugin.models.bundle import open_bundle
from emoplugin.models.gpu import restored
from emoplugin.models.tokens import TokenVectors
from safetensors.numpy import load as load_tensors

SINGLE, COPIES = 200, 4
BATCHES = (8, 32, 64, 128)
TOLERANCE = 0.02


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    model: Any = load(arguments.bundle, device=arguments.device)
    dialogues = [example.dialogue for example in load_dataset("emoturns", None, "dev")]
    if arguments.device != "cpu":
        difference = np.abs(
            model.predict_proba(dialogues) - load(arguments.bundle, device="cpu").predict_proba(dialogues)
        )
        print(f"largest difference of a probability from the CPU's: {difference.max():.4f}")
        assert difference.max() < TOLERANCE
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    pipeline = make_pipeline(arguments.bundle, arguments.device)
    texts = [" [SEP] ".join(model.normalizer.normalize(turn) for turn in dialogue.window()) for dialogue in dialogues]
    singles = [
        report_single("emoplugin", model.predict, dialogues),
        report_single("pipeline", pipeline, texts),
    ]
    bulk = [
        report_bulk("emoplugin", model.predict_batch, dialogues * COPIES),
        max(
            report_bulk(f"pipeline, batches of {size}", lambda part, size=size: pipeline(part, batch_size=size), texts)
            for size in BATCHES
        ),
    ]
    print(f"emoplugin takes {singles[0] / singles[1]:.2f} of the pipeline's time for one dialogue")
    print(f"emoplugin does {bulk[0] / bulk[1]:.1f} times as many dialogues in bulk")


def make_pipeline(bundle_folder: Path, device: str) -> Any:
    """The encoder of a bundle with a new head, as transformers serves it."""
    bundle = open_bundle(bundle_folder)
    shape = {key: value for key, value in bundle.config["encoder"].items() if key != "model_type"}
    config = transformers.AutoConfig.for_model(bundle.config["encoder"]["model_type"], num_labels=4, **shape)
    classifier = transformers.AutoModelForSequenceClassification.from_config(config)
    weights = restored(load_tensors(bundle.path(NETWORK_WEIGHTS).read_bytes()))
    prefix = "core.encoder."
    encoder = {name.removeprefix(prefix): torch.from_numpy(value) for name, value in weights.items() if prefix in name}
    classifier.base_model.load_state_dict(encoder, strict=False)
    vectors = TokenVectors.from_arrays(load_tensors(bundle.path(VECTORS).read_bytes()))
    table = torch.from_numpy(vectors.look_up(np.arange(len(vectors.table))))
    classifier.get_input_embeddings().weight.data = table
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(bundle.path(TOKENIZER)),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    with tempfile.TemporaryDirectory() as folder:
        classifier.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return transformers.pipeline("text-classification", model=folder, tokenizer=folder, device=device)


def report_single(name: str, work: Callable[[Any], object], rows: list[Any]) -> float:
    for row in rows[:SINGLE]:
        work(row)
    times = []
    for row in rows[:SINGLE]:
        start = time.perf_counter()
        work(row)
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(f"{name:26} {1000 * median:8.2f} ms for one dialogue, median")
    return median


def report_bulk(name: str, work: Callable[[Any], object], rows: list[Any]) -> float:
    work(rows[:SINGLE])
    start = time.perf_counter()
    work(rows)
    speed = len(rows) / (time.perf_counter() - start)
    print(f"{name:26} {speed:8.0f} dialogues a second")
    return speed


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
