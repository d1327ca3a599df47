from __future__ import annotations

import emoplugin
import pytest
from rasa.shared.core.domain import Domain

DOMAIN = """
intents: [greet]
entities: [emotion]
slots:
  emotion:
    type: emoplugin.EmotionSlot
    mappings: [{type: from_entity, entity: emotion}]
"""


@pytest.fixture
def slot() -> emoplugin.EmotionSlot:
    (slot,) = (slot for slot in Domain.from_yaml(DOMAIN).slots if slot.name == "emotion")
    return slot


def test_emotions_feature_apart(slot: emoplugin.EmotionSlot) -> None:
    features = []
    for value in ("happy", "sad", "angry"):
        slot.value = value
        features.append(tuple(slot.as_feature()))
    assert len(set(features)) == 3
    assert all(sum(feature) == 1 for feature in features)


@pytest.mark.parametrize("value", [None, "others"])
def test_neutral_features_as_unset(slot: emoplugin.EmotionSlot, value: str | None) -> None:
    slot.value = value
    assert not any(slot.as_feature())


def test_neutral_value_and_values_are_a_choice() -> None:
    text = DOMAIN.replace("    mappings", "    neutral: calm\n    values: [cross]\n    mappings")
    (slot,) = (slot for slot in Domain.from_yaml(text).slots if slot.name == "emotion")
    assert slot.persistence_info()["neutral"] == "calm"
    slot.value = "calm"
    assert not any(slot.as_feature())
    slot.value = "cross"
    assert any(slot.as_feature())


def test_it_can_be_told_not_to_influence_the_conversation() -> None:
    text = DOMAIN.replace("    mappings", "    influence_conversation: false\n    mappings")
    (slot,) = (slot for slot in Domain.from_yaml(text).slots if slot.name == "emotion")
    slot.value = "angry"
    assert slot.as_feature() == []
