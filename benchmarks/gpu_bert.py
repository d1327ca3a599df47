"""BERT bundles on a GPU: whether they say what the CPU says, how fast they are, and how much of the card they use.

    python benchmarks/gpu_bert.py [BUNDLE ...] [--base]

Compares with transformers' pipeline at its best batch size, with the same encoder in bfloat16, and with the card's own
rate of bfloat16 matrix products. The dialogues are the dev rows of EmoTurns, several times over. ``--base`` makes a
bundle of BERT base's shape with random weights, and measures it too. Writes ``benchmarks/results/gpu_bert.json`` and
the page ``docs/benchmarks/gpu-bert.md``; without a bundle the page is made anew from the figures that are there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
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
from emoplugin.models.bert import NETWORK_WEIGHTS
from emoplugin.models.bundle import open_bundle
from emoplugin.models.gpu import TorchEncoder
from safetensors.numpy import load as load_tensors

from bert_speed import make_pipeline, table_of

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "gpu_bert.json"
PAGE = HERE.parent / "docs" / "benchmarks" / "gpu-bert.md"
# bfloat16 has 8 bits of fraction, and so has every step: a score of 8 is known to about 0.1.
TOLERANCE = 0.05
COPIES, REPEATS = 16, 5
PIPELINE_BATCHES, PIPELINE_ROWS = (64, 256, 1024), 4096
MATRIX, PRODUCTS = 8192, 50
COPIED = 1 << 31
TRAINING = {32: 4096, 256: 8192}
"""Dialogues a step, and dialogues in an epoch."""

INTRODUCTION = """# BERT on a GPU

What `model: bert-en` and its like do on a GPU: the dialogues are the dev rows of EmoTurns at the time,
{copies} times over, and `bert-en` is the bundle of that time. The pipeline is transformers' own `text-classification`
with the same encoder in bfloat16, at its best batch size; it reads text that has been through the text pass, emoplugin
what a user writes. The share of the card is that of its measured rate of bfloat16 products of {matrix} x {matrix}
matrices, counting the operations of the encoder's matrix products without padding.
Written by `benchmarks/gpu_bert.py` from `benchmarks/results/gpu_bert.json`.
"""

ROWS = (
    ("tokens a dialogue", "tokens", ".1f"),
    ("operations a dialogue, GFLOP", "gflop", ".3f"),
    ("weights, MB", "weights_mb", ".0f"),
    ("largest difference of a probability from float32", "difference_float32", ".4f"),
    ("largest difference of a probability from int8 on the CPU", "difference_int8", ".4f"),
    ("same label as int8 on the CPU", "agreement_int8", ".2%"),
    ("emoplugin, text to emotions, dialogues a second", "text", ",.0f"),
    ("transformers' pipeline, dialogues a second", "pipeline", ",.0f"),
    ("times the pipeline", "times_pipeline", ".1f"),
    ("emoplugin, tokens to scores, dialogues a second", "bulk", ",.0f"),
    ("in bulk, TFLOP/s", "tflops", ".0f"),
    ("share of the matrix rate", "share", ".0%"),
    ("one dialogue, median, ms", "single_ms", ".2f"),
    ("most memory at once, MB", "memory_mb", ",.0f"),
    ("training in batches of 32, dialogues a second", "training_32", ",.0f"),
    ("training in batches of 256, dialogues a second", "training_256", ",.0f"),
)
"""What the page shows: a name, a key of the results and a format."""


def main() -> None:
    """Measures what is given, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundles", type=Path, nargs="*")
    parser.add_argument("--base", action="store_true", help="measure BERT base's shape, too")
    arguments = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if arguments.bundles or arguments.base:
        if not torch.cuda.is_available():
            sys.exit("This benchmark needs a GPU, and torch sees none.")
        results = {"machine": machine(), "encoders": {}}
        for bundle in arguments.bundles:
            results["encoders"][open_bundle(bundle).name] = measure(bundle)
        if arguments.base:
            with tempfile.TemporaryDirectory() as folder:
                results["encoders"]["BERT base's shape, random weights"] = measure(base_bundle(Path(folder)))
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")
    worst = max(figures["difference_float32"] for figures in results["encoders"].values())
    if worst > TOLERANCE:
        sys.exit(f"A probability differs by {worst:.4f} from float32's, by more than {TOLERANCE}.")


def machine() -> dict[str, Any]:
    """The card, its measured ceilings, and the libraries."""
    found = {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "matrix_tflops": matrix_rate() / 1e12,
        "copy_tb": copy_rate() / 1e12,
    }
    print(found, flush=True)
    return found


def measure(folder: Path) -> dict[str, float]:
    """The figures of a bundle."""
    dialogues = [example.dialogue for example in load_dataset("emoturns", None, "dev")]
    many = dialogues * COPIES
    torch.cuda.reset_peak_memory_stats()
    model: Any = load(folder, device="cuda")
    figures = compare(folder, model, dialogues)
    show(figures)
    figures["single_ms"] = 1000 * float(np.median([seconds(lambda: model.predict(dialogues[0])) for _ in range(200)]))
    figures["text"] = speed(lambda: model.predict_batch(many), len(many), 2)
    texts = [[model.normalizer.normalize(turn) for turn in dialogue.window()] for dialogue in many]
    batch = model.tokenizer.batch([turn for window in texts for turn in window])
    figures["bulk"] = speed(lambda: model.score(batch), len(many))
    figures["memory_mb"] = torch.cuda.max_memory_allocated() / 1e6
    network = model.score.network
    work = flops(network, batch.lengths) / len(many)
    figures |= {
        "tokens": float(batch.lengths.mean()),
        "gflop": work / 1e9,
        "weights_mb": sum(value.nbytes for value in network.state_dict().values()) / 1e6,
        "tflops": work * figures["bulk"] / 1e12,
    }
    show(figures)
    pipeline = make_pipeline(folder, "cuda")
    pipeline.model.to(torch.bfloat16)
    joined = [" [SEP] ".join(window) for window in texts[:PIPELINE_ROWS]]
    for size in PIPELINE_BATCHES:
        pipeline(joined[:size], batch_size=size)
        theirs = speed(lambda size=size: pipeline(joined, batch_size=size), len(joined), 1)
        figures["pipeline"] = max(figures.get("pipeline", 0.0), theirs)
        show({f"pipeline, batches of {size}": theirs})
    figures["times_pipeline"] = figures["text"] / figures["pipeline"]
    for size, rows in TRAINING.items():
        figures[f"training_{size}"] = training_rate(network, batch, size, rows)
    show(figures)
    return figures


def compare(folder: Path, model: Any, dialogues: list[Any]) -> dict[str, float]:
    """How far the GPU's probabilities are from float32's with the same weights, and from the CPU's."""
    bundle = open_bundle(folder)
    arrays = load_tensors(bundle.path(NETWORK_WEIGHTS).read_bytes())
    served: Any = load(folder, device="cpu")
    probabilities = model.predict_proba(dialogues)
    in_bytes = served.predict_proba(dialogues)
    vectors = served.score.args[1]
    served.score = TorchEncoder(
        bundle.config["encoder"], bundle.config["head"], vectors, arrays, len(bundle.labels), "cpu"
    )
    exact = served.predict_proba(dialogues)
    return {
        "difference_float32": float(np.abs(probabilities - exact).max()),
        "difference_int8": float(np.abs(probabilities - in_bytes).max()),
        "agreement_int8": float((probabilities.argmax(axis=1) == in_bytes.argmax(axis=1)).mean()),
    }


def base_bundle(folder: Path) -> Path:
    """A bundle of BERT base's shape with random weights, scarcely trained."""
    from emoplugin.training.encoders import TOKENIZER, encoder_folder
    from emoplugin.training.recipe import load_recipe
    from emoplugin.training.run import run_recipe

    encoder = folder / "encoder"
    transformers.BertModel(transformers.BertConfig()).save_pretrained(encoder)
    shutil.copy(encoder_folder("", "model.encoder") / TOKENIZER, encoder)
    settings = [
        f"model.encoder={encoder}",
        "train=[{dataset: emoturns, limit: 64}]",
        "dev=[]",
        "model.loop={epochs: 1, learning_rate: 1.0e-5}",
        "model.range_rows=16",
    ]
    run_recipe(load_recipe("bert-en", settings), None, folder / "run")
    return folder / "run" / "bundle"


def speed(work: Callable[[], object], rows: int, repeats: int = REPEATS) -> float:
    """Rows a second in the best of several runs after one to warm up."""
    work()
    return rows / min(seconds(work) for _ in range(repeats))


def seconds(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def flops(network: Any, lengths: Any) -> float:
    """Operations of the matrix products of all dialogues without padding, two for a multiplication and its addition."""
    shape = network.core.encoder.config
    matrices = sum(module.weight.numel() for module in network.core.encoder.modules() if hasattr(module, "in_features"))
    # Queries by keys, and weights by values.
    attention = 4 * shape.num_hidden_layers * shape.hidden_size * np.square(lengths.astype(np.float64)).sum()
    return float(2 * matrices * lengths.sum() + attention)


def matrix_rate() -> float:
    """Operations a second of large matrix products in bfloat16."""
    first, second = (torch.randn(MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16) for _ in range(2))

    def multiply() -> None:
        for _ in range(PRODUCTS):
            torch.mm(first, second)

    return PRODUCTS * 2 * MATRIX**3 / min(seconds(multiply) for _ in range(REPEATS))


def copy_rate() -> float:
    """Bytes a second of a large copy inside the card's memory, read and written."""
    source = torch.empty(COPIED, device="cuda", dtype=torch.uint8).random_()
    target = torch.empty_like(source)
    return 2 * COPIED / min(seconds(lambda: target.copy_(source)) for _ in range(REPEATS))


def training_rate(network: torch.nn.Module, batch: Any, size: int, rows: int) -> float:
    """Dialogues a second of the training loop in its second epoch; the network is of no use afterwards."""
    from emoplugin.training.finetune import FinetuneConfig, finetune
    from emoplugin.training.loop import Batches, token_rows

    chosen = token_rows(batch)[:rows]
    targets = np.eye(4, dtype=np.float32)[np.arange(len(chosen)) % 4]
    data = Batches(chosen, np.zeros((len(chosen), 0), np.float32), targets, np.ones(len(chosen), np.float32))
    epochs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        finetune(
            network.float(),
            data,
            FinetuneConfig(epochs=2, batch=size, checkpoint=1 << 30),
            multi_label=False,
            seed=1,
            measure=None,
            folder=Path(folder),
            log=epochs.append,
            advance=lambda _done, _all: None,
        )
    return len(chosen) / epochs[-1]["seconds"]


def show(figures: dict[str, float]) -> None:
    print(", ".join(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)


def page(results: dict[str, Any]) -> str:
    """The page: the machine, and a column for each encoder."""
    about = results["machine"]
    text = INTRODUCTION.format(copies=COPIES, matrix=MATRIX)
    rates = f"{about['matrix_tflops']:.0f} TFLOP/s, and {about['copy_tb']:.2f} TB/s read and written by a copy"
    text += (
        f"\nMeasured on one {about['card']} with torch {about['torch']} and transformers {about['transformers']}. "
        f"Its ceilings, measured in the same run: {rates}.\n\n"
    )
    encoders = {
        name: figures | {"share": figures["tflops"] / about["matrix_tflops"]}
        for name, figures in results["encoders"].items()
    }
    rows = [
        [label, *(format(figures[key], form) if key in figures else "not measured" for figures in encoders.values())]
        for label, key, form in ROWS
    ]
    return text + table_of(["", *encoders], rows)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
