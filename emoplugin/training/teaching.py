"""Distillation: what trained models say of the training data is part of the targets (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.evaluation.card import RESEARCH_ONLY
from emoplugin.labels import LabelSet
from emoplugin.models.bundle import find, load, open_bundle
from emoplugin.models.features import Float32
from emoplugin.training.trained import Advance


def taught(
    targets: Float32,
    windows: Sequence[tuple[str, ...]],
    labels: LabelSet,
    teachers: Sequence[str],
    share: float,
    advance: Advance,
) -> Float32:
    """Targets with the teachers' mean probabilities mixed in.

    Args:
        targets: Shape ``[dialogues, labels]``.
        windows: The dialogues' turns.
        labels: The recipe's labels.
        teachers: Names or folders of bundles of these labels. Their probabilities are taken without prior correction.
        share: The teachers' share of the new targets.
        advance: Called after each teacher.

    Returns:
        Targets of the same shape; the given ones where there are no teachers.

    Raises:
        InputError: A teacher decides between other labels.
    """
    if not teachers:
        return targets
    dialogues = [Dialogue(window) for window in windows]
    said = np.zeros_like(targets)
    for number, name in enumerate(teachers, 1):
        teacher = load(name)
        if (teacher.labels.names, teacher.labels.multi_label) != (labels.names, labels.multi_label):
            raise InputError(
                f"The teacher {name} decides between {', '.join(teacher.labels.names)}, not the recipe's labels."
            )
        plain = replace(teacher.calibration, target_prior=None)
        said += plain.probabilities(teacher.predict_scores(dialogues), labels.multi_label)
        advance("teachers", number, len(teachers))
    mixed: Float32 = (1.0 - share) * targets + share / len(teachers) * said
    return mixed


def teachers_terms(teachers: Sequence[str]) -> list[dict[str, Any]]:
    """Name and version of each teacher, and whether its card says that it is for research only; None without a card."""
    bundles = [open_bundle(find(name)) for name in teachers]
    cards = [bundle.folder / "README.md" for bundle in bundles]
    return [
        {
            "name": bundle.name,
            "version": bundle.version,
            "research_only": RESEARCH_ONLY in card.read_text(encoding="utf-8") if card.is_file() else None,
        }
        for bundle, card in zip(bundles, cards, strict=True)
    ]
