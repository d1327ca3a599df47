"""Why a model decided as it did: what each word of a dialogue adds to the score of a label.

The score is the log-odds of the label's calibrated probability; 0 is a probability of one half. What a word adds is its
Shapley value (Shapley 1953): the change of the score when the word joins others, averaged over the orders in which the
words may come. Orders are sampled, each with its reverse (Castro et al. 2009; Mitchell et al. 2022). In every order the
changes lead from the score of no words to the score of all, so their averages add up exactly.

This asks nothing of a model but probabilities. What dense features add to a lexical part is told beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.models.base import TURN_CHARACTERS, EmotionModel, Window
from emoplugin.models.calibration import Floats
from emoplugin.models.features import DENSE_FEATURES, TURN_NAMES, read_dialogues
from emoplugin.models.nelec import NelecModel
from emoplugin.text import Normalizer

EVALUATIONS = 600
"""Most variants of a dialogue that are asked about."""

MOST_PIECES = 64
"""In a dialogue of more words, neighbours are taken together until there are no more pieces than this."""

_CHUNK = re.compile(r"\S+")
_LEAST = 1e-12

Span = tuple[int, int]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """A word, sign or emoji of a turn, or several words where there are many.

    Attributes:
        start: Where it starts in the turn, in Unicode code points.
        end: Where it ends.
        text: The user's own characters from ``start`` to ``end``.
        contribution: What it adds to the score.
    """

    start: int
    end: int
    text: str
    contribution: float


@dataclass(frozen=True)
class Feature:
    """A dense feature that is on.

    Attributes:
        name: Its name: of a surface feature, or, where it relates turns, with ``change.`` or ``cross.`` before it.
        value: Its value in this dialogue.
        effect: What it adds, exactly, to the lexical part's raw score of the label less the mean of the other labels'.
            This is another score than the one that the pieces add up to.
    """

    name: str
    value: float
    effect: float


@dataclass(frozen=True)
class ExplainedTurn:
    """A turn of the window that the model reads.

    Attributes:
        text: The turn; empty where the dialogue has fewer turns.
        contribution: What its pieces add to the score together.
        pieces: What the model reads of it, in order; they do not overlap.
        features: The surface features that are on in it, strongest first; none for models without a lexical part.
    """

    text: str
    contribution: float
    pieces: tuple[Piece, ...]
    features: tuple[Feature, ...]


@dataclass(frozen=True)
class Explanation:
    """How the score of a label comes about: ``base`` and the contributions of all pieces add up to ``score``.

    Attributes:
        model: The model's name.
        label: The label that is explained.
        confidence: Its calibrated probability.
        score: The log-odds of ``confidence``.
        base: The score of the same dialogue without its words.
        turns: The three turns that the model reads, oldest first.
        features: The features between turns that are on, strongest first.
    """

    model: str
    label: str
    confidence: float
    score: float
    base: float
    turns: tuple[ExplainedTurn, ...]
    features: tuple[Feature, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class _Segment(NamedTuple):
    """A stretch of a turn that the model reads: the whole turn, or the head or the tail of a very long one."""

    turn: int
    text: str
    start: int
    spans: list[Span]
    """The pieces, within ``text``."""


def explain(model: EmotionModel, dialogue: Dialogue, label: str | None = None) -> Explanation:
    """Explains what a model says of a dialogue. The same call gives the same numbers.

    Args:
        model: Any model. It is asked about ``EVALUATIONS`` variants of the dialogue at most.
        dialogue: The turns, oldest first.
        label: The label to explain; the reported one where None.

    Raises:
        InputError: The model has no such label.
    """
    label = model.predict(dialogue).label if label is None else label
    column = model.labels.index(label)
    window = dialogue.window(WINDOW)
    segments = _segments(window)

    def ask(coalitions: Bools) -> Floats:
        probabilities = model.predict_proba([_variant(segments, kept) for kept in coalitions])
        return _log_odds(probabilities, column, model.labels.multi_label)

    base, score, contributions = _shapley(sum(len(segment.spans) for segment in segments), ask)
    values = iter(contributions.tolist())
    pieces: list[list[Piece]] = [[] for _ in window]
    for turn, text, offset, spans in segments:
        pieces[turn] += [Piece(start + offset, end + offset, text[start:end], next(values)) for start, end in spans]
    features = _features(model, _variant(segments, np.ones_like(contributions, dtype=bool)).turns, column)
    return Explanation(
        model=model.name,
        label=label,
        confidence=float(1.0 / (1.0 + np.exp(-score))),
        score=score,
        base=base,
        turns=tuple(
            ExplainedTurn(text, sum((piece.contribution for piece in found), 0.0), tuple(found), features.get(name, ()))
            for name, text, found in zip(TURN_NAMES, window, pieces, strict=True)
        ),
        features=features.get("", ()),
    )


def _shapley(pieces: int, ask: Callable[[Bools], Floats]) -> tuple[float, float, Floats]:
    """The score of no piece, the score of all, and the Shapley value of each.

    Args:
        pieces: How many there are.
        ask: Gives the scores of coalitions, shape ``[coalitions, pieces]``: which pieces are there.
    """
    random = np.random.default_rng(0)
    pairs = max((EVALUATIONS - 2) // (2 * max(pieces - 1, 1)), 1)
    orders = np.array([random.permutation(pieces) for _ in range(pairs)], dtype=np.int64)
    orders = np.vstack([orders, orders[:, ::-1]])
    rank = np.argsort(orders, axis=1)
    coalitions = rank[:, None, :] < np.arange(pieces + 1)[:, None]
    different, which = np.unique(
        coalitions.reshape(coalitions.shape[0] * coalitions.shape[1], pieces), axis=0, return_inverse=True
    )
    scores = ask(different)[which].reshape(len(orders), pieces + 1)
    changes = np.take_along_axis(np.diff(scores, axis=1), rank, axis=1)
    return float(scores[0, 0]), float(scores[0, -1]), changes.mean(axis=0)


def _segments(window: Window) -> list[_Segment]:
    """The window's segments, cut into pieces."""
    normalizer = Normalizer()
    segments = []
    for turn, text in enumerate(window):
        half = TURN_CHARACTERS // 2
        read = [(0, len(text))] if len(text) <= TURN_CHARACTERS else [(0, half), (len(text) - half, len(text))]
        segments += [_Segment(turn, text[start:end], start, _words(normalizer, text[start:end])) for start, end in read]
    size = next(size for size in count(1) if sum(-(-len(segment.spans) // size) for segment in segments) <= MOST_PIECES)
    return [segment._replace(spans=_joined(segment.spans, size)) for segment in segments]


def _words(normalizer: Normalizer, text: str) -> list[Span]:
    """Spans of what the text pass takes for words, signs and emoji. All that is not white space is in one of them."""
    aligned = normalizer.align(text)
    starts: set[int] = set()
    place = reached = 0
    for word in aligned.text.split(" ") if aligned.text else ():
        origins = aligned.spans[place : place + len(word)]
        # Words that the same characters became, such as "do not" of "dont", are not cut apart.
        if origins[0][0] >= reached:
            starts.add(origins[0][0])
        reached = max(reached, *(end for _, end in origins))
        place += len(word) + 1
    spans: list[Span] = []
    for chunk in _CHUNK.finditer(text):
        first, end = chunk.span()
        spans += pairwise([first, *(start for start in range(first + 1, end) if start in starts), end])
    return spans


def _joined(spans: Sequence[Span], size: int) -> list[Span]:
    """Takes ``size`` neighbours together each."""
    groups = [spans[first : first + size] for first in range(0, len(spans), size)]
    return [(group[0][0], group[-1][1]) for group in groups]


def _variant(segments: Sequence[_Segment], kept: Bools) -> Dialogue:
    """The dialogue with the pieces that are kept, and a space in place of each other one."""
    keep = iter(kept.tolist())
    turns: list[list[str]] = [[] for _ in range(WINDOW)]
    for turn, text, _, spans in segments:
        parts = []
        done = 0
        for start, end in spans:
            parts += [text[done:start], text[start:end] if next(keep) else " "]
            done = end
        turns[turn].append("".join([*parts, text[done:]]))
    return Dialogue([" ".join(parts) for parts in turns])


def _features(model: EmotionModel, window: Window, column: int) -> dict[str, tuple[Feature, ...]]:
    """The features that are on, strongest first, by the turn they belong to; those between turns under ``""``."""
    if not isinstance(model, NelecModel):
        return {}
    values = read_dialogues(model.normalizer, [window]).dense[0]
    weights = model.lexical.dense_weights
    effects = values * (weights[:, column] - np.delete(weights, column, axis=1).mean(axis=1))
    features: dict[str, tuple[Feature, ...]] = {}
    for place in np.argsort(-np.abs(effects), kind="stable"):
        if effects[place] != 0:
            turn, _, name = DENSE_FEATURES[place].partition(".")
            key, name = (turn, name) if turn in TURN_NAMES else ("", DENSE_FEATURES[place])
            features[key] = (*features.get(key, ()), Feature(name, float(values[place]), float(effects[place])))
    return features


def _log_odds(probabilities: Floats, column: int, multi_label: bool) -> Floats:
    """Log-odds of a label, shape ``[dialogues]``."""
    yes = probabilities[:, column]
    # The others are summed up, for 1 - yes would lose the digits of a sure label.
    no = 1.0 - yes if multi_label else np.delete(probabilities, column, axis=1).sum(axis=1)
    odds: Floats = np.log(np.maximum(yes, _LEAST)) - np.log(np.maximum(no, _LEAST))
    return odds
