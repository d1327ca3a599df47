"""NELEC: neural and lexical scores of a dialogue, joined by a linear combiner.

After Agrawal and Suri, "NELEC at SemEval-2019 Task 3: Think Twice Before Going Deep" (2019).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from tokenizers import Tokenizer

from emoplugin.errors import BundleError
from emoplugin.models.base import EmotionModel, Window
from emoplugin.models.bundle import Bundle
from emoplugin.models.calibration import Calibration, Floats
from emoplugin.models.features import DENSE_FEATURES, Float32, ReadDialogues, read_dialogues
from emoplugin.models.lexical import LexicalModel
from emoplugin.models.runtime import cpu_session
from emoplugin.models.tokens import TokenVectors, TurnTokenizer
from emoplugin.text import Normalizer, TextConfig

if TYPE_CHECKING:
    import onnxruntime

    from emoplugin.labels import LabelSet

NETWORK = "network.onnx"
VECTORS = "vectors.safetensors"
LEXICAL = "lexical.safetensors"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Standardizer:
    """Brings dense features to mean 0 and deviation 1, and keeps rare large ones from drowning the rest."""

    mean: Float32
    scale: Float32

    def __call__(self, dense: Float32) -> Float32:
        # Not np.clip, which takes several times as long for one dialogue.
        bounded = np.minimum(np.maximum((dense - self.mean) / self.scale, -8.0), 8.0)
        return bounded.astype(np.float32, copy=False)

    @classmethod
    def fit(cls, dense: Float32) -> Standardizer:
        return cls(dense.mean(axis=0), np.maximum(dense.std(axis=0), 0.05))


@dataclass(frozen=True)
class Combiner:
    """A linear map from the parts' log-probabilities to the labels' scores.

    Attributes:
        weights: Shape ``[parts * labels, labels]``, the neural part first.
        bias: Shape ``[labels]``.
    """

    weights: Float32
    bias: Float32

    def __call__(self, neural: Floats, lexical: Floats) -> Floats:
        return np.concatenate(log_softmax(np.array([neural, lexical])), axis=1) @ self.weights + self.bias


class NelecModel(EmotionModel):
    """The light model: it needs ONNX Runtime and numpy, no torch."""

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
        standardizer: Standardizer,
        lexical: LexicalModel,
        combiner: Combiner,
        session: onnxruntime.InferenceSession,
    ) -> None:
        super().__init__(name, version, labels, calibration)
        self.normalizer = Normalizer(text)
        self.tokenizer = tokenizer
        self.vectors = vectors
        self.standardizer = standardizer
        self.lexical = lexical
        self.combiner = combiner
        self.session = session
        # A network without a use for some input does not have it.
        self._inputs = frozenset(node.name for node in session.get_inputs())

    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> NelecModel:
        del device  # A small recurrent network is fastest on the CPU.
        config = bundle.config
        if list(config.get("dense_features", ())) != list(DENSE_FEATURES):
            raise BundleError(
                f"{bundle.folder}: the model reads other text features than this emoplugin computes. "
                "Train it anew, or use the emoplugin it came with."
            )
        with bundle.reading(LEXICAL) as content:
            arrays = load_tensors(content)
            joint = {name: np.asarray(arrays.pop(name), dtype=np.float32) for name in _JOINT}
            lexical = LexicalModel.from_arrays(arrays)
        with bundle.reading(TOKENIZER) as content:
            tokenizer = TurnTokenizer(Tokenizer.from_str(content.decode("utf-8")))
        with bundle.reading(VECTORS) as content:
            vectors = TokenVectors.from_arrays(load_tensors(content))
        with bundle.reading(NETWORK) as content:
            session = cpu_session(content)
        return cls(
            bundle.name,
            bundle.version,
            bundle.labels,
            bundle.calibration,
            text=TextConfig.from_json(config["text"]),
            tokenizer=tokenizer,
            vectors=vectors,
            standardizer=Standardizer(joint["dense_mean"], joint["dense_scale"]),
            lexical=lexical,
            combiner=Combiner(joint["combiner_weights"], joint["combiner_bias"]),
            session=session,
        )

    def scores(self, windows: Sequence[Window]) -> Floats:
        read = read_dialogues(self.normalizer, windows)
        return self.combiner(self.neural_scores(read), self.lexical.scores(read))

    def neural_scores(self, read: ReadDialogues) -> Float32:
        """Raw scores of the network alone, shape ``[dialogues, labels]``."""
        batch = self.tokenizer.batch(read.texts)
        inputs = {
            "vectors": self.vectors.look_up(batch.tokens),
            "turns": batch.turns,
            "lengths": batch.lengths,
            "dense": self.standardizer(read.dense),
        }
        scores: Float32 = self.session.run(None, {name: inputs[name] for name in self._inputs})[0]
        return scores


_JOINT = ("dense_mean", "dense_scale", "combiner_weights", "combiner_bias")


def bundle_files(
    tokenizer: Tokenizer,
    vectors: TokenVectors,
    standardizer: Standardizer,
    lexical: LexicalModel,
    combiner: Combiner,
    network: bytes,
) -> Mapping[str, bytes]:
    """The files of a nelec bundle beside its ``config.json``."""
    joint: dict[str, npt.NDArray[Any]] = {
        "dense_mean": standardizer.mean,
        "dense_scale": standardizer.scale,
        "combiner_weights": combiner.weights,
        "combiner_bias": combiner.bias,
    }
    return {
        NETWORK: network,
        VECTORS: save_tensors(vectors.to_arrays()),
        LEXICAL: save_tensors({**lexical.to_arrays(), **joint}),
        TOKENIZER: json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8"
        ),
    }


def log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=-1, keepdims=True)
    logarithms: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms
