"""How the user's emotion develops over a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        "frustration", "grief", "nervousness", "remorse", "sad", "sadness",
    }
)  # fmt: skip
"""Labels whose rise means that a conversation goes badly."""


@dataclass(frozen=True)
class Trajectory:
    """Where the newest message stands in the conversation.

    Attributes:
        streak: How many of the user's messages in a row have had this label, the newest included.
        trend: ``escalating`` where the newest message is clearly more negative than the mood before it, ``recovering``
            where it is clearly less so, else ``steady``.
        mood: Exponentially weighted mean of the messages' probabilities, by label.
    """

    streak: int
    trend: str
    mood: dict[str, float]

    @classmethod
    def after(cls, emotion: Emotion, previous: Mapping[str, Any] | None) -> Trajectory:
        """The trajectory with a new message.

        Args:
            emotion: What the newest message shows.
            previous: What the component attached to the user's message before, or None for a first message. One from
                a model with other labels counts as none.
        """
        mood = previous.get("mood") if previous is not None else None
        if previous is None or not isinstance(mood, Mapping) or set(mood) != set(emotion.probabilities):
            return cls(1, "steady", dict(emotion.probabilities))
        change = negativity(emotion.probabilities) - negativity(mood)
        return cls(
            streak=1 + int(previous.get("streak", 0)) if previous.get("label") == emotion.label else 1,
            trend="escalating" if change >= STEP else "recovering" if change <= -STEP else "steady",
            mood={name: DECAY * mood[name] + (1 - DECAY) * value for name, value in emotion.probabilities.items()},
        )


def negativity(probabilities: Mapping[str, float]) -> float:
    """The most probable negative label's probability, 0 where a label set has none."""
    return max((float(value) for name, value in probabilities.items() if name in NEGATIVE), default=0.0)


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
        unknown = sorted(set(config) - {field.name for field in fields(cls)})
        if unknown or "labels" not in config:
            raise InputError(
                f"alert takes labels, confidence, times and of, and labels has to be there; found {dict(config)}."
            )
        names = config["labels"] if isinstance(config["labels"], list) else [config["labels"]]
        if not names:
            raise InputError(f"alert's labels are empty; name some of {', '.join(labels.names)}.")
        for name in names:
            labels.index(name)
        alert = cls(**{**config, "labels": tuple(names)})
        if not isinstance(alert.confidence, int | float) or not 0 <= alert.confidence <= 1:
            raise InputError(f"alert's confidence is {alert.confidence!r}; give a number from 0 to 1.")
        if not isinstance(alert.times, int) or not isinstance(alert.of, int) or not 1 <= alert.times <= alert.of:
            raise InputError(
                f"alert counts {alert.times!r} of {alert.of!r} messages; give whole numbers, times at most of."
            )
        return alert
