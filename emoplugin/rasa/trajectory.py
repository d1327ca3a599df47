"""How the user's emotion develops over a conversation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from emoplugin.emotion import Emotion
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet

DECAY = 0.5
"""Weight of the mood so far against the newest message."""

STEP = 0.2
"""A change of negativity below this much is called steady."""

NEGATIVE = frozenset(
    {
        "anger", "angry", "annoyance", "contempt", "disappointment", "disapproval", "disgust", "fear", "frustrated",
        "frustration", "grief", "neg", "negative", "nervousness", "remorse", "sad", "sadness",
    }
)  # fmt: skip
"""Labels whose rise means that a conversation goes badly, where the configuration names none."""


@dataclass(frozen=True)
class Trajectory:
    """Where the newest message stands in the conversation.

    Attributes:
        streak: How many of the user's messages in a row have had this label, the newest included.
        trend: ``escalating`` where the newest message's negativity is ``STEP`` or more above that of the mood before
            it, ``recovering`` where it is as much below, else ``steady``.
        mood: Exponentially weighted mean of the messages' probabilities, by label.
    """

    streak: int
    trend: str
    mood: dict[str, float]

    @classmethod
    def after(
        cls, emotion: Emotion, previous: Mapping[str, Any] | None, negative: Collection[str] = NEGATIVE
    ) -> Trajectory:
        """The trajectory with a new message.

        Args:
            emotion: What the newest message shows.
            previous: What the component attached to the user's message before, or None for a first message. One from
                a model with other labels counts as none.
            negative: The labels that count as negative.
        """
        mood = previous.get("mood") if previous is not None else None
        if previous is None or not isinstance(mood, Mapping) or set(mood) != set(emotion.probabilities):
            return cls(1, "steady", dict(emotion.probabilities))
        change = negativity(emotion.probabilities, negative) - negativity(mood, negative)
        return cls(
            streak=1 + int(previous.get("streak", 0)) if previous.get("label") == emotion.label else 1,
            trend="escalating" if change >= STEP else "recovering" if change <= -STEP else "steady",
            mood={name: DECAY * mood[name] + (1 - DECAY) * value for name, value in emotion.probabilities.items()},
        )


def negativity(probabilities: Mapping[str, float], negative: Collection[str] = NEGATIVE) -> float:
    """The most probable negative label's probability, 0 where a label set has none."""
    return max((float(value) for name, value in probabilities.items() if name in negative), default=0.0)


def negative_labels(names: Collection[str] | None, labels: LabelSet) -> Collection[str]:
    """The labels that a configuration names as negative, or the known ones where it names none.

    Raises:
        InputError: A name that is none of the model's labels.
    """
    unknown = [name for name in names or () if name not in labels.names]
    if unknown:
        raise InputError(f"negative names {', '.join(unknown)}; the labels are {', '.join(labels.names)}.")
    return NEGATIVE if names is None else names


def is_share(value: object) -> bool:
    """Whether it is a number from 0 to 1. A boolean is none, though Python counts with it."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Alert:
    """When a conversation calls for a person.

    Attributes:
        labels: The labels that count.
        confidence: The lowest confidence that counts.
        times: How many of the user's last messages have to count.
        of: How many last messages are looked at, the newest included.
    """

    labels: tuple[str, ...]
    confidence: float = 0.0
    times: int = 1
    of: int = 1

    def holds(self, newest_first: Iterable[Mapping[str, Any]]) -> bool:
        """Whether enough of the newest messages count, by what the component attached to them."""
        recent = islice(newest_first, self.of)
        counted = [
            found for found in recent if found["label"] in self.labels and found["confidence"] >= self.confidence
        ]
        return len(counted) >= self.times

    @classmethod
    def read(cls, config: Mapping[str, Any], labels: LabelSet) -> Alert:
        """Reads a configuration and checks it against a model's labels.

        Raises:
            InputError: One sentence that says what to change.
        """
        if "labels" not in config or not set(config) <= {field.name for field in fields(cls)}:
            raise InputError(
                f"alert takes labels, confidence, times and of, and labels has to be there; found {dict(config)}."
            )
        names = config["labels"] if isinstance(config["labels"], list) else [config["labels"]]
        if not names:
            raise InputError(f"alert's labels are empty; name some of {', '.join(labels.names)}.")
        for name in names:
            labels.index(name)
        alert = cls(**{**config, "labels": tuple(names)})
        if not is_share(alert.confidence):
            raise InputError(f"alert's confidence is {alert.confidence!r}; give a number from 0 to 1.")
        if not _is_whole(alert.times) or not _is_whole(alert.of) or not 1 <= alert.times <= alert.of:
            raise InputError(
                f"alert counts {alert.times!r} of {alert.of!r} messages; give whole numbers, times at most of."
            )
        return alert
