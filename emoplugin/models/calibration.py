"""From raw scores to probabilities that mean what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from emoplugin.errors import InputError
from emoplugin.labels import LabelSet

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Calibration:
    """What is done to a model's raw scores, in this order.

    Attributes:
        temperature: The scores are divided by it before the softmax or sigmoid (Guo et al. 2017).
        train_prior: Share of each label in the training data, or None to leave the prior alone.
        target_prior: Share of each label where the model is used. Probabilities are multiplied by target prior over
            training prior and renormalised (Saerens et al. 2002).
        bias: Added to the log-probabilities along with the prior correction, one a label, so that the label with the
            highest probability is the best decision for the micro-F1 over emotions; see ``fit_bias``.
        thresholds: Lowest probability at which a label is reported, one a label. For multi-label models 0.5 where none
            are given; for single-label ones no threshold.
    """

    temperature: float = 1.0
    train_prior: tuple[float, ...] | None = None
    target_prior: tuple[float, ...] | None = None
    bias: tuple[float, ...] | None = None
    thresholds: tuple[float, ...] | None = None

    def probabilities(self, scores: Floats, multi_label: bool = False) -> Floats:
        """Calibrated probabilities.

        Args:
            scores: Raw scores (logits), shape ``[dialogues, labels]``.
            multi_label: Whether each label is decided on its own.

        Returns:
            Probabilities of the same shape; rows sum to 1 for single-label models.
        """
        scaled = np.asarray(scores, dtype=np.float64) / self.temperature
        if multi_label:
            independent: Floats = 1.0 / (1.0 + np.exp(-np.clip(scaled, -60.0, 60.0)))
            return independent
        if self.train_prior is not None and self.target_prior is not None:
            scaled = scaled + np.log(np.asarray(self.target_prior)) - np.log(np.asarray(self.train_prior))
            scaled = scaled + np.asarray(self.bias or 0.0)
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        exponentials = np.exp(scaled)
        shares: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        return shares

    def check(self, labels: LabelSet) -> None:
        """Raises an InputError where a value does not fit the label set."""
        if not self.temperature > 0:
            raise InputError(f"temperature must be above 0, found {self.temperature}.")
        for name in ("train_prior", "target_prior", "bias", "thresholds"):
            values: Sequence[float] | None = getattr(self, name)
            if values is None:
                continue
            if len(values) != len(labels):
                raise InputError(f"{name} needs one value for each of {', '.join(labels.names)}, found {len(values)}.")
            low, high = _RANGES[name]
            if any(not low <= value <= high for value in values):
                raise InputError(f"{name} must lie between {low:.0f} and {high:.0f}, found {list(values)}.")

    def to_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items() if name in known
        }
        return cls(**values)


_MOST_BIAS = 2.0
_RANGES = {
    "train_prior": (1e-9, 1.0),
    "target_prior": (1e-9, 1.0),
    "bias": (-_MOST_BIAS, _MOST_BIAS),
    "thresholds": (0.0, 1.0),
}


def fit_bias(calibration: Calibration, scores: Floats, targets: npt.NDArray[Any], neutral: int) -> tuple[float, ...]:
    """The bias with which held-out rows have the highest micro-F1 over the emotions under the target prior.

    The best F1 wants an emotion called where its probability is above half of that F1, not above one half (Lipton et
    al. 2014); a bias common to all emotions moves that boundary. Rows weigh target prior over their own shares.

    Args:
        calibration: Temperature and both priors.
        scores: Held-out raw scores, shape ``[dialogues, labels]``.
        targets: Index of the right label, shape ``[dialogues]``.
        neutral: Index of the label that means no emotion.

    Returns:
        One value a label; 0 for the neutral one.
    """
    logarithms = np.log(np.maximum(calibration.probabilities(scores), 1e-12))
    count = logarithms.shape[1]
    shares = np.bincount(targets, minlength=count) / len(targets)
    weights = (np.asarray(calibration.target_prior) / np.maximum(shares, 1e-9))[targets]
    emotions = np.delete(np.arange(count), neutral)
    strongest = emotions[logarithms[:, emotions].argmax(axis=1)]
    lead = logarithms[np.arange(len(targets)), strongest] - logarithms[:, neutral]
    order = np.argsort(-lead, kind="stable")
    ranked = lead[order]
    hits = np.cumsum((weights * (strongest == targets))[order])
    # F1 where the rows down to each one are called an emotion.
    f1 = 2.0 * hits / (np.cumsum(weights[order]) + weights[targets != neutral].sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = 0.0
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else ranked[best]
    value = float(np.clip(-(ranked[best] + below) / 2.0, -_MOST_BIAS, _MOST_BIAS))
    return tuple(0.0 if label == neutral else value for label in range(count))


def fit_temperature(scores: Floats, targets: npt.NDArray[Any], multi_label: bool = False) -> float:
    """Temperature with the lowest cross-entropy on held-out scores (Guo et al. 2017).

    Args:
        scores: Held-out raw scores, shape ``[dialogues, labels]``.
        targets: Index of the right label, shape ``[dialogues]``; for multi-label models whether each label holds,
            shape ``[dialogues, labels]``.
        multi_label: Whether each label is decided on its own.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(targets))

    def cross_entropy(log_temperature: float) -> float:
        calibration = Calibration(temperature=float(np.exp(log_temperature)))
        probabilities = calibration.probabilities(scores, multi_label)
        right = np.where(targets, probabilities, 1.0 - probabilities) if multi_label else probabilities[rows, targets]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-3.0, 3.0), method="bounded").x))


def fit_thresholds(probabilities: Floats, truth: npt.NDArray[np.bool_], trust: float = 0.5) -> tuple[float, ...]:
    """The threshold of each label with the highest F1 on held-out rows.

    Where a label is rare, its held-out rows alone say little. So a row counts as having a label by ``trust`` as people
    said it, and for the rest by the label's probability.

    Args:
        probabilities: Held-out calibrated probabilities, shape ``[dialogues, labels]``.
        truth: Whether each label holds, same shape.
        trust: Share of what people said, 0 to 1.
    """
    holds = trust * truth + (1.0 - trust) * probabilities
    return tuple(_best_threshold(*columns) for columns in zip(probabilities.T, holds.T, strict=True))


def _best_threshold(probabilities: Floats, holds: Floats) -> float:
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    hits = np.cumsum(holds[order])
    # F1 where the rows down to each one are given the label.
    f1 = 2.0 * hits / (np.arange(1, len(ranked) + 1) + holds.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = 0.0
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2.0)
