"""Dense features of a dialogue: what each turn looks like, and what happens between the turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emoplugin.dialogue import WINDOW
from emoplugin.text import SURFACE_FEATURES, Normalizer

Float32 = npt.NDArray[np.float32]

TURN_NAMES = ("turn1", "turn2", "turn3")
CROSS_FEATURES = (
    "has_turn1",
    "has_turn2",
    "repeats_turn1",
    "overlap_turn1",
    "overlap_turn2",
    "shorter_than_turn1",
    "longer_than_turn1",
    "short_answer_to_question",
    "new_words",
)
"""Features that relate the last turn to the ones before it; all lie between 0 and 1."""

DENSE_FEATURES = (
    *(f"{turn}.{name}" for turn in TURN_NAMES for name in SURFACE_FEATURES),
    *(f"change.{name}" for name in SURFACE_FEATURES),
    *(f"cross.{name}" for name in CROSS_FEATURES),
)
"""Names of the columns of ``ReadDialogues.dense``. ``change`` is the last turn's value less the user's first turn's."""


@dataclass(frozen=True)
class ReadDialogues:
    """Dialogues after the text pass.

    Attributes:
        texts: Model text of each turn, dialogue by dialogue, three a dialogue.
        dense: Shape ``[dialogues, len(DENSE_FEATURES)]``.
    """

    texts: list[str]
    dense: Float32

    def __len__(self) -> int:
        return len(self.dense)


def read_dialogues(normalizer: Normalizer, windows: Sequence[tuple[str, ...]]) -> ReadDialogues:
    """Runs the text pass over windows of three turns and computes their dense features."""
    texts, surface = normalizer.analyze_batch([turn for window in windows for turn in window])
    per_turn = surface.reshape(len(windows), WINDOW, len(SURFACE_FEATURES))
    flat = per_turn.reshape(len(windows), -1)
    change = (per_turn[:, 2] - per_turn[:, 0]) * (per_turn[:, 0].any(axis=1, keepdims=True))
    cross = np.array([_cross(*texts[index : index + 3]) for index in range(0, len(texts), 3)], dtype=np.float32)
    return ReadDialogues(
        texts, np.concatenate([flat, change, cross.reshape(len(windows), len(CROSS_FEATURES))], axis=1)
    )


def _cross(first: str, second: str, last: str) -> tuple[float, ...]:
    before, bot, now = first.split(), second.split(), last.split()
    words = set(now)
    seen = set(before) | set(bot)
    size = max(len(words), 1)
    longest = max(len(before), len(now), 1)
    return (
        float(bool(before)),
        float(bool(bot)),
        float(bool(now) and first == last),
        len(words & set(before)) / size,
        len(words & set(bot)) / size,
        max(len(before) - len(now), 0) / longest,
        max(len(now) - len(before), 0) / longest if before else 0.0,
        float("?" in second and 0 < len(now) <= 3),
        len(words - seen) / size if seen else 0.0,
    )
