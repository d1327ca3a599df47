"""Scores of predictions, on numpy alone.

Every score takes row weights, or is a mean over rows that can be weighted, so that a bootstrap is the same scores over
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
    def seen(self) -> Booleans:
        """Which labels occur in the truth or among the predictions."""
        seen: Booleans = self.support + self.extras > 0
        return seen

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the labels seen."""
        return self.only(self.seen).mean_f1

    @property
    def mean_f1(self) -> float:
        """Mean F1 of all labels here, 0 without any; one that does not occur counts as 0."""
        return mean(self.f1)

    @property
    def weighted_f1(self) -> float:
        """Mean F1 of the labels, weighted by their support."""
        return float(_ratio((self.f1 * self.support).sum(), self.support.sum()))

    @property
    def total(self) -> Counts:
        """The labels' counts added up; its scores are the micro-averages."""
        return Counts(self.hits.sum(), self.extras.sum(), self.misses.sum())

    def only(self, labels: list[int] | Booleans) -> Counts:
        """The counts of some labels, given by their numbers or by a mask of shape ``[labels]``."""
        return Counts(self.hits[labels], self.extras[labels], self.misses[labels])


def confusion_matrix(truth: Integers, predicted: Integers, size: int, weights: Floats | None = None) -> Floats:
    """Rows by right label (first axis) and predicted label (second axis), shape ``[size, size]``."""
    cells = np.bincount(truth * size + predicted, weights=weights, minlength=size * size)
    return cells.reshape(size, size).astype(np.float64)


def counts_of_confusion(confusion: Floats) -> Counts:
    """Each label's counts in a confusion matrix."""
    hits = np.diag(confusion).copy()
    return Counts(hits, confusion.sum(axis=0) - hits, confusion.sum(axis=1) - hits)


def outcomes(truth: Booleans, predicted: Booleans) -> Floats:
    """The hits, extras and misses of each row, shape ``[3, rows, labels]``, from sets of shape ``[rows, labels]``."""
    return np.array([truth & predicted, ~truth & predicted, truth & ~predicted], dtype=np.float64)


def counts_of_sets(truth: Booleans, predicted: Booleans) -> Counts:
    """Each label's counts where a row may have any number of labels; both of shape ``[rows, labels]``."""
    return Counts(*outcomes(truth, predicted).sum(axis=1))


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


def hamming_losses(truth: Booleans, predicted: Booleans) -> Floats:
    """Share of wrong decisions in each row, shape ``[rows]``; their mean is the Hamming loss."""
    losses: Floats = (truth != predicted).mean(axis=1)
    return losses


def exact_matches(truth: Booleans, predicted: Booleans) -> Booleans:
    """Whether each row has exactly the right labels, shape ``[rows]``; their mean is the subset accuracy."""
    matches: Booleans = (truth == predicted).all(axis=1)
    return matches


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
    return Ranking.of(truth, scores).average_precision(np.ones(len(truth))) if truth.any() else float("nan")


@dataclass(frozen=True)
class Ranking:
    """Rows ordered once by a label's score, so that many weights of them are scored fast.

    Attributes:
        order: The rows, highest score first, shape ``[rows]``.
        hits: Places in ``order`` of the rows that have the label, shape ``[hits]``.
        ends: Place of the last row that ties with each of them, shape ``[hits]``.
        last: Which of ``hits`` is the last that ties with each of them, shape ``[hits]``.
    """

    order: Integers
    hits: Integers
    ends: Integers
    last: Integers

    @classmethod
    def of(cls, truth: Booleans, scores: Floats) -> Ranking:
        """Orders rows.

        Args:
            truth: Whether each row has the label, shape ``[rows]``.
            scores: The label's probability, shape ``[rows]``.
        """
        order = np.argsort(-scores, kind="stable")
        hits = np.flatnonzero(truth[order])
        ends = np.searchsorted(-scores[order], -scores[order[hits]], side="right") - 1
        return cls(order, hits, ends, np.searchsorted(hits, ends, side="right") - 1)

    def average_precision(self, weights: Floats) -> float:
        """Mean over the rows with the label of the precision at their score, 0 without any.

        That is the area under the steps of the precision-recall curve.

        Args:
            weights: Row weights, shape ``[rows]``.
        """
        ordered = weights[self.order]
        share = ordered[self.hits]
        precision = _ratio(np.cumsum(share)[self.last], np.cumsum(ordered)[self.ends])
        return float(_ratio(share @ precision, share.sum()))


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


def reliability(confidence: Floats, right: Booleans, weights: Floats | None = None, *, bins: int = BINS) -> Reliability:
    """Puts predictions into bins.

    Args:
        confidence: Probability of the predicted label, shape ``[rows]``.
        right: Whether the prediction was right, shape ``[rows]``.
        weights: Row weights, shape ``[rows]``.
        bins: Number of bins between 0 and 1.
    """
    row = np.ones(len(right)) if weights is None else weights
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows, confidences, rights = (
        np.bincount(places, weights=each, minlength=bins).astype(np.float64)
        for each in (row, row * confidence, row * right)
    )
    return Reliability(rows, _ratio(confidences, rows), _ratio(rights, rows))


def squared_distances(probabilities: Floats, truth: Booleans) -> Floats:
    """Squared distance between probabilities and truth in each row, summed over the labels, shape ``[rows]``.

    Their mean is the Brier score (Brier 1950): with one label a row 0 is best, 2 worst.

    Args:
        probabilities: Shape ``[rows, labels]``.
        truth: Whether each row has each label, same shape.
    """
    distances: Floats = ((probabilities - truth) ** 2).sum(axis=1)
    return distances


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


def mean(values: Any) -> float:
    """The mean of any number of values, 0 without any."""
    return float(_ratio(np.sum(values), len(values)))


def _ratio(numerator: Any, denominator: Any) -> Floats:
    numerator, denominator = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    quotient: Floats = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
    return quotient
