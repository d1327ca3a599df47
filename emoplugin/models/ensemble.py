"""An ensemble: several models of one label set that decide together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emoplugin.errors import BundleError
from emoplugin.models.base import EmotionModel, Window
from emoplugin.models.bundle import Bundle, load
from emoplugin.models.calibration import Calibration, Floats

if TYPE_CHECKING:
    from emoplugin.labels import LabelSet

MEMBERS = "members"
"""The folder with the members' bundles."""


class EnsembleModel(EmotionModel):
    """A weighted mean of the members' log-probabilities.

    The members' own prior correction is left out. The ensemble corrects once, by its own calibration.
    """

    uses_gpu = True

    def __init__(
        self,
        name: str,
        version: str,
        labels: LabelSet,
        calibration: Calibration,
        *,
        members: Sequence[EmotionModel],
        weights: Sequence[float],
    ) -> None:
        super().__init__(name, version, labels, calibration)
        self.members = tuple(members)
        self.weights = np.asarray(weights, dtype=np.float64)

    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> EnsembleModel:
        entries = bundle.config[MEMBERS]
        members = [load(bundle.folder / MEMBERS / entry["folder"], device=device) for entry in entries]
        for entry, member in zip(entries, members, strict=True):
            if member.labels != bundle.labels:
                raise BundleError(f"{bundle.folder}: the member {entry['folder']} has other labels than the ensemble.")
        return cls(
            bundle.name,
            bundle.version,
            bundle.labels,
            bundle.calibration,
            members=members,
            weights=[float(entry["weight"]) for entry in entries],
        )

    def scores(self, windows: Sequence[Window]) -> Floats:
        found: Floats = np.tensordot(
            self.weights, np.stack([uncorrected(member, member.scores(windows)) for member in self.members]), axes=1
        )
        return found


def uncorrected(member: EmotionModel, scores: Floats) -> Floats:
    """A member's log-probabilities with its temperature and without its prior correction, ``[dialogues, labels]``."""
    probabilities = Calibration(member.calibration.temperature).probabilities(scores)
    logarithms: Floats = np.log(np.maximum(probabilities, 1e-12))
    return logarithms


def joint_prior(members: Sequence[EmotionModel], weights: Sequence[float]) -> tuple[float, ...] | None:
    """The training prior that a weighted mean of log-probabilities carries: the members' weighted geometric mean."""
    priors = [member.calibration.train_prior for member in members]
    if any(prior is None for prior in priors):
        return None
    mean = np.exp(np.asarray(weights) @ np.log(np.asarray(priors, dtype=np.float64)))
    return tuple((mean / mean.sum()).tolist())
