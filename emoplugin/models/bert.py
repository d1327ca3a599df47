"""BERT: a fine-tuned encoder over the three turns, with one byte a weight on the CPU."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from tokenizers import Tokenizer

from emoplugin.errors import BundleError
from emoplugin.models.base import EmotionModel, Window
from emoplugin.models.bundle import Bundle
from emoplugin.models.calibration import Calibration, Floats
from emoplugin.models.runtime import available_cores, cpu_session
from emoplugin.models.tokens import Float32, Int64, TokenBatch, TokenVectors, TurnTokenizer
from emoplugin.text import Normalizer, TextConfig

if TYPE_CHECKING:
    import onnxruntime

    from emoplugin.labels import LabelSet

NETWORK = "network.onnx"
NETWORK_WEIGHTS = "network.safetensors"
VECTORS = "vectors.safetensors"
TOKENIZER = "tokenizer.json"
SCALE = ".scale"
"""Ends the name of what the columns of a matrix of bytes are multiplied by."""

TOKENS_AT_ONCE = 2048

_log = logging.getLogger(__name__)


class BertModel(EmotionModel):
    """An encoder on the CPU: it needs ONNX Runtime and numpy, no torch."""

    def __init__(
        self,
        name: str,
        version: str,
        labels: LabelSet,
        calibration: Calibration,
        *,
        text: TextConfig,
        tokenizer: TurnTokenizer,
        vectors: TokenVectors,
        session: onnxruntime.InferenceSession,
    ) -> None:
        super().__init__(name, version, labels, calibration)
        self.normalizer = Normalizer(text)
        self.tokenizer = tokenizer
        self.vectors = vectors
        self.session = session

    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> BertModel:
        if device not in ("auto", "cpu"):
            _log.warning("%s runs on the CPU: serving it on %s is not built yet.", bundle.name, device)
        bundle.path(NETWORK_WEIGHTS)
        try:
            return cls(
                bundle.name,
                bundle.version,
                bundle.labels,
                bundle.calibration,
                text=TextConfig.from_json(bundle.config["text"]),
                tokenizer=TurnTokenizer(Tokenizer.from_str(bundle.read(TOKENIZER).decode("utf-8"))),
                vectors=TokenVectors.from_arrays(load_tensors(bundle.read(VECTORS))),
                session=cpu_session(bundle.path(NETWORK), available_cores()),
            )
        except KeyError as error:
            raise BundleError(f"{bundle.folder} is not a complete bert bundle: {error} is missing.") from None

    def scores(self, windows: Sequence[Window]) -> Floats:
        texts = [self.normalizer.normalize(turn) for window in windows for turn in window]
        return encoder_scores(self.session, self.vectors, self.tokenizer.batch(texts), len(self.labels))


def encoder_scores(
    session: onnxruntime.InferenceSession, vectors: TokenVectors, batch: TokenBatch, labels: int
) -> Float32:
    """Raw scores of token rows, shape ``[dialogues, labels]``."""
    scores = np.zeros((len(batch.lengths), labels), dtype=np.float32)
    for rows, length in unpadded(batch.lengths):
        inputs = {"vectors": vectors.look_up(batch.tokens[rows, :length]), "turns": batch.turns[rows, :length]}
        scores[rows] = session.run(None, inputs)[0]
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
