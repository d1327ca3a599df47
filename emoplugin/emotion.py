"""What a model says about the last turn of a dialogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Emotion:
    """A prediction.

    Attributes:
        label: The reported label. The neutral one where the model abstained.
        confidence: Calibrated probability of the reported label, 0 to 1.
        probabilities: Every label's probability. They sum to 1 for single-label models and are independent of each
            other for multi-label ones.
        labels: The labels above their thresholds, most probable first; for single-label models the reported one alone.
        abstained: Whether no label was sure enough, so that the neutral label stands in its place.
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    abstained: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
            "labels": list(self.labels),
            "abstained": self.abstained,
        }
