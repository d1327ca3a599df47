"""A BERT bundle beside transformers' own pipeline with the same encoder in float32, on the same dialogues, on the CPU.

    python benchmarks/bert_speed.py [BUNDLE]

Measures the median time of one dialogue, and dialogues a second in bulk; the pipeline's bulk is its best of several
batch sizes. The dialogues are the dev rows of EmoTurns. The pipeline reads what the text pass makes of them, so that it
is spared that work. Writes ``benchmarks/results/bert_speed.json`` and the page ``docs/benchmarks/bert-speed.md``;
without a bundle the page is made anew from the figures that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import transformers
from emoplugin import load
from emoplugin.datasets import load_dataset
from emoplugin.models.bert import NETWORK_WEIGHTS, TOKENIZER, VECTORS
from emoplugin.models.bundle import open_bundle
from emoplugin.models.gpu import restored
from emoplugin.models.tokens import TokenVectors
from safetensors.numpy import load as load_tensors

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "bert_speed.json"
PAGE = HERE.parent / "docs" / "benchmarks" / "bert-speed.md"
SINGLE, COPIES = 200, 4
BATCHES = (8, 32, 64, 128)

INTRODUCTION = """# BERT on a CPU

`{name}` in int8 by ONNX Runtime beside transformers' own `text-classification` pipeline with the same encoder in
float32, in one run on the same dialogues: the dev rows of EmoTurns. emoplugin reads what a user writes; the pipeline is
spared the text pass. In bulk the pipeline has the batch size that suits it best.
Written by `benchmarks/bert_speed.py` from `benchmarks/results/bert_speed.json`.
"""


def main() -> None:
    """Measures a bundle, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, nargs="?")
    bundle = parser.parse_args().bundle
    if bundle is not None:
        RESULTS.write_text(json.dumps(measure(bundle), indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")


def measure(folder: Path) -> dict[str, Any]:
    """The figures of a bundle and of the pipeline."""
    model: Any = load(folder, device="cpu")
    dialogues = [example.dialogue for example in load_dataset("emoturns", None, "dev")]
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    pipeline = make_pipeline(folder, "cpu")
    texts = [" [SEP] ".join(model.normalizer.normalize(turn) for turn in dialogue.window()) for dialogue in dialogues]
    return {
        "bundle": open_bundle(folder).name,
        "processor": processor(),
        "cores": cores,
        "onnxruntime": onnxruntime.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "emoplugin": {"ms": single(model.predict, dialogues), "bulk": bulk(model.predict_batch, dialogues * COPIES)},
        "pipeline": {
            "ms": single(pipeline, texts),
            "bulk": max(bulk(lambda part, size=size: pipeline(part, batch_size=size), texts) for size in BATCHES),
        },
    }


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


def single(work: Callable[[Any], object], rows: Sequence[Any]) -> float:
    """Median milliseconds of one row, after a round to warm up."""
    times = []
    for _ in range(2):
        times = [_seconds(work, row) for row in rows[:SINGLE]]
    return 1000 * statistics.median(times)


def bulk(work: Callable[[Any], object], rows: Sequence[Any]) -> float:
    """Rows a second."""
    work(rows[:SINGLE])
    return len(rows) / _seconds(work, rows)


def _seconds(work: Callable[[Any], object], rows: Any) -> float:
    start = time.perf_counter()
    work(rows)
    return time.perf_counter() - start


def processor() -> str:
    """The processor in words."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def page(results: dict[str, Any]) -> str:
    """The page."""
    ours, theirs = results["emoplugin"], results["pipeline"]
    about = (
        f"\nMeasured on {results['cores']} cores ({results['processor']}) with onnxruntime {results['onnxruntime']}, "
        f"torch {results['torch']} and transformers {results['transformers']}.\n\n"
    )
    rows = [
        ["one dialogue, median, ms", f"{ours['ms']:.2f}", f"{theirs['ms']:.2f}", f"{ours['ms'] / theirs['ms']:.2f}"],
        ["dialogues a second", f"{ours['bulk']:.0f}", f"{theirs['bulk']:.0f}", f"{ours['bulk'] / theirs['bulk']:.1f}"],
    ]
    text = INTRODUCTION.format(name=results["bundle"]) + about
    return text + table_of(["", "emoplugin", "pipeline", "emoplugin / pipeline"], rows)


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
