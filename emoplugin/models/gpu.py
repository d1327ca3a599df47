"""An encoder on a GPU, in torch, with the weights that the CPU has as bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from emoplugin.models.bert import SCALE, SMOOTH
from emoplugin.models.encoder import EncoderNetwork, HeadConfig, build_encoder
from emoplugin.models.tokens import Float32, Int64, TokenBatch, TokenVectors

TOKENS_AT_ONCE = 1 << 16

_log = logging.getLogger(__name__)


class TorchEncoder:
    """Scores token rows on one device: in bfloat16 on a GPU, in float32 elsewhere.

    Args:
        encoder: The shape of the encoder, as in its ``config.json``.
        head: What is made of its states, as ``HeadConfig`` writes it.
        vectors: The embedding table.
        weights: The other weights by name, as in the bundle.
        labels: Number of labels.
        device: A torch device.
    """

    def __init__(
        self,
        encoder: Mapping[str, Any],
        head: Mapping[str, Any],
        vectors: TokenVectors,
        weights: Mapping[str, npt.NDArray[Any]],
        labels: int,
        device: str,
    ) -> None:
        self.device = torch.device(device)
        self.labels = labels
        self.tokens_at_once = TOKENS_AT_ONCE
        table = torch.from_numpy(vectors.look_up(np.arange(len(vectors.table))))
        network = EncoderNetwork(build_encoder(encoder), table, HeadConfig(**head), labels)
        state = {name: torch.from_numpy(value) for name, value in restored(weights).items()}
        network.load_state_dict({**state, "embedding.weight": table})
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.network = network.to(self.device, dtype).eval()

    def __call__(self, batch: TokenBatch) -> Float32:
        """Raw scores, shape ``[dialogues, labels]``. Where memory runs out, smaller parts are tried."""
        try:
            return self._scores(batch)
        except torch.cuda.OutOfMemoryError:
            if self.tokens_at_once <= batch.lengths.max():
                raise
        self.tokens_at_once //= 2
        torch.cuda.empty_cache()
        _log.warning("The GPU's memory ran out; going on with %d tokens at once.", self.tokens_at_once)
        return self(batch)

    def _scores(self, batch: TokenBatch) -> Float32:
        scores = torch.zeros(len(batch.lengths), self.labels, device=self.device)
        with torch.inference_mode():
            for rows in by_length(batch.lengths, self.tokens_at_once):
                length = int(batch.lengths[rows].max())
                tokens, turns = (
                    torch.from_numpy(values[rows, :length]).to(self.device) for values in (batch.tokens, batch.turns)
                )
                scores[torch.from_numpy(rows).to(self.device)] = self.network(tokens, turns).float()
        found: Float32 = scores.cpu().numpy()
        return found


def by_length(lengths: Int64, tokens: int) -> Iterator[Int64]:
    """Rows of like length, at most ``tokens`` tokens together with their padding, but at least one row."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * lengths[order[end]] > tokens:
            yield order[start:end]
            start = end


def restored(weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
    """Weights as torch has them: float32, matrices ``[out, in]``."""
    return {
        name: _matrix(name, weights) if value.dtype == np.int8 else value
        for name, value in weights.items()
        if not name.endswith((SCALE, SMOOTH))
    }


def _matrix(name: str, weights: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    matrix = weights[name] * weights[name + SCALE] * weights[name + SMOOTH][:, None]
    return np.ascontiguousarray(matrix.T)
