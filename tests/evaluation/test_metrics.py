from __future__ import annotations

import math

import numpy as np
import pytest
from emoplugin.evaluation import metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

CLOSE = {"rel": 0, "abs": 1e-9}


@st.composite
def single_label(draw):
    size = draw(st.integers(2, 6))
    rows = draw(st.integers(1, 60))
    labels = st.lists(st.integers(0, size - 1), min_size=rows, max_size=rows)
    return size, np.array(draw(labels)), np.array(draw(labels))


@st.composite
def multi_label(draw):
    size = draw(st.integers(2, 5))
    rows = draw(st.integers(2, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = generator.random((rows, size)) < draw(st.floats(0.05, 0.9))
    # Few distinct values, so that ties occur.
    scores = np.round(generator.random((rows, size)), draw(st.integers(1, 6)))
    return truth, scores


@given(single_label())
@settings(deadline=None, max_examples=150)
def test_single_label_scores_are_those_of_scikit_learn(case):
    size, truth, predicted = case
    confusion = metrics.confusion_matrix(truth, predicted, size)
    counts = metrics.counts_of_confusion(confusion)
    names = range(size)
    assert (confusion == reference.confusion_matrix(truth, predicted, labels=names)).all()
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        truth, predicted, labels=names, zero_division=0
    )
    assert counts.precision == pytest.approx(precision, **CLOSE)
    assert counts.recall == pytest.approx(recall, **CLOSE)
    assert counts.f1 == pytest.approx(f1, **CLOSE)
    assert (counts.support == support).all()
    assert metrics.accuracy(confusion) == pytest.approx(reference.accuracy_score(truth, predicted), **CLOSE)
    assert metrics.matthews(confusion) == pytest.approx(reference.matthews_corrcoef(truth, predicted), **CLOSE)
    for average, ours in (
        ("micro", float(counts.total.f1)),
        ("macro", counts.macro_f1),
        ("weighted", counts.weighted_f1),
    ):
        assert ours == pytest.approx(reference.f1_score(truth, predicted, average=average, zero_division=0), **CLOSE)
    emotions = metrics.emotion_counts(confusion, neutral=0)
    expected = reference.precision_recall_fscore_support(
        truth, predicted, labels=list(names)[1:], average="micro", zero_division=0
    )
    assert (emotions.precision, emotions.recall, emotions.f1) == pytest.approx(expected[:3], **CLOSE)


@given(multi_label())
@settings(deadline=None, max_examples=100)
def test_multi_label_scores_are_those_of_scikit_learn(case):
    truth, scores = case
    predicted = scores >= 0.5
    counts = metrics.counts_of_sets(truth, predicted)
    seen = np.flatnonzero((truth | predicted).any(axis=0))
    for average, ours in (("micro", float(counts.total.f1)), ("weighted", counts.weighted_f1)):
        expected = reference.f1_score(truth, predicted, average=average, zero_division=0)
        assert ours == pytest.approx(expected, **CLOSE)
    expected = reference.f1_score(truth, predicted, labels=seen, average="macro", zero_division=0) if len(seen) else 0.0
    assert counts.macro_f1 == pytest.approx(expected, **CLOSE)
    losses, matches = metrics.hamming_losses(truth, predicted), metrics.exact_matches(truth, predicted)
    assert losses.mean() == pytest.approx(reference.hamming_loss(truth, predicted), **CLOSE)
    assert matches.mean() == pytest.approx(reference.accuracy_score(truth, predicted), **CLOSE)
    for label in range(truth.shape[1]):
        if truth[:, label].any():
            expected = reference.average_precision_score(truth[:, label], scores[:, label])
            assert metrics.average_precision(truth[:, label], scores[:, label]) == pytest.approx(expected, **CLOSE)


@given(multi_label(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_weighted_average_precision_is_that_of_repeated_rows(case, seed):
    truth, scores = case[0][:, 0], case[1][:, 0]
    weights = np.random.default_rng(seed).integers(0, 4, len(truth))
    if truth.any() and (weights * truth).any():
        expected = reference.average_precision_score(np.repeat(truth, weights), np.repeat(scores, weights))
        found = metrics.Ranking.of(truth, scores).average_precision(weights.astype(float))
        assert found == pytest.approx(expected, **CLOSE)


@given(single_label(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_weighted_calibration_error_is_that_of_repeated_rows(case, seed):
    generator = np.random.default_rng(seed)
    right = case[1] == case[2]
    confidence, weights = generator.random(len(right)), generator.integers(1, 4, len(right))
    repeated = metrics.reliability(np.repeat(confidence, weights), np.repeat(right, weights))
    assert metrics.reliability(confidence, right, weights.astype(float)).error == pytest.approx(repeated.error)


@given(single_label(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_row_weights_count_like_repeated_rows(case, seed):
    size, truth, predicted = case
    weights = np.random.default_rng(seed).integers(0, 4, len(truth))
    repeated = metrics.confusion_matrix(np.repeat(truth, weights), np.repeat(predicted, weights), size)
    assert (metrics.confusion_matrix(truth, predicted, size, weights.astype(float)) == repeated).all()


def test_the_emocontext_metric_on_published_counts():
    # happy 107/102/35, sad 100/67/25, angry 134/125/16 as true positives / false positives / false negatives.
    counts = metrics.Counts(
        np.array([107.0, 100.0, 134.0]), np.array([102.0, 67.0, 125.0]), np.array([35.0, 25.0, 16.0])
    ).total
    assert round(float(counts.precision), 4) == 0.5370
    assert round(float(counts.recall), 4) == 0.8177
    assert round(float(counts.f1), 4) == 0.6483


def test_brier_of_two_labels_is_twice_the_binary_score():
    generator = np.random.default_rng(3)
    positive = generator.random(50)
    truth = generator.random(50) < 0.4
    both = metrics.squared_distances(np.stack([1 - positive, positive], axis=1), np.stack([~truth, truth], axis=1))
    assert both.mean() == pytest.approx(2 * reference.brier_score_loss(truth, positive), **CLOSE)


def test_calibration_error_counts_bins_by_their_rows():
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 1.0])
    right = np.array([True, True, True, False, False, True])
    bins = metrics.reliability(confidence, right, bins=10)
    # 0.95 four times and 1.0: mean confidence 0.96, accuracy 0.8; 0.55 alone: accuracy 0.
    assert bins.error == pytest.approx((5 * 0.16 + 0.55) / 6)
    assert bins.rows.sum() == 6


def test_a_calibrated_model_has_hardly_any_calibration_error():
    generator = np.random.default_rng(0)
    confidence = generator.random(40000)
    assert metrics.reliability(confidence, generator.random(40000) < confidence).error < 0.02


def test_bootstrap_is_seeded_and_covers_the_binomial_interval():
    right = np.zeros(400)
    right[:300] = 1

    def share(weights):
        return np.array([np.average(right, weights=weights)])

    first = metrics.bootstrap(share, 400, seed=5)
    assert (first == metrics.bootstrap(share, 400, seed=5)).all()
    low, high = metrics.interval(first[:, 0])
    width = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - width, abs=0.01)
    assert high == pytest.approx(0.75 + width, abs=0.01)


@pytest.mark.parametrize(
    ("only", "other_only", "expected"), [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 2 / 2**5), (1, 9, 22 / 2**10)]
)
def test_mcnemar_is_the_exact_binomial_test(only, other_only, expected):
    right = np.array([True] * only + [False] * other_only + [True] * 7)
    other = np.array([False] * only + [True] * other_only + [True] * 7)
    assert metrics.mcnemar(right, other) == pytest.approx(expected)


def test_mcnemar_holds_for_many_rows():
    right = np.array([True] * 3000 + [False] * 2800)
    assert 0 < metrics.mcnemar(right, ~right) < 0.05


def test_paired_p_value_is_small_for_a_steady_difference_and_never_zero():
    assert metrics.paired_p_value(np.full(1000, 0.1)) == pytest.approx(2 / 1001)
    assert metrics.paired_p_value(np.array([-0.1, 0.1] * 500)) == 1.0
