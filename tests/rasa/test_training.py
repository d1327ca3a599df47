"""What stops ``rasa train``: a configuration that cannot work, told in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tinyproject
from emoplugin import EmotionClassifier
from emoplugin.rasa import validation
from rasa.shared.exceptions import InvalidConfigException
from running import rasa

SLOT = {"type": "emoplugin.EmotionSlot", "mappings": [{"type": "from_entity", "entity": "emotion"}]}

ANGRY_ROLE = {"values": ["angry"], "mappings": [{"type": "from_entity", "entity": "emotion", "role": "angry"}]}


def test_a_slot_that_lacks_a_label_fails_the_command_in_a_sentence(tmp_path: Path) -> None:
    tinyproject.write(tmp_path, domain={"slots": {"emotion": {**SLOT, "values": ["happy", "sad"]}}})
    trained = rasa(tmp_path, "train")
    assert trained.returncode == 1
    said = trained.stdout + trained.stderr
    assert "Traceback" not in said
    (sentence,) = (line for line in said.splitlines() if "EmotionSlot" in line)
    assert "the slot emotion does not know angry" in sentence
    assert "add angry to its values in the domain." in sentence
    assert not (tmp_path / "models").exists()


@pytest.fixture(autouse=True)
def no_cache_of_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("slot", "config", "says"),
    [
        (ANGRY_ROLE, {}, "the role angry, so that it is never filled; set roles: true"),
        ({}, {"roles": True}, "no role, so that it is never filled; with roles: true give"),
        ({"neutral": "calm"}, {}, "does not know others .* set its neutral to others in the domain"),
        ({}, {"labels": ["others", "homesick"]}, "does not know homesick .* add homesick to its values"),
        ({}, {"min_confidence": 1.5}, "min_confidence is 1.5"),
        ({}, {"threshold": 0.5}, "unknown key threshold"),
        ({}, {"model": "nelec-xx"}, "No bundle 'nelec-xx'"),
        ({}, {"alert": {"labels": ["cross"]}}, "Unknown label 'cross'"),
    ],
)
def test_what_else_cannot_be_trained(tmp_path: Path, slot: dict[str, Any], config: dict[str, Any], says: str) -> None:
    tinyproject.write(tmp_path, config, {"slots": {"emotion": {**SLOT, **slot}}})
    with pytest.raises(InvalidConfigException, match=says) as error:
        tinyproject.train(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("slot", "config"),
    [
        ({}, {}),
        ({"values": ["happy", "Sad", "ANGRY", "tired"]}, {}),
        (ANGRY_ROLE, {"roles": True}),
        ({"values": ["angry"]}, {"labels": ["others", "angry"]}),
    ],
)
def test_what_can_be_trained(tmp_path: Path, slot: dict[str, Any], config: dict[str, Any]) -> None:
    tinyproject.write(tmp_path, config, {"slots": {"emotion": {**SLOT, **slot}}})
    assert tinyproject.train(tmp_path).endswith(".tar.gz")


def test_a_class_of_the_same_name_elsewhere_is_left_alone() -> None:
    names = ("EmotionClassifier", "emoplugin.EmotionClassifier", "emoplugin.rasa.component.EmotionClassifier")
    pipeline = [{"name": name} for name in (*names, "mine.EmotionClassifier")]
    assert len(list(validation._configurations({"pipeline": pipeline}, EmotionClassifier))) == len(names)
