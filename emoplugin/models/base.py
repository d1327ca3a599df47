"""What every emotion model is, whatever decides inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.emotion import Emotion
from emoplugin.labels import LabelSet
from emoplugin.models.calibration import Calibration, Floats

if TYPE_CHECKING:
    from emoplugin.models.bundle import Bundle

BATCH = 64
TURN_CHARACTERS = 2000

Window = tuple[str, ...]


class EmotionModel(ABC):
    """A model that is loaded and ready. Safe to call from several threads; nothing in it changes after loading.

    Attributes:
        name: The bundle's name.
        version: The bundle's version.
        labels: What it decides between.
        calibration: How its raw scores become probabilities.
        batch: Most dialogues that are scored at once.
        uses_gpu: Whether models of the kind run on a GPU where there is one.
    """

    batch = BATCH
    uses_gpu = False

    def __init__(self, name: str, version: str, labels: LabelSet, calibration: Calibration) -> None:
        calibration.check(labels)
        self.name = name
        self.version = version
        self.labels = labels
        self.calibration = calibration

    @classmethod
    @abstractmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> EmotionModel:
        """Reads the model from a verified bundle; ``device`` is ``cpu`` or a GPU that is there."""

    @abstractmethod
    def scores(self, windows: Sequence[Window]) -> Floats:
        """Raw scores of at most ``batch`` windows of three turns each, shape ``[windows, labels]``."""

    def predict(self, dialogue: Dialogue, *, min_confidence: float = 0.0) -> Emotion:
        """The emotion of the dialogue's last turn.

        Args:
            dialogue: The turns, oldest first.
            min_confidence: Below it the model abstains: the neutral label stands in the reported one's place.
        """
        return self.predict_batch([dialogue], min_confidence=min_confidence)[0]

    def predict_batch(self, dialogues: Iterable[Dialogue], *, min_confidence: float = 0.0) -> list[Emotion]:
        """The emotion of each dialogue, in the order given. Any number of dialogues; memory stays bounded."""
        return [self._emotion(row, min_confidence) for row in self.predict_proba(list(dialogues))]

    def predict_proba(self, dialogues: Sequence[Dialogue]) -> Floats:
        """Calibrated probabilities, shape ``[dialogues, labels]``, columns in the order of ``labels.names``."""
        return self.calibration.probabilities(self.predict_scores(dialogues), self.labels.multi_label)

    def predict_scores(self, dialogues: Sequence[Dialogue]) -> Floats:
        """Raw scores before calibration, shape ``[dialogues, labels]``."""
        windows = [tuple(_shorten(turn) for turn in dialogue.window(WINDOW)) for dialogue in dialogues]
        # Dialogues of like length share a batch, so that little of it is padding.
        order = sorted(range(len(windows)), key=lambda index: sum(map(len, windows[index])))
        scores = np.zeros((len(windows), len(self.labels)), dtype=np.float64)
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            scores[chosen] = self.scores([windows[index] for index in chosen])
        return scores

    def _emotion(self, row: Any, min_confidence: float) -> Emotion:
        names = self.labels.names
        values = [float(value) for value in row]
        probabilities = dict(zip(names, values, strict=True))
        thresholds = self.calibration.thresholds or ((0.5 if self.labels.multi_label else 0.0,) * len(names))
        ranked = sorted(range(len(names)), key=lambda index: -values[index])
        floors = [max(threshold, min_confidence) for threshold in thresholds]
        candidates = ranked if self.labels.multi_label else ranked[:1]
        above = [index for index in candidates if values[index] >= floors[index]]
        if above:
            return Emotion(names[above[0]], values[above[0]], probabilities, tuple(names[index] for index in above))
        neutral = self.labels.neutral
        best = names[ranked[0]]
        label = best if neutral is None else neutral
        reported = () if self.labels.multi_label and neutral is None else (label,)
        return Emotion(label, probabilities[label], probabilities, reported, abstained=label != best or neutral is None)


def _shorten(turn: str) -> str:
    """Bounds the work a single turn can cause; both ends are kept because feeling tends to sit there."""
    if len(turn) <= TURN_CHARACTERS:
        return turn
    half = TURN_CHARACTERS // 2
    return f"{turn[:half]} {turn[-half:]}"
