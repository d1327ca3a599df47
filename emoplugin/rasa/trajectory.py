"""How the user's emotion develops over a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emoplugin.emotion import Emotion

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
