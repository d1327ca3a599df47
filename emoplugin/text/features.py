"""The surface features of a turn: what is seen in it before any model is asked.

While a turn is read, notes (a name and a value) are added up in one column a name; at the end of a batch the columns
are squeezed into bounded features.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Note: TypeAlias = tuple[str, float]
Matrix: TypeAlias = npt.NDArray[np.float32]

SIGN_FAMILIES = (
    *(
        "bad",
        "calm",
        "cry",
        "cute",
        "disgust",
        "fear",
        "hurt",
        "joy",
        "laugh",
        "love",
        "mad",
        "meh",
        "ok",
        "party",
        "sad",
    ),
    *("sick", "smug", "thanks", "tired", "wow", "person", "nature", "food", "flag", "object", "symbol"),
)
"""Families of emoji and emoticons: first the feelings, then from ``person`` on what shows none."""

FEELING_FAMILIES = SIGN_FAMILIES[: SIGN_FAMILIES.index("person")]

LEXICON_FAMILIES = (
    *("joy", "love", "gratitude", "pride", "relief", "amusement", "sadness", "loneliness", "grief", "disappointment"),
    *("hurt", "exhaustion", "anger", "annoyance", "contempt", "disgust", "fear", "surprise", "confusion", "desire"),
)
"""Families of the words in the lexicon."""

CUES = (
    *("negation", "intensifier", "diminisher", "profanity", "laughter", "greeting", "farewell", "thanks", "yes", "no"),
    *("question_word", "first_person", "second_person", "apology", "politeness", "insult", "urgency", "contrast"),
)
"""Kinds of words in the table of cues."""

_COUNTS = (
    *(f"sign_{family}" for family in FEELING_FAMILIES),
    *("emoji", "emoticons", "exclamations", "questions", "ellipses", "strong_exclamation", "strong_question"),
    *("shouted", "elongated", "words"),
    *CUES,
    *("positive_words", "negative_words", "negated_positive", "negated_negative"),
    *(f"lexicon_{family}" for family in LEXICON_FAMILIES),
)
_FLAGS = ("starts_question", "starts_yes", "starts_no", "ends_question", "ends_exclamation", "ends_sign")
_SUMS = ("sign_valence", "lexicon_valence")
_SHARES = ("capitals",)
_DERIVED = ("is_empty", "only_signs")

COLUMNS = {name: number for number, name in enumerate((*_COUNTS, *_FLAGS, *_SUMS, *_SHARES))}
"""The column in which the notes of each name are added up."""

SURFACE_FEATURES: tuple[str, ...] = (*COLUMNS, *_DERIVED)
"""Names of the surface features.

Counts (``sign_bad`` to ``lexicon_desire``) are log(1 + n), n being at most a thousand; a hit in the lexicon counts by
its intensity. Flags (``starts_``, ``ends_``, ``is_empty``, ``only_signs``) are 0 or 1. Sums of valence are cut to
[-3, 3]. ``capitals`` is the share of capitals among all characters.
"""

_BOUNDS = {_COUNTS: (0.0, 1000.0), _FLAGS: (0.0, 1.0), _SUMS: (-3.0, 3.0), _SHARES: (-np.inf, 1.0)}
_LOWEST, _HIGHEST = np.array([bounds for names, bounds in _BOUNDS.items() for _ in names]).T.copy()
_SIGNS = [COLUMNS["emoji"], COLUMNS["emoticons"]]


def surface(columns: list[int], values: list[float], counts: list[int], lengths: list[int]) -> Matrix:
    """Adds up the notes of a batch of turns and squeezes them into features.

    Args:
        columns: The columns of all notes, turn after turn.
        values: Their values.
        counts: How many notes each turn has.
        lengths: How many characters each turn has.

    Returns:
        A row a turn, a column a name of ``SURFACE_FEATURES``.
    """
    turns, width = len(counts), len(COLUMNS)
    cells = np.arange(0, turns * width, width).repeat(counts) + np.array(columns, dtype=np.int64)
    # Where there is nothing to add up, bincount gives whole numbers.
    sums = np.bincount(cells, weights=values, minlength=turns * width).reshape(turns, width).astype(np.float64)
    sums[:, -len(_SHARES) :] /= np.array([length or 1 for length in lengths]).reshape(-1, 1)
    # Not np.clip, which takes several times as long for one turn.
    bounded = np.minimum(np.maximum(sums, _LOWEST), _HIGHEST)
    counted = bounded[:, : len(_COUNTS)]
    signs, words = counted[:, _SIGNS].any(axis=1), counted[:, COLUMNS["words"]]

    result = np.empty((turns, len(SURFACE_FEATURES)), dtype=np.float32)
    result[:, :width] = bounded
    np.log1p(counted, out=result[:, : len(_COUNTS)], casting="same_kind")
    result[:, width] = [length == 0 for length in lengths]
    result[:, width + 1] = signs & (words == 0)
    return result


def word_notes(affects: Iterable[tuple[str, float, float]], cues: Iterable[str]) -> list[Note]:
    """What the tables say about a word.

    Args:
        affects: Families, valences and intensities in the lexicon.
        cues: Kinds in the table of cues.
    """
    notes = [("words", 1.0), *((cue, 1.0) for cue in cues)]
    for family, valence, intensity in affects:
        notes += [(f"lexicon_{family}", intensity), ("lexicon_valence", valence)]
        notes.append(("positive_words" if valence > 0 else "negative_words", 1.0))
    return notes
