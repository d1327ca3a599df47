"""Losses of scores against target probabilities, for one label a dialogue and for any number."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from emoplugin.training.limits import NOT_NEGATIVE, PART, check


@dataclass(frozen=True)
class LossConfig:
    """What is minimised. With every value 0 it is cross-entropy, binary for each label where several can hold.

    Attributes:
        smoothing: Share of the target's probability that is spread over all labels.
        focus: How much less a label that holds counts the surer the network is of it (focal loss, Lin et al. 2017).
        focus_absent: The same for the labels that do not hold, where several can (asymmetric loss, Ridnik et al. 2021).
        margin: Below this probability a label that does not hold counts nothing (same source).
        agreement: Weight of the divergence between two passes with dropout drawn anew (R-Drop, Wu et al. 2021). Above 0
            a step costs twice as much.
    """

    smoothing: float = 0.05
    focus: float = 0.0
    focus_absent: float = 0.0
    margin: float = 0.0
    agreement: float = 0.0

    def __post_init__(self) -> None:
        check(self, focus=NOT_NEGATIVE, focus_absent=NOT_NEGATIVE, agreement=NOT_NEGATIVE)
        check(self, smoothing=PART, margin=PART)


def losses(scores: torch.Tensor, targets: torch.Tensor, config: LossConfig, multi_label: bool) -> torch.Tensor:
    """The loss of each dialogue, ``[dialogues]``.

    Args:
        scores: Raw scores, ``[dialogues, labels]``.
        targets: Probability of each label, same shape.
        config: The arguments.
        multi_label: Whether each label is decided on its own.
    """
    targets = targets * (1.0 - config.smoothing) + config.smoothing / targets.shape[1]
    if not multi_label:
        logarithms = F.log_softmax(scores, dim=1)
        return -(targets * (1.0 - logarithms.exp()) ** config.focus * logarithms).sum(dim=1)
    probabilities = torch.sigmoid(scores)
    present = targets * (1.0 - probabilities) ** config.focus * F.logsigmoid(scores)
    if config.margin:
        left = (probabilities - config.margin).clamp(min=0.0)
        absent = left**config.focus_absent * torch.log1p(-left)
    else:
        absent = probabilities**config.focus_absent * F.logsigmoid(-scores)
    return -(present + (1.0 - targets) * absent).sum(dim=1)


def divergence(first: torch.Tensor, second: torch.Tensor, multi_label: bool) -> torch.Tensor:
    """Mean of the two Kullback-Leibler divergences between what two passes say, ``[dialogues]``.

    With one label a dialogue the scores may stand for log-probabilities, since their constants cancel.
    """
    probabilities = (torch.sigmoid(each) if multi_label else F.softmax(each, dim=1) for each in (first, second))
    one, other = probabilities
    return ((one - other) * (first - second)).sum(dim=1) / 2.0
