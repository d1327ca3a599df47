"""Token numbers of whole dialogues, and the vectors that stand for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from emoplugin.dialogue import WINDOW

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

START = "[CLS]"
END = "[SEP]"
UNKNOWN = "[UNK]"
TURN_TOKENS = 48
PADDING = -1

_WORD = re.compile("[a-z]+")
_MEMO_WORDS = 50_000
_MEMO_LETTERS = 24


@dataclass(frozen=True)
class TokenBatch:
    """Padded token numbers.

    Attributes:
        tokens: Shape ``[dialogues, tokens]``; padding is 0.
        turns: The turn of each token, 0 to 2; padding is -1. Same shape.
        lengths: Tokens of each dialogue.
    """

    tokens: Int64
    turns: Int64
    lengths: Int64


class TurnTokenizer:
    """Turns model text into ``[CLS] turn1 [SEP] turn2 [SEP] turn3 [SEP]``; each ``[SEP]`` belongs to the turn it ends.

    Model text is words with single spaces between them, and a word's tokens do not depend on its neighbours, so they
    are looked up in a bounded memo.

    Args:
        tokenizer: What cuts words into tokens.
        turn_tokens: Most tokens of a turn.
        last_first: Whether the turns stand the other way round, the last one first.
    """

    def __init__(self, tokenizer: Tokenizer, turn_tokens: int = TURN_TOKENS, *, last_first: bool = False) -> None:
        self.tokenizer, self.turn_tokens = tokenizer, turn_tokens
        self._order = range(WINDOW)[::-1] if last_first else range(WINDOW)
        self._start, self._end = (_number(tokenizer, token) for token in (START, END))
        self.unknown = _number(tokenizer, UNKNOWN)
        self._memo = _whole_words(tokenizer)

    def turn(self, text: str) -> list[int]:
        """Token numbers of one turn. Where there are too many, the middle is left out."""
        numbers: list[int] = []
        memo = self._memo
        for word in text.split():
            found = memo.get(word)
            if found is None:
                found = tuple(self.tokenizer.encode(word, add_special_tokens=False).ids)
                if len(word) <= _MEMO_LETTERS and len(memo) < _MEMO_WORDS:
                    memo[word] = found
            numbers += found
        if len(numbers) > self.turn_tokens:
            half = self.turn_tokens // 2
            numbers = numbers[:half] + numbers[-half:]
        return numbers

    def batch(self, texts: Sequence[str]) -> TokenBatch:
        """Token numbers of dialogues, three texts a dialogue."""
        rows, marks = [], []
        for index in range(0, len(texts), WINDOW):
            row, mark = [self._start], [self._order[0]]
            for number in self._order:
                tokens = self.turn(texts[index + number])
                row += tokens
                row.append(self._end)
                mark += [number] * (len(tokens) + 1)
            rows.append(row)
            marks.append(mark)
        lengths = [len(row) for row in rows]
        longest = max(lengths, default=0)
        for row, mark, length in zip(rows, marks, lengths, strict=True):
            row += [0] * (longest - length)
            mark += [PADDING] * (longest - length)
        shape = (len(rows), longest)
        return TokenBatch(
            np.array(rows, dtype=np.int64).reshape(shape),
            np.array(marks, dtype=np.int64).reshape(shape),
            np.array(lengths, dtype=np.int64),
        )


def _whole_words(tokenizer: Tokenizer) -> dict[str, tuple[int, ...]]:
    """The words that are sure to be one token: WordPiece takes the longest piece, and no normaliser changes a-z."""
    if not isinstance(tokenizer.model, WordPiece):
        return {}
    pieces = tokenizer.get_vocab(with_added_tokens=False)
    return {piece: (number,) for piece, number in pieces.items() if _WORD.fullmatch(piece)}


def _number(tokenizer: Tokenizer, token: str) -> int:
    number: int | None = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"The tokenizer has no token {token}.")
    return number


@dataclass(frozen=True)
class TokenVectors:
    """A table of token vectors, one signed byte a value.

    Attributes:
        table: Shape ``[tokens, size]``.
        scale: What a row is multiplied by, shape ``[tokens]``.
    """

    table: npt.NDArray[np.int8]
    scale: Float32

    @property
    def size(self) -> int:
        return int(self.table.shape[1])

    def look_up(self, tokens: Int64) -> Float32:
        """Vectors of token numbers of any shape."""
        vectors: Float32 = self.table.take(tokens, axis=0) * self.scale.take(tokens)[..., None]
        return vectors

    @classmethod
    def quantize(cls, vectors: Float32) -> TokenVectors:
        scale = np.maximum(np.abs(vectors).max(axis=1), 1e-8) / 127.0
        # The scale is stored in 16 bits, so the bytes must fit the stored one.
        scale = scale.astype(np.float16).astype(np.float32)
        scale = np.maximum(scale, np.float32(6.2e-5))
        return cls(np.clip(np.rint(vectors / scale[:, None]), -127, 127).astype(np.int8), scale)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"table": self.table, "scale": self.scale.astype(np.float16)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> TokenVectors:
        return cls(np.asarray(arrays["table"], dtype=np.int8), np.asarray(arrays["scale"], dtype=np.float32))
