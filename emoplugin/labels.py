"""The emotion names a model decides between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emoplugin.errors import InputError


@dataclass(frozen=True)
class LabelSet:
    """Names in the order of a model's outputs.

    Attributes:
        names: The labels, unique and not empty.
        neutral: The label that means no emotion, or None where a label set has none.
        multi_label: Whether several labels can hold at once. Probabilities are then independent of each other.

    Raises:
        InputError: No names, an empty or repeated name, or a neutral label that is not among the names.
    """

    names: tuple[str, ...]
    neutral: str | None = None
    multi_label: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not self.names:
            raise InputError("A label set needs at least one label.")
        if any(not isinstance(name, str) or not name.strip() for name in self.names):
            raise InputError(f"Labels are non-empty strings, found {list(self.names)!r}.")
        repeated = sorted({name for name in self.names if self.names.count(name) > 1})
        if repeated:
            raise InputError(f"Labels are named twice: {', '.join(repeated)}.")
        if self.neutral is not None and self.neutral not in self.names:
            raise InputError(f"The neutral label {self.neutral!r} is not among the labels {', '.join(self.names)}.")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a label; an InputError names the allowed ones for anything else."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(f"Unknown label {name!r}: expected one of {', '.join(self.names)}.") from None

    @property
    def emotions(self) -> tuple[str, ...]:
        """The labels other than the neutral one."""
        return tuple(name for name in self.names if name != self.neutral)

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "neutral": self.neutral, "multi_label": self.multi_label}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabelSet:
        return cls(tuple(data["names"]), data.get("neutral"), bool(data.get("multi_label", False)))


THREE_TURN_LABELS = LabelSet(("others", "happy", "sad", "angry"), neutral="others")
"""The label set of EmoContext, EmoTurns and the shipped models."""
