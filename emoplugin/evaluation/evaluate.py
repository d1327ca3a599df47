"""A model on labelled examples: its decisions, their scores, and two models side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from emoplugin.datasets import Example
from emoplugin.errors import InputError
from emoplugin.evaluation import metrics
from emoplugin.evaluation.metrics import Booleans, Counts, Floats, Integers
from emoplugin.evaluation.slices import MOST_PARTS, SLICES
from emoplugin.labels import LabelSet
from emoplugin.models.base import EmotionModel

CHUNK = 512


@dataclass(frozen=True)
class Evaluation:
    """Decisions of a model on examples.

    Attributes:
        model: The model's name.
        version: The model's version.
        labels: The labels, in the order of the columns below.
        examples: The rows.
        probabilities: Shape ``[rows, labels]``.
        predicted: The labels that the model reports, shape ``[rows, labels]``.
        thresholds: Lowest probability at which the model reports each label; None for a model without thresholds.
    """

    model: str
    version: str
    labels: LabelSet
    examples: Sequence[Example]
    probabilities: Floats
    predicted: Booleans
    thresholds: Mapping[str, float] | None = None

    @cached_property
    def truth(self) -> Booleans:
        """The right labels, shape ``[rows, labels]``."""
        return _indicator([example.labels for example in self.examples], self.labels)

    @cached_property
    def right(self) -> Booleans:
        """Whether exactly the right labels are reported, shape ``[rows]``."""
        return metrics.exact_matches(self.truth, self.predicted)

    @cached_property
    def confidence(self) -> Floats:
        """Probability of the most probable reported label, 0 where none is; shape ``[rows]``."""
        confidence: Floats = np.where(self.predicted, self.probabilities, 0.0).max(axis=1)
        return confidence

    def counts(self, weights: Floats | None = None) -> Counts:
        """Each label's counts, over weighted rows if need be."""
        return Counts(*(self._weights(weights) @ self._outcomes))

    def confusion(self, weights: Floats | None = None) -> Floats:
        """Right by predicted label, for single-label sets."""
        return metrics.confusion_matrix(*self._positions, len(self.labels), weights)

    @cached_property
    def _positions(self) -> tuple[Integers, Integers]:
        return self.truth.argmax(axis=1), self.predicted.argmax(axis=1)

    def scores(self, weights: Floats | None = None) -> dict[str, float]:
        """Every score, over weighted rows if need be.

        Macro-F1 and mean average precision are means over the labels that occur in any row, whatever the weights: one
        that only rows of no weight have counts as 0.
        """
        decided = self._of_sets(weights) if self.labels.multi_label else self._of_confusion(self.confusion(weights))
        return decided | self.probability_scores(weights)

    def probability_scores(self, weights: Floats | None = None) -> dict[str, float]:
        """Those of the scores that judge probabilities."""
        brier = float(np.average(self._distances, weights=weights))
        if self.labels.multi_label:
            areas = [ranking.average_precision(self._weights(weights)) for ranking in self._rankings]
            return {"mean_average_precision": metrics.mean(areas), "brier": brier}
        return {"ece": metrics.reliability(self.confidence, self.right, weights).error, "brier": brier}

    def _of_sets(self, weights: Floats | None) -> dict[str, float]:
        return self._averages(self.counts(weights)) | {
            "hamming_loss": float(np.average(self._losses, weights=weights)),
            "subset_accuracy": float(np.average(self.right, weights=weights)),
        }

    def _of_confusion(self, confusion: Floats) -> dict[str, float]:
        scores = {"accuracy": metrics.accuracy(confusion), "mcc": metrics.matthews(confusion)}
        scores |= self._averages(metrics.counts_of_confusion(confusion))
        if self.labels.neutral is not None:
            emotions = metrics.emotion_counts(confusion, self.labels.index(self.labels.neutral))
            scores |= {
                "emotion_precision": float(emotions.precision),
                "emotion_recall": float(emotions.recall),
                "emotion_f1": float(emotions.f1),
            }
        return scores

    def _averages(self, counts: Counts) -> dict[str, float]:
        macro_f1 = counts.only(self._seen).mean_f1
        return {"micro_f1": float(counts.total.f1), "macro_f1": macro_f1, "weighted_f1": counts.weighted_f1}

    def _weights(self, weights: Floats | None) -> Floats:
        return np.ones(len(self.examples)) if weights is None else weights

    @cached_property
    def _outcomes(self) -> Floats:
        return metrics.outcomes(self.truth, self.predicted)

    @cached_property
    def _losses(self) -> Floats:
        return metrics.hamming_losses(self.truth, self.predicted)

    @cached_property
    def _distances(self) -> Floats:
        return metrics.squared_distances(self.probabilities, self.truth)

    @cached_property
    def _seen(self) -> Booleans:
        return self.counts().seen

    @cached_property
    def _rankings(self) -> list[metrics.Ranking]:
        """The rows by each label that any of them has."""
        columns = zip(self.truth.T, self.probabilities.T, strict=True)
        return [metrics.Ranking.of(truth, scores) for truth, scores in columns if truth.any()]

    @cached_property
    def resampled(self) -> Floats:
        """The scores over resampled rows, shape ``[samples, scores]``.

        Evaluations of as many rows have the same samples of them, so that their differences are paired.
        """
        return metrics.bootstrap(lambda weights: np.array([*self.scores(weights).values()]), len(self.examples))

    @cached_property
    def reliability(self) -> metrics.Reliability:
        """The reported labels by confidence."""
        return metrics.reliability(self.confidence, self.right)

    @cached_property
    def average_precision(self) -> Floats:
        """Each label's average precision, NaN where no row has the label."""
        columns = zip(self.truth.T, self.probabilities.T, strict=True)
        return np.array([metrics.average_precision(truth, scores) for truth, scores in columns])

    def by_slice(self) -> dict[str, dict[str, dict[str, float]]]:
        """Rows and scores of parts of the rows: slice name, then part, then score."""
        slices = {}
        for name, part_of in SLICES.items():
            parts = [part_of(example) for example in self.examples]
            if 1 < len(set(parts)) <= MOST_PARTS:
                slices[name] = self._parts(parts)
        return slices

    def whole_groups(self) -> dict[str, float] | None:
        """How many groups of several rows there are, and the share of them with every row right; None without any."""
        groups: dict[str, list[bool]] = {}
        for example, right in zip(self.examples, self.right, strict=True):
            if example.group is not None:
                groups.setdefault(example.group, []).append(bool(right))
        several = [all(rights) for rights in groups.values() if len(rights) > 1]
        return {"groups": len(several), "all_right": sum(several) / len(several)} if several else None

    def _parts(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        parts = {}
        for part in sorted(set(names)):
            weights = np.array([name == part for name in names], dtype=np.float64)
            parts[part] = {"rows": int(weights.sum()), **self.scores(weights)}
        return parts

    def summary(self) -> dict[str, Any]:
        """Everything but the texts, as JSON holds it."""
        names = self.labels.names
        counts = self.counts()
        classes = {
            name: {
                "precision": float(counts.precision[index]),
                "recall": float(counts.recall[index]),
                "f1": float(counts.f1[index]),
                "average_precision": _json_number(self.average_precision[index]),
                "threshold": self.thresholds[name] if self.thresholds else None,
                "support": int(counts.support[index]),
            }
            for index, name in enumerate(names)
        }
        scores = self.scores()
        return {
            "model": self.model,
            "version": self.version,
            "rows": len(self.examples),
            "labels": self.labels.to_json(),
            "scores": scores,
            "intervals": {
                name: metrics.interval(column) for name, column in zip(scores, self.resampled.T, strict=True)
            },
            "classes": classes,
            "confusion": None if self.labels.multi_label else self.confusion().astype(int).tolist(),
            "slices": self.by_slice(),
            "whole_groups": self.whole_groups(),
        }


def evaluate(
    model: EmotionModel,
    examples: Sequence[Example],
    labels: LabelSet,
    advance: Callable[[int], object] | None = None,
) -> Evaluation:
    """Runs a model over examples.

    Args:
        model: The model.
        examples: Rows that have their right labels.
        labels: What the rows are labelled with; the model must decide between the same.
        advance: Called with the number of rows done since the last call.

    Raises:
        InputError: No rows, or the model has other labels.
    """
    if not examples:
        raise InputError("There are no rows to evaluate on.")
    if set(model.labels.names) != set(labels.names) or model.labels.multi_label != labels.multi_label:
        raise InputError(
            f"{model.name} decides between {_listed(model.labels)}; the rows are labelled {_listed(labels)}."
        )
    probabilities = np.zeros((len(examples), len(labels)))
    reported: list[Sequence[str]] = []
    for start in range(0, len(examples), CHUNK):
        emotions = model.predict_batch([example.dialogue for example in examples[start : start + CHUNK]])
        for row, emotion in enumerate(emotions, start):
            probabilities[row] = [emotion.probabilities[name] for name in labels.names]
            reported.append(emotion.labels)
        if advance is not None:
            advance(len(emotions))
    given = model.calibration.thresholds
    thresholds = dict(zip(model.labels.names, given, strict=True)) if given else None
    predicted = _indicator(reported, labels)
    return Evaluation(model.name, model.version, labels, examples, probabilities, predicted, thresholds)


def compare(first: Evaluation, second: Evaluation) -> dict[str, Any]:
    """What the second model does better or worse than the first, on the same rows.

    Returns:
        For each score the difference (second minus first), its 95% interval and its p-value from a paired bootstrap;
        and the p-value of McNemar's test that both are right equally often.
    """
    ours, theirs = first.scores(), second.scores()
    resampled = second.resampled - first.resampled
    return {
        "mcnemar_p": metrics.mcnemar(first.right, second.right),
        "differences": {
            name: {
                "difference": theirs[name] - ours[name],
                "interval": metrics.interval(differences),
                "p": metrics.paired_p_value(differences),
            }
            for name, differences in zip(ours, resampled.T, strict=True)
        },
    }


def _indicator(rows: Sequence[Sequence[str]], labels: LabelSet) -> Booleans:
    indicator = np.zeros((len(rows), len(labels)), dtype=bool)
    for number, names in enumerate(rows):
        indicator[number, [labels.index(name) for name in names]] = True
    return indicator


def _json_number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _listed(labels: LabelSet) -> str:
    return ("any of " if labels.multi_label else "one of ") + ", ".join(labels.names)
