"""How fast a model is on this machine, beside the text pass that every model begins with."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from emoplugin.dialogue import Dialogue
from emoplugin.models.base import EmotionModel
from emoplugin.text import Normalizer

WARM_UP = 50
REPEATS = 3


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        dialogues: How many dialogues.
        median_ms: Milliseconds for one dialogue, at the median.
        p95_ms: At the 95th percentile.
        per_second: Dialogues a second, all given at once.
        text_per_second: Dialogues a second that the text pass alone reads, in the same run.
    """

    dialogues: int
    median_ms: float
    p95_ms: float
    per_second: float
    text_per_second: float


def measure_speed(
    model: EmotionModel,
    dialogues: Sequence[Dialogue],
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Speed:
    """Times a model on dialogues: one by one, and all at once as the best of several repeats.

    Args:
        model: The model, loaded.
        dialogues: Two or more.
        advance: Called with the number of dialogues done, ``1 + REPEATS`` times each in all.
    """
    for dialogue in dialogues[:WARM_UP]:
        model.predict(dialogue)
    single = []
    for dialogue in dialogues:
        single.append(_seconds(partial(model.predict, dialogue)))
        advance(1)
    bulk = []
    for _ in range(REPEATS):
        bulk.append(_seconds(lambda: model.predict_batch(dialogues)))
        advance(len(dialogues))
    normalizer = Normalizer()
    turns = [turn for dialogue in dialogues for turn in dialogue.window()]
    text = min(_seconds(lambda: normalizer.analyze_batch(turns)) for _ in range(REPEATS))
    return Speed(
        dialogues=len(dialogues),
        median_ms=statistics.median(single) * 1e3,
        p95_ms=statistics.quantiles(single, n=20)[-1] * 1e3,
        per_second=len(dialogues) / min(bulk),
        text_per_second=len(dialogues) / text,
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
