from __future__ import annotations

import numpy as np
import pytest
import torch
from emoplugin.errors import InputError
from emoplugin.training.losses import LossConfig, divergence, losses
from torch.nn import functional as F

PLAIN = LossConfig(smoothing=0.0)
SCORES = torch.from_numpy(np.random.default_rng(0).normal(scale=2.0, size=(6, 4)))
ONE = F.one_hot(torch.tensor([0, 1, 2, 3, 0, 1]), 4).double()
SEVERAL = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]]).double()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_without_focus_it_is_cross_entropy(smoothing: float) -> None:
    expected = F.cross_entropy(SCORES, ONE, label_smoothing=smoothing, reduction="none")
    assert torch.allclose(losses(SCORES, ONE, LossConfig(smoothing=smoothing), False), expected)


def test_without_focus_several_labels_have_binary_cross_entropy() -> None:
    expected = F.binary_cross_entropy_with_logits(SCORES, SEVERAL, reduction="none").sum(dim=1)
    assert torch.allclose(losses(SCORES, SEVERAL, PLAIN, True), expected)


def test_focus_multiplies_by_what_is_missing_to_certainty() -> None:
    probability = (F.softmax(SCORES, dim=1) * ONE).sum(dim=1)
    expected = -((1 - probability) ** 2) * probability.log()
    assert torch.allclose(losses(SCORES, ONE, LossConfig(smoothing=0.0, focus=2.0), False), expected)


def test_asymmetric_loss_forgives_what_is_absent_below_the_margin() -> None:
    config = LossConfig(smoothing=0.0, focus=1.0, focus_absent=4.0, margin=0.05)
    p = torch.sigmoid(SCORES)
    left = (p - 0.05).clamp(min=0)
    expected = -(SEVERAL * (1 - p) * p.log() + (1 - SEVERAL) * left**4 * (1 - left).log()).sum(dim=1)
    assert torch.allclose(losses(SCORES, SEVERAL, config, True), expected)
    assert losses(torch.full((1, 4), -4.0), torch.zeros(1, 4), config, True) == 0


@pytest.mark.parametrize("multi_label", [False, True])
def test_gradients_are_finite_where_the_network_is_certain(multi_label: bool) -> None:
    scores = torch.tensor([[80.0, -80.0, 0.0, 0.0]], requires_grad=True)
    config = LossConfig(focus=2.0, focus_absent=4.0, margin=0.05)
    losses(scores, torch.tensor([[1.0, 0.0, 0.0, 0.0]]), config, multi_label).sum().backward()
    assert torch.isfinite(scores.grad).all()


def test_divergence_is_the_mean_of_both_directions_and_zero_for_equals() -> None:
    other = SCORES.flip(0)
    one, two = F.log_softmax(SCORES, dim=1), F.log_softmax(other, dim=1)
    both = F.kl_div(one, two, log_target=True, reduction="none") + F.kl_div(two, one, log_target=True, reduction="none")
    assert torch.allclose(divergence(SCORES, other, False), both.sum(dim=1) / 2)
    for multi_label in (False, True):
        assert divergence(SCORES, SCORES, multi_label).abs().max() == 0
        assert (divergence(SCORES, other, multi_label) >= 0).all()


@pytest.mark.parametrize(
    ("setting", "message"), [({"focus": -1.0}, "focus must be 0 or more"), ({"margin": 1.0}, "margin must be")]
)
def test_a_bad_setting_is_named(setting: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LossConfig(**setting)
