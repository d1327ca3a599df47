"""Scores of predictions, on numpy alone.

Every score is a function of counts, and the counts take row weights, so that a bootstrap is the same scores over
resampled weights. A ratio whose denominator is zero counts as 0, as scikit-learn's ``zero_division=0`` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Booleans = npt.NDArray[np.bool_]

SAMPLES = 1000
BINS = 15


@dataclass(frozen=True)
class Counts:
    """Right and wrong decisions for each label, each an array of shape ``[labels]``.

    Attributes:
        hits: Rows that have the label and were given it (true positives).
        extras: Rows that were given the label without having it (false positives).
        misses: Rows that have the label and were not given it (false negatives).
    """

    hits: Floats
    extras: Floats
    misses: Floats

    @property
    def support(self) -> Floats:
        return self.hits + self.misses

    @property
    def precision(self) -> Floats:
        return _ratio(self.hits, self.hits + self.extras)

    @property
    def recall(self) -> Floats:
        return _ratio(self.hits, self.support)

    @property
    def f1(self) -> Floats:
        return _ratio(2 * self.hits, 2 * self.hits + self.extras + self.misses)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels that occur in the truth or among the predictions."""
        seen = self.support + self.extras > 0
        return float(self.f1[seen].mean()) if seen.any() else 0.0

    @property
    def weighted_f1(self) -> float:
        """Mean F1 of the labels, weighted by their support."""
        return float(_ratio((self.f1 * self.support).sum(), self.support.sum()))

    @property
    def total(self) -> Counts:
        """The labels' counts added up; its scores are the micro-averages."""
        return Counts(self.hits.sum(), self.extras.sum(), self.misses.sum())

    def only(self, labels: list[int]) -> Counts:
        """The counts of some labels."""
        return Counts(self.hits[labels], self.extras[labels], self.misses[labels])


def confusion_matrix(truth: Integers, predicted: Integers, size: int, weights: Floats | None = None) -> Floats:
    """Rows by right label (first axis) and predicted label (second axis), shape ``[size, size]``."""
    cells = np.bincount(truth * size + predicted, weights=weights, minlength=size * size)
    return cells.reshape(size, size).astype(np.float64)


def counts_of_confusion(confusion: Floats) -> Counts:
    """Each label's counts in a confusion matrix."""
    hits = np.diag(confusion).copy()
    return Counts(hits, confusion.sum(axis=0) - hits, confusion.sum(axis=1) - hits)


def counts_of_sets(truth: Booleans, predicted: Booleans, weights: Floats | None = None) -> Counts:
    """Each label's counts where a row may have any number of labels; both of shape ``[rows, labels]``."""
    row = np.ones(len(truth)) if weights is None else weights
    return Counts(row @ (truth & predicted), row @ (~truth & predicted), row @ (truth & ~predicted))


def accuracy(confusion: Floats) -> float:
    """Share of rows with the right label."""
    return float(_ratio(np.trace(confusion), confusion.sum()))


def matthews(confusion: Floats) -> float:
    """Matthews correlation over any number of labels (Gorodkin 2004), -1 to 1; 0 where it is undefined."""
    rows = confusion.sum()
    true, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    covariance = np.trace(confusion) * rows - true @ predicted
    spread = (rows**2 - true @ true) * (rows**2 - predicted @ predicted)
    return float(covariance / np.sqrt(spread)) if spread > 0 else 0.0


def emotion_counts(confusion: Floats, neutral: int) -> Counts:
    """Counts over the labels other than the neutral one, added up.

    Their precision, recall and F1 are the official EmoContext metric (SemEval-2019 Task 3).
    """
    emotions = [index for index in range(len(confusion)) if index != neutral]
    return counts_of_confusion(confusion).only(emotions).total


def hamming_loss(truth: Booleans, predicted: Booleans, weights: Floats | None = None) -> float:
    """Share of wrong decisions over all rows and labels."""
    return float(np.average((truth != predicted).mean(axis=1), weights=weights))


def subset_accuracy(truth: Booleans, predicted: Booleans, weights: Floats | None = None) -> float:
    """Share of rows with exactly the right labels."""
    return float(np.average((truth == predicted).all(axis=1), weights=weights))


def precision_recall_curve(truth: Booleans, scores: Floats) -> tuple[Floats, Floats]:
    """Precision and recall at every distinct score, highest score first.

    Args:
        truth: Whether each row has the label, shape ``[rows]``.
        scores: The label's probability, shape ``[rows]``.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(truth[order])[ends].astype(np.float64)
    return hits / (ends + 1), _ratio(hits, np.full(len(hits), truth.sum(), dtype=np.float64))


def average_precision(truth: Booleans, scores: Floats) -> float:
    """Area under the steps of the precision-recall curve; NaN where no row has the label."""
    if not truth.any():
        return float("nan")
    precision, recall = precision_recall_curve(truth, scores)
    return float(np.diff(recall, prepend=0.0) @ precision)


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of equal width by confidence, arrays of shape ``[bins]``.

    Attributes:
        rows: Predictions in each bin.
        confidence: Their mean confidence, 0 for an empty bin.
        accuracy: Share of them that were right, 0 for an empty bin.
    """

    rows: Floats
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al. 2015), 0 to 1."""
        return float(_ratio(self.rows @ np.abs(self.confidence - self.accuracy), self.rows.sum()))


def reliability(confidence: Floats, right: Booleans, bins: int = BINS) -> Reliability:
    """Puts predictions into bins.

    Args:
        confidence: Probability of the predicted label, shape ``[rows]``.
        right: Whether the prediction was right, shape ``[rows]``.
        bins: Number of bins between 0 and 1.
    """
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows = np.bincount(places, minlength=bins).astype(np.float64)
    confidences = np.bincount(places, weights=confidence, minlength=bins)
    rights = np.bincount(places, weights=right, minlength=bins)
    return Reliability(rows, _ratio(confidences, rows), _ratio(rights, rows))


def brier(probabilities: Floats, truth: Booleans) -> float:
    """Mean squared distance between probabilities and truth, summed over the labels (Brier 1950): 0 is best, 2 worst.

    Args:
        probabilities: Shape ``[rows, labels]``.
        truth: Whether each row has each label, same shape.
    """
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def bootstrap(statistics: Callable[[Floats], Floats], rows: int, samples: int = SAMPLES, seed: int = 0) -> Floats:
    """Statistics over resampled rows (Efron 1979), shape ``[samples, statistics]``.

    Args:
        statistics: Takes row weights of shape ``[rows]``; gives an array of statistics.
        rows: How many rows there are.
        samples: How many times they are resampled.
        seed: Equal seeds give equal results.
    """
    generator = np.random.default_rng(seed)
    draws = (generator.integers(0, rows, rows) for _ in range(samples))
    return np.stack([statistics(np.bincount(draw, minlength=rows).astype(np.float64)) for draw in draws])


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95% of bootstrapped values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def paired_p_value(differences: Floats) -> float:
    """Two-sided p-value of bootstrapped differences between two models: how often the sign is the rarer one, twice."""
    rarer = min((differences <= 0).mean(), (differences >= 0).mean())
    return float(min(1.0, 2 * max(rarer, 1 / (len(differences) + 1))))


def mcnemar(right: Booleans, other_right: Booleans) -> float:
    """Exact two-sided p-value of McNemar's test: whether two models are right equally often on the same rows."""
    only = int((right & ~other_right).sum())
    other_only = int((~right & other_right).sum())
    rows, fewer = only + other_only, min(only, other_only)
    ways = total = 1
    for count in range(fewer):
        ways = ways * (rows - count) // (count + 1)
        total += ways
    return float(min(1.0, 2 * total / 2**rows))


def _ratio(numerator: Any, denominator: Any) -> Floats:
    numerator, denominator = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    quotient: Floats = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
    return quotient
