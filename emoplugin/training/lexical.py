"""Fits the lexical part of NELEC."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from emoplugin.models.features import Float32, ReadDialogues
from emoplugin.models.lexical import KINDS, LexicalModel, Vocabulary, occurrences
from emoplugin.training.limits import COUNT, NOT_NEGATIVE, POSITIVE, check

CHUNK = 2000


@dataclass(frozen=True)
class LexicalConfig:
    """How the lexical part is fitted.

    Attributes:
        cost: Inverse strength of the L2 penalty; lower is smoother.
        min_count: n-grams in fewer dialogues are left out.
        ngrams: At most this many n-grams are kept: those whose weights move scores most.
        dense_scale: Dense features are multiplied by it, so that the penalty weighs them against the n-grams.
        iterations: Most steps of the optimiser.
    """

    cost: float = 2.0
    min_count: int = 3
    ngrams: int = 120_000
    dense_scale: float = 0.3
    iterations: int = 60

    def __post_init__(self) -> None:
        check(self, cost=POSITIVE, min_count=COUNT, ngrams=COUNT, dense_scale=NOT_NEGATIVE, iterations=COUNT)


def fit_lexical(
    read: ReadDialogues, targets: npt.NDArray[np.int64], weights: Float32, labels: int, config: LexicalConfig
) -> LexicalModel:
    """Multinomial logistic regression over turn-wise n-grams and dense features.

    Fitted twice: over all n-grams, and again over the ones that mattered.
    """
    vocabulary = count_ngrams(read, config.min_count)
    coefficients, bias = _regress(vocabulary, read, targets, weights, labels, config)
    if len(vocabulary.hashes) > config.ngrams:
        strength = np.abs(coefficients[:, : len(vocabulary.hashes)]).max(axis=0) * vocabulary.idf
        kept = np.sort(np.argsort(-strength, kind="stable")[: config.ngrams])
        vocabulary = Vocabulary(vocabulary.hashes[kept], vocabulary.idf[kept])
        coefficients, bias = _regress(vocabulary, read, targets, weights, labels, config)
    size = len(vocabulary.hashes)
    scale = np.maximum(np.abs(coefficients[:, :size]).max(axis=1, initial=0.0), 1e-8) / 127.0
    return LexicalModel(
        vocabulary,
        np.rint(coefficients[:, :size].T / scale).astype(np.int8),
        scale.astype(np.float32),
        (coefficients[:, size:].T * config.dense_scale).astype(np.float32),
        bias.astype(np.float32),
    )


def count_ngrams(read: ReadDialogues, min_count: int) -> Vocabulary:
    """The n-grams that stand in at least ``min_count`` dialogues, with smoothed inverse document frequencies."""
    seen = []
    for start in range(0, len(read), CHUNK):
        found = occurrences(read.texts[start * 3 : (start + CHUNK) * 3])
        # A hash includes its turn and kind, so a pair of dialogue and hash counts once however often it occurs.
        pairs = np.unique((found.block // (3 * KINDS) << 32) | found.hashes.astype(np.int64))
        seen.append((pairs & 0xFFFFFFFF).astype(np.uint32))
    hashes, counts = np.unique(np.concatenate(seen), return_counts=True)
    kept = counts >= min_count
    idf = 1.0 + np.log((1.0 + len(read)) / (1.0 + counts[kept]))
    # Stored in 16 bits; fitted on what is stored.
    return Vocabulary(hashes[kept], idf.astype(np.float16).astype(np.float32))


def design_matrix(vocabulary: Vocabulary, read: ReadDialogues, dense_scale: float) -> csr_matrix:
    parts = []
    for start in range(0, len(read), CHUNK):
        texts = read.texts[start * 3 : (start + CHUNK) * 3]
        dialogue, ngram, value = vocabulary.values(occurrences(texts))
        parts.append(csr_matrix((value, (dialogue, ngram)), shape=(len(texts) // 3, len(vocabulary.hashes))))
    return hstack([vstack(parts), csr_matrix(read.dense * dense_scale)], format="csr", dtype=np.float32)


def _regress(
    vocabulary: Vocabulary,
    read: ReadDialogues,
    targets: npt.NDArray[np.int64],
    weights: Float32,
    labels: int,
    config: LexicalConfig,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    matrix = design_matrix(vocabulary, read, config.dense_scale)
    model = LogisticRegression(C=config.cost, max_iter=config.iterations, solver="lbfgs")
    with warnings.catch_warnings():
        # Stopping before the optimum is wanted: it regularises, and the last steps cost the most.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, targets, sample_weight=weights)
    coefficients = np.zeros((labels, matrix.shape[1]))
    bias = np.full(labels, -20.0)
    present = model.classes_
    if len(present) == 2:  # scikit-learn keeps one row for two classes
        coefficients[present] = np.vstack([-model.coef_, model.coef_]) / 2
        bias[present] = np.concatenate([-model.intercept_, model.intercept_]) / 2
    else:
        coefficients[present], bias[present] = model.coef_, model.intercept_
    return coefficients, bias
