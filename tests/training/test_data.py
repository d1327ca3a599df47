from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.training.data import Source, TrainingSet, assemble, balanced


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


def test_shuffling_takes_the_turns_before_from_elsewhere_and_spares_contrast_groups() -> None:
    told = assemble([Source("emoturns", "dev")], THREE_TURN_LABELS, None, seed=1)
    data = assemble([Source("emoturns", "dev", shuffled=1.0)], THREE_TURN_LABELS, None, seed=1)
    assert [window[-1] for window in data.windows] == [window[-1] for window in told.windows]
    assert (data.marks == told.marks).all()
    sizes = Counter(data.groups)
    firsts, seconds = ({window[place] for window in told.windows} for place in (0, 1))
    changed = 0
    for group, shuffled, plain in zip(data.groups, data.windows, told.windows, strict=True):
        assert shuffled[0] in firsts
        assert shuffled[1] in seconds
        if sizes[group] > 1:
            assert shuffled == plain
        changed += shuffled != plain
    assert changed >= 0.99 * sum(size for size in sizes.values() if size == 1)
