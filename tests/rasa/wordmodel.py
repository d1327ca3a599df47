"""A bundle of a few bytes whose model decides by words in the last turn, for tests about everything but the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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


class MultiWordModel(WordModel):
    """Finds every word; the earlier one stands in the turn, the surer it is."""

    def scores(self, windows: Sequence[Window]) -> Floats:
        scores = np.full((len(windows), len(self.labels)), -3.0)
        for row, window in enumerate(windows):
            for word, column in WORDS.items():
                if word in window[-1]:
                    scores[row, column] = 3.0 - window[-1].index(word) / 10
        return scores


def write(
    folder: Path, version: str = "1", calibration: Calibration | None = None, *, multi_label: bool = False
) -> Path:
    KINDS.update({"words": "wordmodel:WordModel", "multi-words": "wordmodel:MultiWordModel"})
    calibration = calibration or Calibration(train_prior=(0.25, 0.25, 0.25, 0.25))
    labels = replace(THREE_TURN_LABELS, multi_label=multi_label)
    config = {"kind": "multi-words" if multi_label else "words", "name": "words", "version": version}
    write_bundle(folder, {**config, "labels": labels.to_json(), "calibration": calibration.to_json()}, {})
    return folder
