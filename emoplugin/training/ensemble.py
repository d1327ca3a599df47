"""Makes an ensemble of trained bundles: weights and temperature are fitted on data that no member was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.evaluation.card import RESEARCH_ONLY
from emoplugin.evaluation.metrics import accuracy, confusion_matrix, emotion_counts
from emoplugin.labels import LabelSet
from emoplugin.models.base import EmotionModel
from emoplugin.models.bundle import find, load
from emoplugin.models.calibration import Calibration, Floats, fit_bias
from emoplugin.models.ensemble import MEMBERS, joint_prior, uncorrected
from emoplugin.training.data import TrainingSet, folds
from emoplugin.training.limits import PAIR, check
from emoplugin.training.trained import Advance, Progress, Trained, device_name

CARD = "README.md"


@dataclass(frozen=True)
class EnsembleConfig:
    """What an ensemble is made of.

    Attributes:
        members: Bundles: folders, or names of shipped ones.
        fitted: Whether the weights are fitted on the recipe's ``train`` data; without it all weigh the same. Members
            must not have been trained on these data.
        folds: Parts of the data for the cross-validated figures.
    """

    members: tuple[str, ...]
    fitted: bool = False
    folds: int = 5

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise InputError(f"members: an ensemble needs two bundles or more, found {len(self.members)}.")
        check(self, folds=PAIR)


class EnsembleTrainer:
    """Fits the weights and copies the members into the bundle."""

    def __init__(
        self,
        config: EnsembleConfig,
        labels: LabelSet,
        data: TrainingSet,
        dev: TrainingSet | None,
        run: Path,
        seed: int,
        progress: Progress,
        advance: Advance = lambda _stage, _done, _all: None,
    ) -> None:
        del dev, run
        self.config, self.labels, self.data = config, labels, data
        self.seed, self.progress, self.advance = seed, progress, advance

    def train(self, target_prior: tuple[float, ...] | None) -> Trained:
        members = [load(member, device="cpu") for member in self.config.members]
        for name, member in zip(self.config.members, members, strict=True):
            if member.labels != self.labels:
                raise InputError(f"{name} decides between {', '.join(member.labels.names)}: not the recipe's labels.")
        without = [member.name for member in members if member.calibration.train_prior is None]
        if target_prior is not None and without:
            raise InputError(
                f"{', '.join(without)}: the bundle does not say the prior that it was trained with, so "
                "labels.target_prior cannot be corrected to. Leave it out, or train the member anew."
            )
        dialogues = [Dialogue(window) for window in self.data.windows]
        parts = []
        for number, member in enumerate(members, 1):
            parts.append(uncorrected(member, member.predict_scores(dialogues)))
            self.advance("members", number, len(members))
        scores, targets = np.stack(parts), self.data.targets

        fold = folds(self.data.groups, self.config.folds, self.seed)
        decided = np.zeros_like(targets)
        for number in range(self.config.folds):
            inside, outside = fold != number, fold == number
            weights, calibration = self._fit(members, scores[:, inside], targets[inside], target_prior)
            mean = np.tensordot(weights, scores[:, outside], axes=1)
            decided[outside] = calibration.probabilities(mean).argmax(axis=1)
        figures = self._figures(decided)
        weights, calibration = self._fit(members, scores, targets, target_prior)
        self.progress({"stage": "ensemble", "weights": np.round(weights, 3).tolist(), **figures})

        names = [f"{number}-{member.name}" for number, member in enumerate(members, 1)]
        config = {
            "kind": "ensemble",
            "labels": self.labels.to_json(),
            "calibration": calibration.to_json(),
            MEMBERS: [{"folder": name, "weight": float(weight)} for name, weight in zip(names, weights, strict=True)],
        }
        files = {
            f"{MEMBERS}/{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for name, folder in zip(names, map(find, self.config.members), strict=True)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        listed = [
            {"name": member.name, "version": member.version, "weight": float(weight), **_terms(name, files)}
            for name, member, weight in zip(names, members, weights, strict=True)
        ]
        return Trained(config, files, device_name("cpu"), {"members": listed, "cross_validated": figures})

    def _fit(
        self,
        members: Sequence[EmotionModel],
        scores: Floats,
        targets: npt.NDArray[np.int64],
        target_prior: tuple[float, ...] | None,
    ) -> tuple[Floats, Calibration]:
        """Weights and temperature with the lowest cross-entropy; under a target prior the bias with the best F1.

        Args:
            members: The members.
            scores: Their log-probabilities, ``[members, dialogues, labels]``.
            targets: Number of each dialogue's label.
            target_prior: Share of each label where the ensemble is used.
        """
        rows, count = np.arange(len(targets)), len(members)

        def read(parameters: Floats) -> tuple[Floats, Calibration]:
            weights = np.exp(parameters[1:]) / np.exp(parameters[1:]).sum()
            prior = joint_prior(members, weights.tolist())
            return weights, Calibration(float(np.exp(parameters[0])), prior, target_prior)

        # Where the target prior is another than that of these data, it would be mistaken for a fault of the members.
        shares = np.bincount(targets, minlength=len(self.labels)) / len(targets)
        here = tuple(np.maximum(shares, 1e-6).tolist())

        def cross_entropy(parameters: Floats) -> float:
            weights, calibration = read(parameters)
            found = replace(calibration, target_prior=here).probabilities(np.tensordot(weights, scores, axes=1))
            return float(-np.log(np.maximum(found[rows, targets], 1e-12)).mean())

        free = count + 1 if self.config.fitted else 1
        found = minimize(
            lambda values: cross_entropy(np.concatenate([values, np.zeros(count + 1 - free)])),
            np.zeros(free),
            bounds=[(-3.0, 3.0)] * free,
        )
        weights, calibration = read(np.concatenate([found.x, np.zeros(count + 1 - free)]))
        if target_prior is not None and calibration.train_prior is not None and self.labels.neutral is not None:
            mean = np.tensordot(weights, scores, axes=1)
            bias = fit_bias(calibration, mean, targets, self.labels.index(self.labels.neutral))
            calibration = replace(calibration, bias=bias)
        return weights, calibration

    def _figures(self, decided: npt.NDArray[np.int64]) -> dict[str, Any]:
        confusion = confusion_matrix(self.data.targets, decided, len(self.labels))
        figures = {"accuracy": float(accuracy(confusion))}
        if self.labels.neutral is not None:
            figures["emotion_f1"] = float(emotion_counts(confusion, self.labels.index(self.labels.neutral)).f1)
        return figures


def _terms(folder: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Where a member's card lies, and whether it forbids to ship the member; nothing is known without a card."""
    path = f"{MEMBERS}/{folder}/{CARD}"
    card = files.get(path)
    return {
        "card": None if card is None else path,
        "research_only": None if card is None else RESEARCH_ONLY in card.decode("utf-8"),
    }
