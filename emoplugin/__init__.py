"""Emotion from the last three turns of a conversation, for Rasa assistants.

Every public name is imported on first use, so that ``import emoplugin`` stays fast and pulls in neither Rasa,
TensorFlow nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emoplugin.dialogue import Dialogue
    from emoplugin.emotion import Emotion
    from emoplugin.labels import LabelSet
    from emoplugin.models.base import EmotionModel
    from emoplugin.models.bundle import load
    from emoplugin.rasa.channel import EmotionChannel
    from emoplugin.rasa.component import EmotionClassifier
    from emoplugin.rasa.slots import EmotionSlot

__version__ = "0.1.0"

_HOMES = {
    "Dialogue": "emoplugin.dialogue",
    "Emotion": "emoplugin.emotion",
    "EmotionChannel": "emoplugin.rasa.channel",
    "EmotionClassifier": "emoplugin.rasa.component",
    "EmotionModel": "emoplugin.models.base",
    "EmotionSlot": "emoplugin.rasa.slots",
    "LabelSet": "emoplugin.labels",
    "load": "emoplugin.models.bundle",
}

__all__ = [
    "Dialogue",
    "Emotion",
    "EmotionChannel",
    "EmotionClassifier",
    "EmotionModel",
    "EmotionSlot",
    "LabelSet",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'emoplugin' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
