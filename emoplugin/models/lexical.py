"""The lexical part of NELEC: turn-wise n-grams and dense features into one linear score a label.

Word 1-2-grams and character 2-5-grams of each turn are hashed and looked up in a sorted table, so that inference needs
numpy alone and a whole batch is looked up at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
import numpy.typing as npt

from emoplugin.dialogue import WINDOW
from emoplugin.models.features import Float32, ReadDialogues

UInt32 = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]

CHARACTERS = (2, 3, 4, 5)
KINDS = 2
"""Character n-grams and word n-grams are normalised apart."""

_PRIME = np.uint32(16777619)
_MIX = np.uint32(0x9E3779B1)
_LOW_BITS = 13
_HIGHEST = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Occurrences:
    """n-grams of a batch of turns, one entry an occurrence.

    Attributes:
        block: Which (turn, kind) the n-gram stands in: ``(dialogue * 3 + turn) * 2 + kind``.
        hashes: Hash of the n-gram, its turn and its kind.
    """

    block: Int64
    hashes: UInt32


def occurrences(texts: list[str]) -> Occurrences:
    """All n-grams of the turns of a batch, three turns a dialogue."""
    joined = "".join(f" {text} " for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    turns = np.arange(len(texts))
    owner = turns.repeat([len(text) + 2 for text in texts])
    blocks, hashes = [], []
    rolling = codes
    for size in range(2, CHARACTERS[-1] + 1):
        rolling = rolling[:-1] * _PRIME ^ codes[size - 1 :]
        inside = owner[: len(rolling)] == owner[size - 1 :]
        blocks.append(owner[: len(rolling)][inside] * KINDS)
        hashes.append(rolling[inside] + np.uint32(size))
    words = [text.split() for text in texts]
    unigrams = np.array(
        [crc32(word.encode("utf-8", "surrogatepass")) for found in words for word in found], dtype=np.uint32
    )
    owner = turns.repeat([len(found) for found in words])
    inside = owner[:-1] == owner[1:]
    bigrams = (unigrams[:-1] * _PRIME ^ unigrams[1:])[inside]
    blocks += [owner * KINDS + 1, owner[:-1][inside] * KINDS + 1]
    hashes += [unigrams + np.uint32(7), bigrams + np.uint32(11)]
    block = np.concatenate(blocks)
    salt = (block % (WINDOW * KINDS)).astype(np.uint32) * np.uint32(0x85EBCA6B)
    mixed = (np.concatenate(hashes) ^ salt) * _MIX
    return Occurrences(block, mixed ^ (mixed >> np.uint32(15)))


@dataclass(frozen=True)
class Vocabulary:
    """The n-grams a model knows.

    Attributes:
        hashes: Sorted, shape ``[n-grams]``.
        idf: Inverse document frequency of each, shape ``[n-grams]``.
    """

    hashes: UInt32
    idf: Float32

    @cached_property
    def _buckets(self) -> tuple[Int64, UInt32, int]:
        """Where hashes with the same highest bits begin, all hashes with an end mark, and the fullest bucket's size."""
        sizes = np.bincount(self.hashes >> _LOW_BITS, minlength=1 << 32 - _LOW_BITS)
        return np.cumsum(sizes) - sizes, np.append(self.hashes, _HIGHEST), int(sizes.max())

    def _find(self, hashes: UInt32) -> Int64:
        """The place of each hash, or that of another where it is not known.

        A bucket holds so few that stepping through it takes a fraction of the time of a binary search.
        """
        starts, ordered, steps = self._buckets
        place: Int64 = starts[hashes >> _LOW_BITS]
        for _ in range(steps):
            place += ordered[place] < hashes
        return np.minimum(place, len(self.hashes) - 1)

    def values(self, found: Occurrences) -> tuple[Int64, Int64, Float32]:
        """Sublinear tf-idf with unit length in each (turn, kind) block.

        Returns:
            Dialogue, n-gram and value of each non-zero entry, ordered by dialogue.
        """
        if not len(self.hashes):
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, nothing.astype(np.float32)
        position = self._find(found.hashes)
        known = self.hashes[position] == found.hashes
        key, count = _counted(found.block[known] * len(self.hashes) + position[known])
        block, ngram = np.divmod(key, len(self.hashes))
        value = (1.0 + np.log(count)) * self.idf[ngram]
        norms = np.sqrt(np.bincount(block, value * value, minlength=1))
        return block // (WINDOW * KINDS), ngram, (value / norms[block]).astype(np.float32)


def _counted(keys: Int64) -> tuple[Int64, Int64]:
    """The different keys in order, and how often each occurs: ``np.unique`` in half its time for one dialogue."""
    ordered = np.sort(keys)
    begins = np.ones(len(ordered) + 1, dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:-1])
    places = begins.nonzero()[0]
    return ordered[places[:-1]], places[1:] - places[:-1]


@dataclass(frozen=True)
class LexicalModel:
    """Linear scores over n-grams and dense features.

    Attributes:
        vocabulary: The known n-grams.
        ngram_weights: Shape ``[n-grams, labels]``, as signed bytes to be multiplied by ``ngram_scale``.
        ngram_scale: Shape ``[labels]``.
        dense_weights: Shape ``[dense features, labels]``.
        bias: Shape ``[labels]``.
    """

    vocabulary: Vocabulary
    ngram_weights: npt.NDArray[np.int8]
    ngram_scale: Float32
    dense_weights: Float32
    bias: Float32

    def scores(self, read: ReadDialogues) -> Float32:
        """Raw scores, shape ``[dialogues, labels]``."""
        dialogue, ngram, value = self.vocabulary.values(occurrences(read.texts))
        scores = read.dense @ self.dense_weights + self.bias
        labels = len(self.bias)
        weighted = self.ngram_weights.take(ngram, axis=0) * value[:, None]
        cells = (dialogue * labels)[:, None] + np.arange(labels)
        sums = np.bincount(cells.ravel(), weighted.ravel(), minlength=scores.size).reshape(scores.shape)
        return np.asarray(scores + sums * self.ngram_scale, dtype=np.float32)

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {
            "hashes": self.vocabulary.hashes,
            "idf": self.vocabulary.idf.astype(np.float16),
            "ngram_weights": self.ngram_weights,
            "ngram_scale": self.ngram_scale,
            "dense_weights": self.dense_weights,
            "bias": self.bias,
        }

    @classmethod
    def empty(cls, features: int, labels: int) -> LexicalModel:
        """A model that knows nothing: its scores are 0."""
        vocabulary = Vocabulary(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.float32))
        zeros = np.zeros((features, labels), dtype=np.float32)
        return cls(vocabulary, zeros[:0].astype(np.int8), zeros[0], zeros, zeros[0])

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> LexicalModel:
        def floats(name: str) -> Float32:
            return np.asarray(arrays[name], dtype=np.float32)

        vocabulary = Vocabulary(np.asarray(arrays["hashes"], dtype=np.uint32), floats("idf"))
        weights = np.asarray(arrays["ngram_weights"], dtype=np.int8)
        return cls(vocabulary, weights, floats("ngram_scale"), floats("dense_weights"), floats("bias"))
