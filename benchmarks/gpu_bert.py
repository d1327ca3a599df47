"""A BERT bundle on a GPU: whether it says what the CPU says, how fast it is, and how much of the card it uses.

    python benchmarks/gpu_bert.py BUNDLE

Compares with transformers' pipeline at its best batch size, with the same encoder in bfloat16, and with the card's own
rate of bfloat16 matrix products. The dialogues are the dev rows of EmoTurns, several times over.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from emoplugin import load
from emoplugin.datasets import load_dataset

from bert_speed import make_pipeline

TOLERANCE = 0.02
COPIES, REPEATS = 16, 5
PIPELINE_BATCHES = (32, 128, 512, 1024)
MATRIX, PRODUCTS = 8192, 50
TRAINING_BATCH, TRAINING_STEPS = 256, 20


def main() -> None:
    """Checks, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    bundle = parser.parse_args().bundle
    if not torch.cuda.is_available():
        sys.exit("This benchmark needs a GPU, and torch sees none.")
    print(torch.cuda.get_device_name())
    dialogues = [example.dialogue for example in load_dataset("emoturns", None, "dev")]
    model: Any = load(bundle, device="cuda")
    difference = np.abs(model.predict_proba(dialogues) - load(bundle, device="cpu").predict_proba(dialogues)).max()
    print(f"largest difference of a probability from the CPU's: {difference:.4f}")
    if difference > TOLERANCE:
        sys.exit(f"That is more than {TOLERANCE}: what follows would be the speed of something else.")

    many = dialogues * COPIES
    ours = report("emoplugin, text to emotions", lambda: model.predict_batch(many), len(many))
    texts = [[model.normalizer.normalize(turn) for turn in dialogue.window()] for dialogue in many]
    batch = model.tokenizer.batch([turn for window in texts for turn in window])
    encoder = report("emoplugin, tokens to scores", lambda: model.score(batch), len(many))
    pipeline = make_pipeline(bundle, "cuda")
    pipeline.model.to(torch.bfloat16)
    joined = [" [SEP] ".join(window) for window in texts]
    theirs = max(
        report(f"pipeline, batches of {size}", lambda size=size: pipeline(joined, batch_size=size), len(joined), 1)
        for size in PIPELINE_BATCHES
    )
    print(f"{ours / theirs:.1f} times the pipeline's dialogues a second")

    network = model.score.network
    work = flops(network, batch.lengths) / len(many)
    peak = matrix_rate()
    print(f"matrix products in bfloat16: {peak / 1e12:.0f} TFLOP/s")
    print(f"a dialogue: {batch.lengths.mean():.1f} tokens, {work / 1e9:.3f} GFLOP")
    print(f"in bulk: {work * encoder / 1e12:.1f} TFLOP/s, {work * encoder / peak:.0%} of the matrix rate")
    print(f"weights: {sum(value.nbytes for value in network.state_dict().values()) / 1e6:.0f} MB")
    print(f"most memory at once: {torch.cuda.max_memory_allocated() / 1e6:.0f} MB")
    report_training(network, batch)


def report(name: str, work: Callable[[], object], rows: int, repeats: int = REPEATS) -> float:
    """Runs once to warm up, then prints and returns rows a second of the best of several runs."""
    speed = rows / min(seconds(work) for _ in range(repeats + 1))
    print(f"{name:30} {speed:10.0f} dialogues a second")
    return speed


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


def report_training(network: torch.nn.Module, batch: Any) -> None:
    """Prints the rate of training steps on one batch; the network is of no use afterwards."""
    network = network.float().train()
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    # Rows of like length together, as training batches them.
    rows = np.argsort(batch.lengths)[len(batch.lengths) // 2 :][:TRAINING_BATCH]
    length = int(batch.lengths[rows].max())
    tokens, turns = (torch.from_numpy(values[rows, :length]).cuda() for values in (batch.tokens, batch.turns))
    targets = torch.zeros(len(rows), dtype=torch.long, device="cuda")

    def train() -> None:
        for _ in range(TRAINING_STEPS):
            with torch.autocast("cuda", torch.bfloat16):
                loss = torch.nn.functional.cross_entropy(network(tokens, turns).float(), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    report("training", train, TRAINING_STEPS * len(rows))


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main()
