from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from emoplugin import Dialogue, EmotionModel, LabelSet, load
from emoplugin.errors import InputError
from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.models.base import Window
from emoplugin.models.bundle import Bundle
from emoplugin.models.calibration import Calibration, Floats
from emoplugin.models.explanation import EVALUATIONS, MOST_PIECES, Explanation, explain
from emoplugin.models.features import TURN_NAMES, read_dialogues
from emoplugin.models.nelec import NelecModel

DIALOGUES = [
    Dialogue(["Did you break my phone?", "Yes, it was me", "Are you serious"]),
    Dialogue(["great!!! :) i dont know"]),
    Dialogue([""]),
    Dialogue(["  \t\n", " ", "\u200b"]),
    Dialogue(["one", "two", "three", "four\u2028five", "so happy!!! " * 40]),
    Dialogue(["\ud83d", "\x00 \x1b[31mred", "\u202e 🏳️‍🌈👍🏽x ¯\\_(ツ)_/¯ мир e\u0301\u0301x"]),
    Dialogue(["a" * 1_000_000]),
    Dialogue(["1 2 3 4 " * 1000]),
]


WORTH = {"good": 1.5, "bad": -2.0, "so": 0.25}


class Adding(EmotionModel):
    """Adds up what its words are worth; ``pair`` counts only beside ``other``. Remembers how much it was asked."""

    def __init__(self, labels: LabelSet, calibration: Calibration) -> None:
        super().__init__("adding", "1", labels, calibration)
        self.asked = 0

    @classmethod
    def from_bundle(cls, bundle: Bundle, device: str) -> Adding:
        raise NotImplementedError

    def scores(self, windows: Sequence[Window]) -> Floats:
        self.asked += len(windows)
        scores = np.zeros((len(windows), len(self.labels)))
        for row, window in enumerate(windows):
            words = " ".join(window).split()
            scores[row, 1] = sum(WORTH.get(word, 0.0) for word in words) + 3.0 * ({"pair", "other"} <= {*words})
        return scores


@pytest.fixture
def adding() -> Adding:
    return Adding(LabelSet(("no", "yes")), Calibration(train_prior=(0.5, 0.5), target_prior=(0.8, 0.2)))


@pytest.fixture(scope="module")
def nelec() -> NelecModel:
    model = load("nelec-en")
    assert isinstance(model, NelecModel)
    return model


def worth(explanation: Explanation) -> dict[str, float]:
    return {piece.text: piece.contribution for turn in explanation.turns for piece in turn.pieces}


def check(explanation: Explanation, dialogue: Dialogue) -> None:
    pieces = [piece for turn in explanation.turns for piece in turn.pieces]
    assert len(pieces) <= MOST_PIECES
    total = explanation.base + sum(piece.contribution for piece in pieces)
    assert total == pytest.approx(explanation.score, abs=1e-9)
    assert explanation.confidence == pytest.approx(1 / (1 + np.exp(-explanation.score)))
    assert tuple(turn.text for turn in explanation.turns) == dialogue.window()
    for turn in explanation.turns:
        assert turn.contribution == pytest.approx(sum(piece.contribution for piece in turn.pieces))
        assert all(piece.text == turn.text[piece.start : piece.end] != "" for piece in turn.pieces)
        assert all(before.end <= after.start for before, after in pairwise(turn.pieces))
        if len(turn.text) <= 1000:
            between = [piece.end for piece in turn.pieces], [piece.start for piece in turn.pieces]
            gaps = zip([0, *between[0]], [*between[1], len(turn.text)], strict=True)
            assert not any(turn.text[start:end].strip() for start, end in gaps)
    json.dumps(explanation.to_json(), allow_nan=False)


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=range(len(DIALOGUES)))
def test_pieces_lie_in_the_turns_and_add_up(nelec: NelecModel, dialogue: Dialogue) -> None:
    explanation = explain(nelec, dialogue)
    check(explanation, dialogue)
    emotion = nelec.predict(dialogue)
    assert explanation.label == emotion.label
    assert explanation.confidence == pytest.approx(emotion.confidence, abs=1e-5)


def test_the_same_call_gives_the_same_numbers(nelec: NelecModel) -> None:
    assert explain(nelec, DIALOGUES[0]) == explain(nelec, DIALOGUES[0])


@pytest.mark.parametrize("label", THREE_TURN_LABELS.names)
def test_any_label_can_be_explained(nelec: NelecModel, label: str) -> None:
    explanation = explain(nelec, DIALOGUES[0], label)
    check(explanation, DIALOGUES[0])
    assert explanation.confidence == pytest.approx(nelec.predict(DIALOGUES[0]).probabilities[label], abs=1e-5)


def test_an_unknown_label_is_refused(nelec: NelecModel) -> None:
    with pytest.raises(InputError, match="others, happy, sad, angry"):
        explain(nelec, DIALOGUES[0], "hungry")


def test_feeling_words_decide(nelec: NelecModel) -> None:
    words = worth(explain(nelec, Dialogue(["hi", "hello", "today i am so happy"]), "happy"))
    assert max(words, key=words.__getitem__) == "happy"


def test_a_word_is_worth_what_it_adds(adding: Adding) -> None:
    explanation = explain(adding, Dialogue(["good", "so what", "bad news"]), "yes")
    assert worth(explanation) == pytest.approx({"good": 1.5, "so": 0.25, "what": 0, "bad": -2.0, "news": 0})
    assert explanation.base == pytest.approx(np.log(0.2 / 0.8))
    assert explain(adding, Dialogue(["good"]), "no").score == pytest.approx(-1.5 - np.log(0.2 / 0.8))


def test_words_that_count_together_share(adding: Adding) -> None:
    assert worth(explain(adding, Dialogue(["pair", "other"]), "yes")) == pytest.approx({"pair": 1.5, "other": 1.5})
    crowd = worth(explain(adding, Dialogue(["pair " + " ".join(map(str, range(20))), "other"]), "yes"))
    assert (crowd["pair"], crowd["other"], crowd["7"]) == pytest.approx((1.5, 1.5, 0.0))


def test_independent_labels() -> None:
    model = Adding(LabelSet(("no", "yes"), multi_label=True), Calibration(temperature=2.0))
    explanation = explain(model, Dialogue(["so bad"]), "yes")
    assert worth(explanation) == pytest.approx({"so": 0.125, "bad": -1.0})
    assert explanation.base == pytest.approx(0.0)


def test_the_work_is_bounded(adding: Adding) -> None:
    dialogue = Dialogue([" ".join(f"{turn}{word}" for word in range(500)) + " good bad" for turn in "abc"])
    explanation = explain(adding, dialogue, "yes")
    assert adding.asked <= EVALUATIONS
    check(explanation, dialogue)
    last = explanation.turns[-1].pieces[-1]
    assert last.text.endswith(" good bad")
    assert last.contribution == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("I don't know!!!! sad:(", ["I", "don't", "know", "!!!!", "sad", ":("]),
        ("sooooo brb  T_T", ["sooooo", "brb", "T_T"]),
        ("ill be there", ["ill", "be", "there"]),
        ("👩‍👩‍👧‍👦👍🏽", ["👩‍👩‍👧‍👦", "👍🏽"]),
        ("\u200b\u200b hi\ufeff", ["\u200b\u200b", "hi\ufeff"]),
    ],
)
def test_pieces_are_what_is_read_as_one(adding: Adding, text: str, pieces: list[str]) -> None:
    assert [piece.text for piece in explain(adding, Dialogue([text]), "yes").turns[-1].pieces] == pieces


def test_a_model_without_features_shows_none(adding: Adding) -> None:
    explanation = explain(adding, DIALOGUES[0], "yes")
    assert not explanation.features
    assert not any(turn.features for turn in explanation.turns)


def test_feature_effects_are_those_in_the_lexical_part(nelec: NelecModel) -> None:
    explanation = explain(nelec, DIALOGUES[0], "angry")
    read = read_dialogues(nelec.normalizer, [DIALOGUES[0].window()])
    scores = nelec.lexical.scores(read)[0]
    read.dense[:] = 0
    added = scores - nelec.lexical.scores(read)[0]
    features = [feature for turn in explanation.turns for feature in turn.features] + [*explanation.features]
    expected = added[3] - added[:3].mean()
    assert sum(feature.effect for feature in features) == pytest.approx(expected, abs=1e-4)
    assert "ends_question" in {feature.name for feature in explanation.turns[0].features}
    assert {feature.name.partition(".")[0] for feature in explanation.features} <= {"change", "cross"} - {*TURN_NAMES}
