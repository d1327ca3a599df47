from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from emoplugin import LabelSet
from emoplugin.errors import InputError
from emoplugin.models.calibration import Calibration, fit_bias, fit_temperature, fit_thresholds
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

SCORES = arrays(np.float64, (5, 3), elements=st.floats(-50, 50))


@given(SCORES, st.floats(0.05, 20))
def test_single_label_probabilities_sum_to_one(scores: np.ndarray, temperature: float) -> None:
    prior, target = (0.2, 0.3, 0.5), (0.8, 0.1, 0.1)
    probabilities = Calibration(temperature, prior, target).probabilities(scores)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities >= 0).all()


@given(SCORES)
def test_prior_correction_multiplies_and_renormalises(scores: np.ndarray) -> None:
    prior, target = np.array([0.2, 0.3, 0.5]), np.array([0.8, 0.1, 0.1])
    plain = Calibration().probabilities(scores)
    expected = plain * target / prior
    expected /= expected.sum(axis=1, keepdims=True)
    corrected = Calibration(1.0, tuple(prior), tuple(target)).probabilities(scores)
    assert np.allclose(corrected, expected, atol=1e-9)


@given(SCORES)
def test_multi_label_probabilities_are_independent(scores: np.ndarray) -> None:
    together = Calibration().probabilities(scores, multi_label=True)
    alone = np.hstack([Calibration().probabilities(scores[:, [column]], multi_label=True) for column in range(3)])
    assert np.array_equal(together, alone)


def test_temperature_recovers_an_overconfident_model() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(5000, 3))
    probabilities = Calibration().probabilities(scores)
    targets = np.array([generator.choice(3, p=row) for row in probabilities])
    assert fit_temperature(scores * 4, targets) == pytest.approx(4, rel=0.1)


def test_a_bias_makes_the_decisions_best_for_emotion_f1_where_emotions_are_rare() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(4000, 3)) * 1.5
    targets = np.array([generator.choice(3, p=row) for row in Calibration().probabilities(scores)])
    prior = tuple((np.bincount(targets) / len(targets)).tolist())
    plain = Calibration(1.0, prior, (0.8, 0.1, 0.1))
    bias = fit_bias(plain, scores, targets, neutral=0)
    assert bias[0] == 0.0
    assert bias[1] == bias[2] > 0.0

    weights = (np.array(plain.target_prior) / np.array(prior))[targets]

    def emotion_f1(value: float) -> float:
        decided = replace(plain, bias=(0.0, value, value)).probabilities(scores).argmax(axis=1)
        hits = weights[(decided == targets) & (targets > 0)].sum()
        return float(2 * hits / (weights[decided > 0].sum() + weights[targets > 0].sum()))

    assert emotion_f1(bias[1]) == max(emotion_f1(value) for value in (bias[1], *np.linspace(-2, 2, 81)))


def test_a_bias_counts_only_with_a_prior_correction() -> None:
    scores = np.array([[0.3, 0.2, 0.1]])
    biased = Calibration(train_prior=(0.4, 0.3, 0.3), bias=(0.0, 1.0, 1.0))
    assert np.array_equal(biased.probabilities(scores), Calibration().probabilities(scores))
    assert replace(biased, target_prior=(0.4, 0.3, 0.3)).probabilities(scores)[0].argmax() == 1


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (Calibration(temperature=0), "temperature"),
        (Calibration(target_prior=(0.5, 0.5)), "target_prior needs one value"),
        (Calibration(thresholds=(0.1, 0.2, 1.5)), "thresholds must lie between 0 and 1"),
        (Calibration(bias=(0.0, 9.0, 9.0)), "bias must lie between -2 and 2"),
        (Calibration(train_prior=(0.0, 0.5, 0.5)), "train_prior must lie"),
    ],
)
def test_values_that_do_not_fit(calibration: Calibration, message: str) -> None:
    with pytest.raises(InputError, match=message):
        calibration.check(LabelSet(("a", "b", "c")))


def test_json_round_trip() -> None:
    calibration = Calibration(1.5, (0.5, 0.5), None, (0.1, 0.2))
    assert Calibration.from_json(calibration.to_json()) == calibration


def test_each_threshold_has_the_highest_f1() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.random((200, 2))
    truth = generator.random((200, 2)) < probabilities**2

    def f1(label: int, threshold: float) -> float:
        given = probabilities[:, label] >= threshold
        return 2 * (given & truth[:, label]).sum() / (given.sum() + truth[:, label].sum())

    for label, threshold in enumerate(fit_thresholds(probabilities, truth, trust=1.0)):
        assert f1(label, threshold) == pytest.approx(max(f1(label, each) for each in probabilities[:, label]))


def test_a_label_without_a_held_out_row_gets_a_threshold_from_its_probabilities() -> None:
    probabilities = np.array([[0.9], [0.6], [0.1], [0.1]])
    (threshold,) = fit_thresholds(probabilities, np.zeros((4, 1), dtype=bool))
    assert 0.1 < threshold < 0.6


def test_temperature_recovers_an_overconfident_model_of_several_labels() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(4000, 3))
    truth = generator.random((4000, 3)) < Calibration().probabilities(scores, multi_label=True)
    assert fit_temperature(scores * 4, truth, multi_label=True) == pytest.approx(4, rel=0.1)
