from __future__ import annotations

import numpy as np
import pytest
from emoplugin.training.data import TrainingSet, balanced


def test_balancing_brings_the_labels_weights_together() -> None:
    marks = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    data = TrainingSet([("", "", "hi")] * 4, marks, np.ones(4, np.float32), list("abcd"), np.zeros(4, np.int64))
    assert balanced(data, 0.0).weights.tolist() == [1, 1, 1, 1]
    even = balanced(data, 1.0).weights
    assert even[3] == pytest.approx(even[:3].sum())
    assert even.sum() == pytest.approx(4)


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_a_dialogue_without_a_label_keeps_its_weight(strength: float) -> None:
    marks = np.array([[1, 0], [1, 1], [0, 0]], dtype=np.float32)
    data = TrainingSet([("", "", "hi")] * 3, marks, np.full(3, 2.0, np.float32), list("abc"), np.zeros(3, np.int64))
    assert balanced(data, strength).weights[2] == 2.0
