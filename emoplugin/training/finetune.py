"""The training loop of a pre-trained encoder."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from emoplugin.errors import InputError
from emoplugin.models.encoder import EncoderNetwork
from emoplugin.models.tokens import Float32, Int64
from emoplugin.training.limits import COUNT, NOT_NEGATIVE, PART, POSITIVE, check
from emoplugin.training.loop import Batches
from emoplugin.training.losses import LossConfig, divergence, losses
from emoplugin.training.processes import together

PRECISIONS = ("auto", "fp32", "bf16")
STATE = "state.safetensors"

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class FinetuneConfig:
    """How an encoder is fine-tuned.

    Attributes:
        epochs: Most passes over the data.
        patience: Epochs without a better dev score after which training stops.
        batch: Dialogues a step.
        accumulate: Steps whose gradients are added up before the weights change.
        learning_rate: Highest learning rate of the encoder's last block. It rises over ``warm_up`` and falls to 0 along
            a line.
        layer_decay: Share of the learning rate that each block has of the one above it; the token embeddings are the
            lowest.
        head_rate: How many times the learning rate what is new learns with: the scores' layer and the turn embeddings.
        warm_up: Share of the steps over which the learning rate rises.
        frozen: How many of the lowest blocks, the token embeddings first, stay as they are: 0 trains all, more than the
            encoder has trains the head alone.
        weight_decay: Decoupled weight decay of matrices (AdamW).
        loss: What is minimised.
        clip: Highest norm of the gradient.
        precision: ``fp32``, ``bf16`` (matrix products in bfloat16), or ``auto``: bf16 where the device is
            made for it.
        checkpoint: Steps between two checkpoints; there is one after each epoch besides.
    """

    epochs: int = 3
    patience: int = 2
    batch: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    layer_decay: float = 0.9
    head_rate: float = 10.0
    warm_up: float = 0.1
    frozen: int = 0
    weight_decay: float = 0.01
    loss: LossConfig = field(default_factory=LossConfig)
    clip: float = 1.0
    precision: str = "auto"
    checkpoint: int = 200

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}; expected one of {', '.join(PRECISIONS)}.")
        check(self, epochs=COUNT, batch=COUNT, accumulate=COUNT, checkpoint=COUNT)
        check(self, patience=NOT_NEGATIVE, frozen=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE, warm_up=PART)
        check(self, learning_rate=POSITIVE, layer_decay=POSITIVE, head_rate=POSITIVE, clip=POSITIVE)


def finetune(
    network: EncoderNetwork,
    data: Batches,
    config: FinetuneConfig,
    *,
    multi_label: bool,
    seed: int,
    measure: Callable[[EncoderNetwork], dict[str, float]] | None,
    folder: Path,
    log: Callable[[dict[str, Any]], None],
    advance: Callable[[int, int], None],
) -> None:
    """Trains in place and leaves the best weights in the network.

    Where several processes were started together (torchrun, accelerate launch), each reads its share of every batch,
    and the gradients are those of the whole batch. The first one measures and keeps the checkpoints.

    Args:
        network: The network, on the device it is to be trained on.
        data: Training data. Their dense features are not read.
        config: The arguments.
        multi_label: Whether each label is decided on its own.
        seed: Every random choice follows from it.
        measure: Figures on dev data, asked for after each epoch and logged; ``score`` among them decides, higher is
            better. Without it all epochs are run.
        folder: Where checkpoints are kept. Training goes on from the one that is there.
        log: Called with the figures of each checkpoint and epoch.
        advance: Called with steps done and steps in all.
    """
    shared = together()
    optimizer = torch.optim.AdamW(parameter_groups(network, config), lr=config.learning_rate, fused=True)
    parallel = shared.prepare_model(network)
    steps = math.ceil(len(data) / config.batch)
    total = steps * config.epochs
    state = _State(network, optimizer, folder / STATE)
    while state.step < total:
        epoch, done = divmod(state.step, steps)
        if done == 0 and measure is not None and epoch - state.best_epoch > config.patience:
            break
        network.train()
        started = time.monotonic()
        # Drawn by epoch and step, so that a resumed training draws what an unbroken one would have drawn.
        batches = list(data.shuffled(config.batch, np.random.default_rng((seed, epoch))))
        for step in range(state.step, (epoch + 1) * steps):
            torch.manual_seed((seed * 1_000_003 + step) * shared.num_processes + shared.process_index)
            last = step + 1 == (epoch + 1) * steps
            update = last or (step + 1) % config.accumulate == 0
            with contextlib.nullcontext() if update else shared.no_sync(parallel):
                loss = _loss(parallel, data, batches[step - epoch * steps], config, multi_label, shared)
                (loss / config.accumulate).backward()
            # Read only where it is told: reading waits for the device.
            state.loss = state.loss + loss.detach()
            if update:
                for group in optimizer.param_groups:
                    group["lr"] = config.learning_rate * group["share"] * _rate((step + 0.5) / total, config.warm_up)
                nn.utils.clip_grad_norm_(network.parameters(), config.clip)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                state.step = step + 1
                if not last and state.step % config.checkpoint < config.accumulate:
                    state.loss = shared.reduce(state.loss, "mean")
                    if shared.is_main_process:
                        state.save()
                    log({"step": state.step, "of": total, "loss": float(state.loss) / (state.step - epoch * steps)})
            advance(step + 1, total)
        loss_of_all = float(shared.reduce(state.loss, "mean"))
        figures = {"epoch": epoch + 1, "loss": loss_of_all / steps, "seconds": time.monotonic() - started}
        if measure is not None:
            # What one process measures decides for all, so that they stop shared.
            figures |= broadcast_object_list([measure(network) if shared.is_main_process else {}])[0]
        state.keep(epoch, figures.get("score"))
        if shared.is_main_process:
            state.save()
        log(figures)
    network.load_state_dict(state.best)


def _loss(
    network: nn.Module,
    data: Batches,
    batch: Int64,
    config: FinetuneConfig,
    multi_label: bool,
    shared: Accelerator,
) -> torch.Tensor:
    """The loss of this process's share of a batch, such that the mean over the processes is that of the batch."""
    device = shared.device
    inside = shared.process_index < len(batch)
    # A process for which a small batch has no dialogue left reads one that counts nothing.
    chosen = batch[shared.process_index :: shared.num_processes] if inside else batch[:1]
    tokens, turns, _, _ = data.tensors(chosen)

    def scores() -> torch.Tensor:
        with precision(config.precision, device):
            found: torch.Tensor = network(tokens.to(device), turns.to(device)).float()
        return found

    targets = torch.from_numpy(data.targets[chosen]).to(device)
    weights = torch.from_numpy(data.weights[chosen] * inside).to(device)
    first = scores()
    rows = losses(first, targets, config.loss, multi_label)
    if config.loss.agreement:
        second = scores()
        rows = (rows + losses(second, targets, config.loss, multi_label)) / 2.0
        rows = rows + config.loss.agreement * divergence(first, second, multi_label)
    return (rows * weights).sum() * shared.num_processes / float(data.weights[batch].sum())


def parameter_groups(network: EncoderNetwork, config: FinetuneConfig) -> list[dict[str, Any]]:
    """Parameters with the share of the learning rate they learn with. Frozen ones are in none and need no gradient."""
    highest = max(_block(name) or 0 for name, _ in network.named_parameters())
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        block = _block(name)
        if block is not None and block < config.frozen:
            parameter.requires_grad_(False)
            continue
        share = config.head_rate if block is None else config.layer_decay ** (highest - block)
        decay = config.weight_decay if parameter.dim() > 1 and block != 0 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    return [{"params": found, "share": share, "weight_decay": decay} for (share, decay), found in groups.items()]


_LAYER = re.compile(r"\.layers?\.(\d+)\.")


def _block(name: str) -> int | None:
    """Which block of the encoder, from below, a parameter belongs to; embeddings are 0, and what is new is in none."""
    if not name.startswith(("embedding.", "core.encoder.")):
        return None
    layer = _LAYER.search(name)
    return int(layer[1]) + 1 if layer else 0


def precision(name: str, device: torch.device) -> Any:
    """A context in which matrix products are computed as the name says on the device."""
    native = device.type == "cuda" or any(_capabilities().get(key) for key in ("avx512_bf16", "amx_bf16"))
    low = name == "bf16" or (name == "auto" and native)
    return torch.autocast(device.type, torch.bfloat16) if low else contextlib.nullcontext()


@functools.cache
def _capabilities() -> dict[str, Any]:
    """What the processor can do; torch before 2.12 does not tell."""
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return found


def predict_encoder(network: EncoderNetwork, data: Batches, config: FinetuneConfig, size: int = 128) -> Float32:
    """Scores of the network in its training precision, ``[dialogues, labels]``."""
    network.eval()
    device = next(network.parameters()).device
    order = np.argsort([len(tokens) for tokens, _ in data.rows], kind="stable")
    scores = np.zeros(data.targets.shape, dtype=np.float32)
    with torch.inference_mode(), precision(config.precision, device):
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            tokens, turns, _, _ = data.tensors(chosen)
            scores[chosen] = network(tokens.to(device), turns.to(device)).float().cpu().numpy()
    return scores


def _rate(progress: float, warm_up: float) -> float:
    return min(progress / warm_up if warm_up else 1.0, (1.0 - progress) / (1.0 - warm_up))


class _State:
    """Where a training stands: weights, the best ones so far, the optimiser, and the counts."""

    def __init__(self, network: EncoderNetwork, optimizer: torch.optim.Optimizer, path: Path) -> None:
        self.network, self.optimizer, self.path = network, optimizer, path
        self.step = 0
        self.loss: float | torch.Tensor = 0.0
        self.best: Tensors = {}
        self.best_epoch, self.best_score = 0, -math.inf
        if path.is_file():
            self._load()

    def keep(self, epoch: int, score: float | None) -> None:
        """Ends an epoch."""
        self.loss = 0.0
        if score is None or score > self.best_score:
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
            self.best_epoch, self.best_score = epoch, -math.inf if score is None else score

    def save(self) -> None:
        tensors = {f"live/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        for number, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{name}": value for name, value in values.items()}
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        numbers = {
            "step": self.step,
            "loss": float(self.loss),
            "best_epoch": self.best_epoch,
            "best_score": self.best_score if math.isfinite(self.best_score) else None,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        save_file(tensors, partial, metadata={"numbers": json.dumps(numbers)})
        partial.replace(self.path)

    def _load(self) -> None:
        device = str(next(self.network.parameters()).device)
        parts: dict[str, Tensors] = {"live": {}, "best": {}, "optimizer": {}}
        with safe_open(self.path, "pt", device) as file:  # type: ignore[no-untyped-call, attr-defined]
            numbers = json.loads(file.metadata()["numbers"])
            for name in file.keys():  # noqa: SIM118 - the file is no mapping
                part, _, rest = name.partition("/")
                parts[part][rest] = file.get_tensor(name)
        self.step, self.loss, self.best_epoch = numbers["step"], numbers["loss"], numbers["best_epoch"]
        self.best_score = -math.inf if numbers["best_score"] is None else numbers["best_score"]
        self.network.load_state_dict(parts["live"])
        self.best = parts["best"]
        state = self.optimizer.state_dict()
        for name, value in parts["optimizer"].items():
            number, _, key = name.partition("/")
            state["state"].setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict(state)
