"""The training loop of a network."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from emoplugin.models.features import Float32
from emoplugin.models.tokens import TokenBatch
from emoplugin.training.limits import COUNT, NOT_NEGATIVE, PART, POSITIVE, check
from emoplugin.training.network import NelecNetwork

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LoopConfig:
    """How a network is trained.

    Attributes:
        epochs: Most passes over the data.
        patience: Epochs without a better dev score after which training stops.
        batch: Dialogues a step.
        learning_rate: Highest learning rate. It rises over the first tenth of the steps and falls along a cosine, or
            goes up and down in triangles where ``cyclic`` is set (Smith 2017).
        embedding_rate: Learning rate of the embeddings, as a share of the others'.
        weight_decay: Decoupled weight decay (AdamW).
        label_smoothing: Share of the target's probability that is spread over all labels.
        average: Decay of the running average of the weights that is evaluated and kept; 0 keeps the last weights.
        cyclic: Whether the learning rate follows triangles of two epochs.
        clip: Highest norm of the gradient.
    """

    epochs: int = 8
    patience: int = 3
    batch: int = 64
    learning_rate: float = 2e-3
    embedding_rate: float = 0.3
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    average: float = 0.998
    cyclic: bool = False
    clip: float = 1.0

    def __post_init__(self) -> None:
        check(self, epochs=COUNT, batch=COUNT, learning_rate=POSITIVE, clip=POSITIVE)
        check(self, patience=NOT_NEGATIVE, embedding_rate=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE)
        check(self, label_smoothing=PART, average=PART)


@dataclass(frozen=True)
class Batches:
    """What a network is trained on.

    Attributes:
        rows: Token numbers of each dialogue with the turn of each token.
        dense: Standardised dense features, ``[dialogues, features]``.
        targets: Probability of each label, ``[dialogues, labels]``.
        weights: Weight of each dialogue in the loss.
    """

    rows: list[tuple[Int64, Int64]]
    dense: Float32
    targets: Float32
    weights: Float32

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, chosen: Int64) -> Batches:
        rows = [self.rows[index] for index in chosen]
        return Batches(rows, self.dense[chosen], self.targets[chosen], self.weights[chosen])

    def tensors(self, chosen: Int64) -> tuple[torch.Tensor, ...]:
        rows = [self.rows[index] for index in chosen]
        lengths = torch.tensor([len(tokens) for tokens, _ in rows])
        tokens = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        turns = torch.full_like(tokens, -1)
        for index, (numbers, marks) in enumerate(rows):
            tokens[index, : len(numbers)] = torch.from_numpy(numbers)
            turns[index, : len(marks)] = torch.from_numpy(marks)
        return tokens, turns, lengths, torch.from_numpy(self.dense[chosen])

    def shuffled(self, size: int, generator: np.random.Generator) -> Iterator[Int64]:
        """Batches of dialogues of like length, in random order."""
        order = generator.permutation(len(self))
        lengths = np.array([len(tokens) for tokens, _ in self.rows])
        pools = [order[start : start + size * 50] for start in range(0, len(order), size * 50)]
        batches = []
        for pool in pools:
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += [pool[start : start + size] for start in range(0, len(pool), size)]
        for index in generator.permutation(len(batches)):
            yield batches[index]


def token_rows(batch: TokenBatch) -> list[tuple[Int64, Int64]]:
    return [
        (batch.tokens[index, :length].copy(), batch.turns[index, :length].copy())
        for index, length in enumerate(batch.lengths)
    ]


def predict_network(network: NelecNetwork, data: Batches, size: int = 256) -> Float32:
    """Scores of the network, ``[dialogues, labels]``."""
    network.eval()
    device = next(network.parameters()).device
    order = np.argsort([len(tokens) for tokens, _ in data.rows], kind="stable")
    scores = np.zeros(data.targets.shape, dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            tensors = [tensor.to(device) for tensor in data.tensors(chosen)]
            scores[chosen] = network(*tensors).float().cpu().numpy()
    return scores


def train_network(
    network: NelecNetwork,
    data: Batches,
    config: LoopConfig,
    *,
    seed: int,
    score: Callable[[NelecNetwork], float] | None = None,
    checkpoint: Path | None = None,
    log: Callable[[dict[str, Any]], None] = lambda _: None,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Trains in place and leaves the best weights in the network.

    Args:
        network: The network, on the device it is to be trained on.
        data: Training data.
        config: The arguments.
        seed: Every random choice follows from it.
        score: A dev score, higher is better, asked for after each epoch; without it all epochs are run.
        checkpoint: A folder. What an epoch ended with is kept there, and training goes on from it where there is one.
        log: Called with the figures of each epoch.
        advance: Called with steps done and steps in all.
    """
    device = next(network.parameters()).device
    embeddings = [parameter for parameter in network.embedding.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [{"params": list(network.core.parameters()), "share": 1.0}]
    if embeddings:
        groups.append({"params": embeddings, "share": config.embedding_rate, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    steps_per_epoch = math.ceil(len(data) / config.batch)
    total = steps_per_epoch * config.epochs
    state = _State(network, optimizer)
    if checkpoint is not None:
        state.resume(checkpoint)
    for epoch in range(state.epoch, config.epochs):
        if score is not None and epoch - state.best_epoch > config.patience:
            break
        # Seeded by epoch, so that a resumed training draws what an unbroken one would have drawn.
        torch.manual_seed(seed * 1000 + epoch)
        generator = np.random.default_rng((seed, epoch))
        network.train()
        started, loss_sum = time.monotonic(), 0.0
        for step, chosen in enumerate(data.shuffled(config.batch, generator), epoch * steps_per_epoch):
            rate = config.learning_rate * _rate(step, total, steps_per_epoch, config.cyclic)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["share"]
            scores = network(*(tensor.to(device) for tensor in data.tensors(chosen)))
            targets = torch.from_numpy(data.targets[chosen]).to(device)
            weights = torch.from_numpy(data.weights[chosen]).to(device)
            losses = F.cross_entropy(scores, targets, label_smoothing=config.label_smoothing, reduction="none")
            loss = (losses * weights).sum() / weights.sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip)
            optimizer.step()
            state.average(config.average)
            loss_sum += float(loss.detach())
            advance(step + 1, total)
        figures: dict[str, Any] = {
            "epoch": epoch + 1,
            "loss": loss_sum / steps_per_epoch,
            "seconds": time.monotonic() - started,
        }
        with state.averaged():
            if score is not None:
                figures["score"] = score(network)
            state.keep(epoch, figures.get("score"))
        log(figures)
        if checkpoint is not None:
            state.save(checkpoint)
    network.load_state_dict(state.best)


def _rate(step: int, total: int, epoch: int, cyclic: bool) -> float:
    if cyclic:
        position = (step / epoch) % 2.0
        return 0.1 + 0.9 * (position if position < 1.0 else 2.0 - position)
    warm = max(total // 10, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(total - warm, 1)))


class _Averaged:
    """Puts the averaged weights into the network for the length of a ``with``."""

    def __init__(self, network: NelecNetwork, shadow: dict[str, torch.Tensor]) -> None:
        self.network, self.shadow = network, shadow

    def __enter__(self) -> None:
        self.live = _copy(self.network)
        self.network.load_state_dict(self.shadow)

    def __exit__(self, *_: object) -> None:
        self.network.load_state_dict(self.live)


class _State:
    """Where a training stands: weights, their running average, the best ones so far, and the optimiser."""

    def __init__(self, network: NelecNetwork, optimizer: torch.optim.Optimizer) -> None:
        self.network, self.optimizer = network, optimizer
        self.shadow = _copy(network)
        self.best = _copy(network)
        self.best_score = -math.inf
        self.best_epoch = 0
        self.epoch = 0
        self.updates = 0

    def average(self, decay: float) -> None:
        self.updates += 1
        # Early on the average follows quickly, so that it does not remember the random start.
        decay = min(decay, self.updates / (self.updates + 10)) if decay else 0.0
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.shadow[name].lerp_(value, 1.0 - decay)

    def averaged(self) -> _Averaged:
        return _Averaged(self.network, self.shadow)

    def keep(self, epoch: int, score: float | None) -> None:
        self.epoch = epoch + 1
        if score is None or score > self.best_score:
            self.best, self.best_epoch = _copy(self.network), epoch
            self.best_score = -math.inf if score is None else score

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"live/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"shadow/{name}": value for name, value in self.shadow.items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        for number, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{name}": value for name, value in values.items()}
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        numbers = {
            "epoch": self.epoch,
            "updates": self.updates,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score if math.isfinite(self.best_score) else None,
        }
        temporary = folder / "state.partial"
        save_file(tensors, temporary, metadata={"state": json.dumps(numbers)})
        temporary.replace(folder / "state.safetensors")

    def resume(self, folder: Path) -> None:
        path = folder / "state.safetensors"
        if not path.is_file():
            return
        with safe_open(path, "pt") as file:  # type: ignore[no-untyped-call, attr-defined]
            numbers = json.loads(file.metadata()["state"])
        self.epoch, self.updates, self.best_epoch = numbers["epoch"], numbers["updates"], numbers["best_epoch"]
        self.best_score = -math.inf if numbers["best_score"] is None else numbers["best_score"]
        parts: dict[str, dict[str, torch.Tensor]] = {"live": {}, "shadow": {}, "best": {}, "optimizer": {}}
        for name, value in load_file(path).items():
            part, _, rest = name.partition("/")
            parts[part][rest] = value
        self.network.load_state_dict(parts["live"])
        self.shadow, self.best = parts["shadow"], parts["best"]
        device = next(self.network.parameters()).device
        self.shadow = {name: value.to(device) for name, value in self.shadow.items()}
        state = self.optimizer.state_dict()
        state["state"] = {}
        for name, value in parts["optimizer"].items():
            number, _, key = name.partition("/")
            state["state"].setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict(state)


def _copy(network: NelecNetwork) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
