"""An encoder on a GPU, in torch, with the weights that the CPU has as bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from emoplugin.models.bert import SCALE, SMOOTH
from emoplugin.models.encoder import EncoderNetwork, HeadConfig, build_encoder
from emoplugin.models.tokens import Float32, TokenBatch, TokenVectors

TOKENS_AT_ONCE = 1 << 16
ENOUGH_TOKENS = 1 << 14

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
        table = torch.from_numpy(vectors.look_up(np.arange(len(vectors.table))))
        network = EncoderNetwork(build_encoder(encoder), table, HeadConfig(**head), labels)
        state = {name: torch.from_numpy(value) for name, value in restored(weights).items()}
        network.load_state_dict({**state, "embedding.weight": table})
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.network = network.to(self.device, dtype).eval()

    def __call__(self, batch: TokenBatch, at_once: int = TOKENS_AT_ONCE) -> Float32:
        """Raw scores, shape ``[dialogues, labels]``. Where memory runs out, smaller parts are tried.

        Args:
            batch: Token rows.
            at_once: Most tokens in one part.
        """
        while True:
            try:
                return self._scores(batch, at_once)
            except torch.cuda.OutOfMemoryError:
                if len(batch.lengths) == 1 or at_once <= batch.lengths.max():
                    raise
            # What did not fit had no more tokens than the batch has.
            at_once = min(at_once, batch.tokens.size) // 2
            torch.cuda.empty_cache()
            _log.warning("The GPU's memory ran out; going on with %d tokens at once.", at_once)

    def _scores(self, batch: TokenBatch, at_once: int) -> Float32:
        order = np.argsort(batch.lengths, kind="stable")
        lengths = batch.lengths[order].tolist()
        # Everything is sent at once: a transfer between two parts would wait for the first of them.
        tokens, turns, rows = (torch.from_numpy(each).to(self.device) for each in (batch.tokens, batch.turns, order))
        found = []
        with torch.inference_mode():
            for start, end in parts(lengths, at_once):
                part, length = rows[start:end], lengths[end - 1]
                padded = lengths[start] < length
                vectors = self.network.embedding(tokens[part, :length])
                found.append(self.network.core(vectors, turns[part, :length], padded=padded).float())
        scores = np.zeros((len(order), self.labels), dtype=np.float32)
        scores[order] = torch.cat(found).cpu().numpy()
        return scores


def parts(lengths: Sequence[int], tokens: int, enough: int = ENOUGH_TOKENS) -> Iterator[tuple[int, int]]:
    """Cuts rows into parts of like length.

    Args:
        lengths: The rows' lengths, rising.
        tokens: Most tokens in a part, padding included; a single longer row is a part all the same.
        enough: A part of this many tokens, which keep a GPU busy, ends where the length changes, so that it needs no
            padding.

    Yields:
        Where each part starts and ends.
    """
    start = 0
    for end in range(1, len(lengths) + 1):
        if end < len(lengths):
            full = (end + 1 - start) * lengths[end] > tokens
            even = lengths[end] > lengths[end - 1] and (end - start) * lengths[end - 1] >= enough
            if not (full or even):
                continue
        yield start, end
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
