from __future__ import annotations

from typing import Any

import pytest
from emoplugin.emotion import Emotion
from emoplugin.rasa.trajectory import Trajectory, negativity


def heard(label: str, confidence: float = 0.9) -> Emotion:
    names = ("others", "happy", "sad", "angry")
    rest = (1 - confidence) / 3
    return Emotion(label, confidence, {name: confidence if name == label else rest for name in names}, (label,))


def run(*labels: str) -> list[Trajectory]:
    found: list[Trajectory] = []
    previous: dict[str, Any] | None = None
    for label in labels:
        trajectory = Trajectory.after(heard(label), previous)
        found.append(trajectory)
        previous = {"label": label, "streak": trajectory.streak, "mood": trajectory.mood}
    return found


def test_a_first_message_starts_everything() -> None:
    (first,) = run("sad")
    assert (first.streak, first.trend, first.mood) == (1, "steady", heard("sad").probabilities)


def test_streak_counts_the_label_in_a_row() -> None:
    assert [step.streak for step in run("angry", "angry", "angry", "others", "angry")] == [1, 2, 3, 1, 1]


def test_trend_rises_and_falls_with_negativity() -> None:
    steps = run("others", "angry", "angry", "others", "happy")
    assert [step.trend for step in steps] == ["steady", "escalating", "escalating", "recovering", "recovering"]
    assert {step.trend for step in run("happy", "others", "happy", "others")} == {"steady"}
    assert run("sad", "angry")[-1].trend == "steady"


def test_a_trend_goes_by_the_labels_that_count_as_negative() -> None:
    calm = {"mood": heard("others").probabilities}
    assert Trajectory.after(heard("sad"), calm).trend == "escalating"
    assert Trajectory.after(heard("sad"), calm, ["angry"]).trend == "steady"
    assert Trajectory.after(heard("happy"), calm, ["happy"]).trend == "escalating"


@pytest.mark.parametrize("name", ["neg", "negative", "anger", "angry", "sad", "fear"])
def test_known_negative_names(name: str) -> None:
    assert negativity({name: 0.7, "neu": 0.2, "pos": 0.1}) == 0.7


def test_mood_weighs_the_newest_message_half() -> None:
    mood = run("others", "angry")[-1].mood
    assert mood["angry"] == pytest.approx((0.9 + 0.1 / 3) / 2)
    assert sum(mood.values()) == pytest.approx(1)


@pytest.mark.parametrize("previous", [{}, {"mood": None}, {"label": "joy", "mood": {"joy": 1.0}, "streak": 4}])
def test_what_another_model_left_counts_as_nothing(previous: dict[str, Any]) -> None:
    assert Trajectory.after(heard("angry"), previous).streak == 1


def test_negativity_of_labels_without_a_negative_one() -> None:
    assert negativity({"joy": 0.9, "surprise": 0.1}) == 0
