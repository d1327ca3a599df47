"""A small correction of a model, learned from a few labelled dialogues of the people who use it.

The correction is linear: hashed n-grams of the turns and the model's own probabilities make scores that are added to
the model's. It is fitted to the labelled dialogues together with a replay of other dialogues, whose targets are what
the model says already, and its weights are pulled towards where they were. So what the labelled dialogues do not speak
of stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.errors import BundleError
from emoplugin.labels import LabelSet
from emoplugin.models.base import EmotionModel, Window
from emoplugin.models.bundle import Bundle, load
from emoplugin.models.calibration import Calibration, Floats
from emoplugin.models.features import Float32
from emoplugin.models.lexical import KINDS, Int64, occurrences
from emoplugin.text import Normalizer, TextConfig

CONFIG = "adapter.json"
WEIGHTS = "adapter.safetensors"

BITS = 15
"""n-grams are hashed into 2 to the power of this many columns."""

TURN_WEIGHTS = np.array([0.3, 0.3, 1.0])
"""How much the n-grams of each turn count."""

REPLAY_WEIGHT = 3.0
"""What a replayed dialogue counts against a labelled one."""

PENALTY = 0.01
"""What a squared change of a weight costs."""

UNKNOWN = -6.0
"""Score of a label that the model does not know, before the correction; the model's own are log-probabilities."""


@dataclass(frozen=True)
class Adapter:
    """A fitted correction.

    Attributes:
        labels: What the corrected model decides between: labels of the model, and labels that it does not know.
        text: The normalisation that its n-grams are read with.
        weights: Shape ``[columns, labels]``; the columns are hashed n-grams, the model's probabilities and a constant.
    """

    labels: LabelSet
    text: TextConfig
    weights: Float32

    @classmethod
    def blank(cls, labels: LabelSet, model: EmotionModel) -> Adapter:
        """The correction that changes nothing."""
        return cls(labels, TextConfig(), np.zeros((2**BITS + len(model.labels) + 1, len(labels)), dtype=np.float32))

    def write(self, folder: Path) -> None:
        config = {"labels": self.labels.to_json(), "text": self.text.to_json()}
        (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        save_file({"weights": self.weights}, folder / WEIGHTS)

    @classmethod
    def read(cls, folder: Path) -> Adapter | None:
        """Reads what ``write`` left in a folder; None where there is none.

        Raises:
            BundleError: The files are damaged.
        """
        if not (folder / CONFIG).is_file():
            return None
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            weights = np.asarray(load_file(folder / WEIGHTS)["weights"], dtype=np.float32)
            return cls(LabelSet.from_json(config["labels"]), TextConfig.from_json(config["text"]), weights)
        except Exception as error:
            raise BundleError(f"{folder / CONFIG} or {WEIGHTS} beside it is damaged: {error}. Train anew.") from None


class AdaptedModel(EmotionModel):
    """A model with a correction on top. The model itself stays as it is, for others may share it."""

    def __init__(self, model: EmotionModel, adapter: Adapter) -> None:
        super().__init__(model.name, model.version, adapter.labels, _calibration(model, adapter.labels))
        self.model = model
        self.adapter = adapter
        self.normalizer = Normalizer(adapter.text)

    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> AdaptedModel:
        """The bundle's model with a correction that changes nothing yet."""
        model = load(bundle.folder, device=device)
        return cls(model, Adapter.blank(model.labels, model))

    def scores(self, windows: Sequence[Window]) -> Floats:
        known = self.model.calibration.probabilities(self.model.scores(windows), self.model.labels.multi_label)
        row, column, value = self.ngrams(windows)
        weights = self.adapter.weights
        scores: Floats = self.offsets(known) + known @ weights[2**BITS : -1] + weights[-1]
        for label in range(len(self.labels)):
            scores[:, label] += np.bincount(row, weights[column, label] * value, minlength=len(windows))
        return scores

    def ngrams(self, windows: Sequence[Window]) -> tuple[Int64, Int64, Floats]:
        """Window, column and value of each n-gram; the n-grams of a turn and kind share a unit length."""
        texts = [self.normalizer.normalize(turn) for window in windows for turn in window]
        found = occurrences(texts)
        window, part = np.divmod(found.block, WINDOW * KINDS)
        counts = np.bincount(found.block, minlength=1)
        value = TURN_WEIGHTS[part // KINDS] / np.sqrt(counts[found.block])
        return window, (found.hashes >> np.uint32(32 - BITS)).astype(np.int64), value

    def offsets(self, known: Floats) -> Floats:
        """The scores before the correction, from the model's probabilities."""
        bounded = np.clip(known, 1e-6, 1 - 1e-6)
        logits = np.log(bounded) - (np.log1p(-bounded) if self.labels.multi_label else 0.0)
        scores = np.full((len(known), len(self.labels)), UNKNOWN)
        for column, name in enumerate(self.labels.names):
            if name in self.model.labels.names:
                scores[:, column] = logits[:, self.model.labels.index(name)]
        return scores


def fit(
    current: AdaptedModel, labelled: Sequence[tuple[Dialogue, tuple[str, ...]]], replay: Sequence[Dialogue]
) -> Adapter:
    """Teaches a model a few labelled dialogues. The same input gives the same weights.

    Args:
        current: The model with the correction so far.
        labelled: Dialogues and their labels; one label each, for multi-label models any number.
        replay: Dialogues about other things, on which the model shall say what it says now.
    """
    from scipy.optimize import minimize
    from scipy.sparse import csr_matrix, hstack

    labels, multi_label = current.labels, current.labels.multi_label
    dialogues = [dialogue for dialogue, _ in labelled] + list(replay)
    known = current.model.predict_proba(dialogues)
    row, column, value = current.ngrams([dialogue.window() for dialogue in dialogues])
    columns = csr_matrix((value, (row, column)), shape=(len(dialogues), 2**BITS))
    design = hstack([columns, csr_matrix(known), np.ones((len(dialogues), 1))], format="csr")
    offsets = current.offsets(known)
    taught = np.array([[float(name in right) for name in labels.names] for _, right in labelled])
    targets = np.vstack([taught, current.predict_proba(replay)])
    counts = np.repeat([1.0, REPLAY_WEIGHT], [len(labelled), len(replay)])[:, None]
    start = current.adapter.weights.astype(np.float64)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        change = flat.reshape(start.shape)
        found = Calibration().probabilities(offsets + design @ (start + change), multi_label)
        sure = np.log(np.clip(found, 1e-12, 1.0)) * targets
        if multi_label:
            sure = sure + np.log(np.clip(1.0 - found, 1e-12, 1.0)) * (1.0 - targets)
        gradient = design.T @ ((found - targets) * counts) + 2 * PENALTY * change
        return float(PENALTY * (change**2).sum() - (sure * counts).sum()), gradient.ravel()

    best = minimize(loss, np.zeros(start.size), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return Adapter(labels, current.adapter.text, (start + best.x.reshape(start.shape)).astype(np.float32))


def _calibration(model: EmotionModel, labels: LabelSet) -> Calibration:
    """The model's thresholds for the labels it knows; its temperature and prior are in its probabilities already."""
    if model.calibration.thresholds is None:
        return Calibration()
    known = dict(zip(model.labels.names, model.calibration.thresholds, strict=True))
    default = 0.5 if labels.multi_label else 0.0
    return Calibration(thresholds=tuple(known.get(name, default) for name in labels.names))
