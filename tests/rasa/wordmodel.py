"""A bundle of a few bytes whose model decides by words in the last turn, for tests about everything but the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.models.base import EmotionModel, Window
from emoplugin.models.bundle import KINDS, Bundle, write_bundle
from emoplugin.models.calibration import Calibration, Floats

WORDS = {"glad": 1, "blue": 2, "mad": 3}


class WordModel(EmotionModel):
    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> WordModel:
        return cls(bundle.name, bundle.version, bundle.labels, bundle.calibration)

    def scores(self, windows: Sequence[Window]) -> Floats:
        scores = np.zeros((len(windows), len(self.labels)))
        for row, window in enumerate(windows):
            scores[row, next((column for word, column in WORDS.items() if word in window[-1]), 0)] = 3.0
        return scores


def write(folder: Path, version: str = "1", calibration: Calibration | None = None) -> Path:
    KINDS["words"] = "wordmodel:WordModel"
    calibration = calibration or Calibration(train_prior=(0.25, 0.25, 0.25, 0.25))
    config = {"kind": "words", "name": "words", "version": version}
    write_bundle(folder, {**config, "labels": THREE_TURN_LABELS.to_json(), "calibration": calibration.to_json()}, {})
    return folder
