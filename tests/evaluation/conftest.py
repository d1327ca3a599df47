from __future__ import annotations

import numpy as np
import pytest
from emoplugin.datasets import Example
from emoplugin.dialogue import Dialogue
from emoplugin.labels import THREE_TURN_LABELS, LabelSet
from emoplugin.models.base import EmotionModel
from emoplugin.models.calibration import Calibration

TAGS = LabelSet(("joy", "fear", "neutral"), neutral="neutral", multi_label=True)


class NamedLabels(EmotionModel):
    """Reports the labels that the last turn names, for rows whose right predictions are known."""

    @classmethod
    def from_bundle(cls, bundle, device):
        raise NotImplementedError

    def scores(self, windows):
        return np.array([[4.0 if name in window[-1] else -4.0 for name in self.labels.names] for window in windows])


@pytest.fixture
def single():
    return NamedLabels("single", "1", THREE_TURN_LABELS, Calibration())


@pytest.fixture
def multi():
    return NamedLabels("multi", "1", TAGS, Calibration(thresholds=(0.5, 0.4, 0.5)))


@pytest.fixture
def example():
    def make(last, *labels, before=("hello", "hi"), **more):
        return Example(Dialogue([*before, last]), labels, more.pop("id", last), **more)

    return make
