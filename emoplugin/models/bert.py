"""BERT: a fine-tuned encoder over the three turns, with one byte a weight on the CPU."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from tokenizers import Tokenizer

from emoplugin.models.base import BATCH, EmotionModel, Window
from emoplugin.models.bundle import Bundle
from emoplugin.models.calibration import Calibration, Floats
from emoplugin.models.runtime import available_cores, cpu_session
from emoplugin.models.tokens import TURN_TOKENS, Float32, Int64, TokenBatch, TokenVectors, TurnTokenizer
from emoplugin.text import Normalizer, TextConfig

if TYPE_CHECKING:
    import onnxruntime

    from emoplugin.labels import LabelSet

NETWORK = "network.onnx"
NETWORK_WEIGHTS = "network.safetensors"
VECTORS = "vectors.safetensors"
TOKENIZER = "tokenizer.json"
SCALE, SMOOTH = ".scale", ".smooth"
"""End the names of what a matrix of bytes is multiplied by: a factor for each column, and one for each row."""

TOKENS_AT_ONCE = 2048

GPU_BATCH = 4096
"""Dialogues at once on a GPU, which small batches leave idle."""

Score = Callable[[TokenBatch], Float32]
"""Raw scores of token rows, shape ``[dialogues, labels]``."""


class BertModel(EmotionModel):
    """An encoder: on the CPU it needs ONNX Runtime and numpy, no torch; on a GPU it needs torch and transformers."""

    uses_gpu = True

    def __init__(
        self,
        name: str,
        version: str,
        labels: LabelSet,
        calibration: Calibration,
        *,
        text: TextConfig,
        tokenizer: TurnTokenizer,
        score: Score,
        batch: int = BATCH,
    ) -> None:
        super().__init__(name, version, labels, calibration)
        self.normalizer = Normalizer(text)
        self.tokenizer = tokenizer
        self.score = score
        self.batch = batch

    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> BertModel:
        config = bundle.config
        with bundle.reading(VECTORS) as content:
            vectors = TokenVectors.from_arrays(load_tensors(content))
        with bundle.reading(TOKENIZER) as content:
            tokenizer = TurnTokenizer(
                Tokenizer.from_str(content.decode("utf-8")),
                config.get("turn_tokens", TURN_TOKENS),
                last_first=config.get("last_first", False),
            )
        score: Score
        if device == "cpu":
            # Given as a path, since the network finds its weights beside itself.
            with bundle.reading(NETWORK):
                session = cpu_session(bundle.path(NETWORK))
            score = partial(encoder_scores, session, vectors, len(bundle.labels))
        else:
            from emoplugin.models.gpu import TorchEncoder

            with bundle.reading(NETWORK_WEIGHTS) as content:
                arrays = load_tensors(content)
            score = TorchEncoder(config["encoder"], config["head"], vectors, arrays, len(bundle.labels), device)
        return cls(
            bundle.name,
            bundle.version,
            bundle.labels,
            bundle.calibration,
            text=TextConfig.from_json(config["text"]),
            tokenizer=tokenizer,
            score=score,
            batch=BATCH if device == "cpu" else GPU_BATCH,
        )

    def scores(self, windows: Sequence[Window]) -> Floats:
        texts = [self.normalizer.normalize(turn) for window in windows for turn in window]
        return self.score(self.tokenizer.batch(texts))


def encoder_scores(
    session: onnxruntime.InferenceSession, vectors: TokenVectors, labels: int, batch: TokenBatch
) -> Float32:
    """Raw scores of token rows, shape ``[dialogues, labels]``."""
    scores = np.zeros((len(batch.lengths), labels), dtype=np.float32)

    def score(part: tuple[Int64, int]) -> None:
        rows, length = part
        inputs = {"vectors": vectors.look_up(batch.tokens[rows, :length]), "turns": batch.turns[rows, :length]}
        scores[rows] = session.run(None, inputs)[0]

    parts = list(unpadded(batch.lengths))
    if len(parts) == 1:
        score(parts[0])
        return scores
    # Parts side by side. Threads inside one part would wait for each other at every step, very long on a busy machine.
    with ThreadPoolExecutor(available_cores()) as pool:
        list(pool.map(score, parts))
    return scores


def unpadded(lengths: Int64, tokens: int = TOKENS_AT_ONCE) -> Iterator[tuple[Int64, int]]:
    """Rows of one length each, at most ``tokens`` tokens together: no work is spent on padding.

    Yields:
        The rows' numbers and their length.
    """
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        size = max(tokens // int(length), 1)
        for start in range(0, len(rows), size):
            yield rows[start : start + size], int(length)


def bundle_files(tokenizer: Tokenizer, vectors: TokenVectors, network: bytes, weights: bytes) -> dict[str, bytes]:
    """The files of a bert bundle beside its ``config.json``."""
    return {
        NETWORK: network,
        NETWORK_WEIGHTS: weights,
        VECTORS: save_tensors(vectors.to_arrays()),
        TOKENIZER: json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8"
        ),
    }
