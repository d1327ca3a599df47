from __future__ import annotations

import json

import numpy as np
import pytest
from emoplugin.errors import InputError
from emoplugin.evaluation.evaluate import compare, evaluate
from emoplugin.labels import LabelSet


@pytest.fixture
def rows(example):
    return [
        example("happy", "happy", group="g-1"),
        example("sad", "happy", group="g-1"),
        example("others 😀", "others", group="g-2", before=()),
        example("angry", "angry", group="g-2"),
        example("sad", "sad", before=("", "hm")),
    ] * 4


def test_single_label_scores(single, rows):
    done = []
    evaluation = evaluate(single, rows, single.labels, advance=done.append)
    assert sum(done) == len(rows)
    summary = evaluation.summary()
    assert summary["scores"]["accuracy"] == pytest.approx(0.8)
    assert summary["scores"]["emotion_f1"] == pytest.approx(0.75)
    assert summary["confusion"] == [[4, 0, 0, 0], [0, 4, 4, 0], [0, 0, 4, 0], [0, 0, 0, 4]]
    low, high = summary["intervals"]["accuracy"]
    assert 0.55 < low < 0.8 < high <= 1
    assert summary["whole_groups"] == {"groups": 2, "all_right": 0.5}
    assert summary["classes"]["happy"]["recall"] == 0.5
    assert json.loads(json.dumps(summary, allow_nan=False))["rows"] == 20


def test_slices_part_the_rows(single, rows):
    slices = evaluate(single, rows, single.labels).by_slice()
    assert slices.keys() == {"words in the last turn", "emoji", "context", "group"}
    assert {part: scores["rows"] for part, scores in slices["context"].items()} == {
        "0 turns before": 4,
        "1 turn before": 4,
        "2 turns before": 12,
    }
    assert slices["emoji"]["with emoji"]["accuracy"] == 1
    assert {part: scores["rows"] for part, scores in slices["group"].items()} == {"g": 16, "none": 4}


def test_multi_label_scores(multi, example):
    rows = [example("joy", "joy"), example("joy fear", "joy", "fear"), example("neutral", "fear"), example("?")]
    evaluation = evaluate(multi, rows, multi.labels)
    assert evaluation.predicted.tolist() == [
        [True, False, False],
        [True, True, False],
        [False, False, True],
        [False] * 2 + [True],
    ]
    summary = evaluation.summary()
    assert summary["scores"]["micro_f1"] == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))
    assert summary["scores"]["subset_accuracy"] == 0.5
    assert summary["scores"]["hamming_loss"] == pytest.approx(3 / 12)
    assert summary["classes"]["fear"]["threshold"] == 0.4
    assert summary["classes"]["neutral"]["average_precision"] is None
    assert summary["confusion"] is None
    json.dumps(summary, allow_nan=False)


def test_columns_follow_the_labels_of_the_rows(single, rows):
    reordered = LabelSet(("sad", "angry", "others", "happy"), neutral="others")
    evaluation = evaluate(single, rows, reordered)
    assert evaluation.scores() == pytest.approx(evaluate(single, rows, single.labels).scores())


def test_comparison_finds_the_better_model(single, example):
    rows = [example("happy", "happy") for _ in range(30)] + [example("sad", "happy") for _ in range(30)]
    worse = evaluate(single, rows, single.labels)
    better = type(worse)("better", "1", worse.labels, rows, worse.probabilities, worse.truth)
    comparison = compare(worse, better)
    assert comparison["mcnemar_p"] < 1e-6
    accuracy = comparison["differences"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(0.5)
    assert accuracy["interval"][0] > 0.3
    assert accuracy["p"] < 0.01
    same = compare(worse, worse)
    assert same["mcnemar_p"] == 1
    assert same["differences"]["mcc"] == {"difference": 0, "interval": (0, 0), "p": 1}


def test_what_cannot_be_evaluated(single, multi, rows):
    with pytest.raises(InputError, match="no rows"):
        evaluate(single, [], single.labels)
    with pytest.raises(
        InputError, match="multi decides between any of joy, fear, neutral; the rows are labelled one of"
    ):
        evaluate(multi, rows, single.labels)


def test_probabilities_are_those_of_the_model(single, rows):
    evaluation = evaluate(single, rows, single.labels)
    assert np.allclose(evaluation.probabilities, single.predict_proba([row.dialogue for row in rows]))
    assert np.allclose(evaluation.confidence, evaluation.probabilities.max(axis=1))
