"""Emotion labels in an assistant's NLU training data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rasa.shared.nlu.constants import METADATA, METADATA_EXAMPLE, TEXT
from rasa.shared.nlu.training_data.message import Message

from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet
from emoplugin.rasa.context import EMOTION, dialogue_of

TURNS = "turns"
"""The key of an example's metadata with the turns before it, beside ``emotion``."""


def labelled(messages: Iterable[Message], labels: LabelSet) -> list[tuple[Dialogue, tuple[str, ...]]]:
    """The dialogues and labels of the examples whose metadata name an emotion.

    Raises:
        InputError: Metadata that are not as they should be. The message names the example.
    """
    found = []
    for message in messages:
        metadata = (message.get(METADATA) or {}).get(METADATA_EXAMPLE)
        if isinstance(metadata, Mapping) and EMOTION in metadata and isinstance(message.get(TEXT), str):
            try:
                found.append((_dialogue(message.get(TEXT), metadata), _labels(metadata[EMOTION], labels)))
            except InputError as error:
                raise InputError(f"the example {message.get(TEXT)!r} of the NLU data: {error}") from None
    return found


def _dialogue(text: str, metadata: Mapping[str, Any]) -> Dialogue:
    turns = metadata.get(TURNS, [])
    if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
        raise InputError(f"turns is {turns!r}; give a list of the texts before the example, oldest first.")
    if len(turns) >= WINDOW:
        raise InputError(f"turns has {len(turns)} texts; give the last {WINDOW - 1} before the example at most.")
    return Dialogue((*turns, text)) if turns else dialogue_of(text, None)


def _labels(emotion: Any, labels: LabelSet) -> tuple[str, ...]:
    names = emotion if labels.multi_label and isinstance(emotion, list) else [emotion]
    for name in names:
        labels.index(name)
    return tuple(names)
