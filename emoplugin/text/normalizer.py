"""From raw text to model text and surface features.

A text is read in chunks: the pieces between white space, and emoticons with spaces inside. What a chunk becomes
depends on the chunk alone, except for the few words of the step ``ambiguous``; so chunks are remembered, and most of a
chat is looked up. A chunk is worked on until working on its result changes nothing. The words of the result are joined
by single spaces, so that each is a chunk of its own in a second pass: normalising twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import regex

from emoplugin.text.config import TextConfig
from emoplugin.text.features import COLUMNS, surface, word_notes
from emoplugin.text.repair import repair_with_origin
from emoplugin.text.steps import STEPS, TOKEN_STEPS, Context, Step, ambiguous, knowledge
from emoplugin.text.tokens import Token, cut

_CHUNKS_KEPT = 1 << 16
_LONGEST_CHUNK_KEPT = 40
_DEEPEST = 6
_GROWTH, _ALLOWANCE = 4, 16

_CHUNK = re.compile(r"\S+")
_TRAILING = ".,!?;:"
_NEGATION_SCOPE = regex.compile(r"n([w+-]{0,4})")
_STARTS = {"question_word": COLUMNS["starts_question"], "yes": COLUMNS["starts_yes"], "no": COLUMNS["starts_no"]}
_ENDS = {"!": COLUMNS["ends_exclamation"], "?": COLUMNS["ends_question"]}


@dataclass(frozen=True)
class Analysis:
    """What is read from a text in one pass.

    Attributes:
        text: The model text.
        features: The surface features, float32, in the order of ``SURFACE_FEATURES``.
    """

    text: str
    features: npt.NDArray[np.float32]


@dataclass(frozen=True)
class AlignedText:
    """A model text that can be traced back.

    Attributes:
        text: The model text.
        spans: For each character of it the ``[start, end)`` of the original that it comes from. The space between two
            words has the piece of the original between them, or of what they both come from.
    """

    text: str
    spans: tuple[tuple[int, int], ...]


class _Entry(NamedTuple):
    """What a chunk becomes.

    Attributes:
        text: Its words in the model text.
        columns: The columns of its notes.
        values: The values of its notes.
        events: A sign a word: n negation, + and - for words that feel, w for other words, . for anything else.
        starts: The flag it raises as the first chunk of a text.
        ends: The flag it raises as the last one.
        special: Whether it acts on other chunks or is acted on by them, or has no text.
    """

    text: str
    columns: tuple[int, ...]
    values: tuple[float, ...]
    events: str
    starts: int | None
    ends: int | None
    special: bool


class _Memory(dict[str, _Entry]):
    """Entries by chunk, worked out at the first question. Starts anew when it is full, and keeps no long chunk."""

    def __init__(self, normalizer: Normalizer) -> None:
        super().__init__()
        self._normalizer = normalizer

    def __missing__(self, chunk: str) -> _Entry:
        entry = self._normalizer._enter(chunk)
        if len(chunk) <= _LONGEST_CHUNK_KEPT:
            if len(self) >= _CHUNKS_KEPT:
                self.clear()
            self[chunk] = entry
        return entry


class Normalizer:
    """Turns what people type into what models read.

    Safe for any text, in time linear in its length. The model text is at most four times as long as the input plus 16
    characters. One normaliser can be used by several threads.

    Args:
        config: Which steps run.
    """

    def __init__(self, config: TextConfig | None = None) -> None:
        self.config = config or TextConfig()
        self._known = knowledge()
        self._context = Context(self.config, self._known)
        self._steps: dict[str, list[tuple[int, Step]]] = {}
        for number, step in enumerate(TOKEN_STEPS):
            if getattr(self.config, step.name):
                for kind in step.kinds:
                    self._steps.setdefault(kind, []).append((number, step.apply))
        self._ambiguous = frozenset(self._known.tables.ambiguous) if self.config.ambiguous else frozenset[str]()
        self._chunk, self._spaced = (
            (self._known.chunk, self._known.spaced) if self.config.emoticons else (_CHUNK, frozenset[str]())
        )
        self._memory = _Memory(self)
        self._settled_words = set(self._known.plain_words)
        self._trailing = {sign: self._settled(sign) for sign in _TRAILING}

    def normalize(self, text: str) -> str:
        """The model text: words and signs with single spaces between them."""
        entries = list(map(self._memory.__getitem__, self._chunks(text)))
        result = " ".join([entry.text for entry in entries])
        if True in [entry.special for entry in entries]:
            result = " ".join(self._resolve(entries))
        return result if len(result) <= _limit(text) else self._shortened(text)

    def analyze(self, text: str) -> Analysis:
        """The model text and the surface features."""
        texts, features = self.analyze_batch([text])
        return Analysis(texts[0], features[0])

    def analyze_batch(self, texts: Iterable[str]) -> tuple[list[str], npt.NDArray[np.float32]]:
        """The model texts, and a float32 matrix of surface features with a row a text."""
        results: list[str] = []
        columns: list[int] = []
        values: list[float] = []
        counts: list[int] = []
        lengths: list[int] = []
        entry_of = self._memory.__getitem__
        for text in texts:
            before = len(columns)
            entries = list(map(entry_of, self._chunks(text)))
            result = " ".join([entry.text for entry in entries])
            for entry in entries:
                columns += entry.columns
                values += entry.values
            if True in [entry.special for entry in entries]:
                words = self._resolve(entries)
                result = " ".join(words)
                entries = [entry for entry in entries if entry.text]
                for column, value in self._context_notes(entries, words):
                    columns.append(column)
                    values.append(value)
            if entries:
                for flag in (entries[0].starts, entries[-1].ends):
                    if flag is not None:
                        columns.append(flag)
                        values.append(1.0)
            results.append(result if len(result) <= _limit(text) else self._shortened(text))
            counts.append(len(columns) - before)
            lengths.append(len(text) if result else 0)
        return results, surface(columns, values, counts, lengths)

    def align(self, text: str) -> AlignedText:
        """The model text with the place in the original that each of its characters comes from."""
        tokens = self._resolved(self._tokens(text))
        if len(" ".join(token.text for token in tokens)) > _limit(text):
            tokens = self._fitting(text)
        characters: list[str] = []
        spans: list[tuple[int, int]] = []
        last: Token | None = None
        for token in tokens:
            if last:
                characters.append(" ")
                spans.append(
                    (last.end, token.start) if last.end <= token.start else (last.start, max(last.end, token.end))
                )
            characters.append(token.text)
            if token.text == text[token.start : token.end].lower():
                spans.extend((position, position + 1) for position in range(token.start, token.end))
            else:
                spans.extend([(token.start, token.end)] * len(token.text))
            last = token
        return AlignedText("".join(characters), tuple(spans))

    def steps(self, text: str) -> list[tuple[str, str]]:
        """The names of the steps that are on, each with the text after it."""
        off = dict.fromkeys(STEPS, False)
        result: list[tuple[str, str]] = []
        for name in STEPS:
            if getattr(self.config, name):
                off.pop(name)
                result.append((name, Normalizer(replace(self.config, **off)).normalize(text)))  # type: ignore[arg-type]
        return result

    def _chunks(self, text: str) -> list[str]:
        chunks = text.split()
        return chunks if self._spaced.isdisjoint(chunks) else self._chunk.findall(text)

    def _enter(self, chunk: str) -> _Entry:
        """Works a chunk out."""
        if chunk in self._known.silent_words:
            return _Entry(chunk, (COLUMNS["words"],), (1.0,), "w", None, None, special=False)
        tokens = self._settled(chunk)
        notes = [note for token in tokens for note in token.notes]
        events = []
        starts: int | None = None
        for token in tokens:
            if token.kind in ("name", "punctuation"):
                events.append(".")
                continue
            for word in token.text.split(" "):
                lower = word.lower()
                cues = self._known.tables.cues.get(lower, ())
                affects = self._known.tables.lexicon.get(lower, ())
                notes += word_notes([(affect.family, affect.valence, affect.intensity) for affect in affects], cues)
                valence = sum(affect.valence for affect in affects)
                events.append("n" if "negation" in cues else "+" if valence > 0 else "-" if valence < 0 else "w")
                if len(events) == 1:
                    starts = next((_STARTS[cue] for cue in cues if cue in _STARTS), None)
        text = " ".join(token.text for token in tokens)
        ends = None
        if tokens:
            ends = COLUMNS["ends_sign"] if tokens[-1].kind == "name" else _ENDS.get(text[-1])
        return _Entry(
            text=text,
            columns=tuple(COLUMNS[name] for name, _ in notes),
            values=tuple(value for _, value in notes),
            events="".join(events),
            starts=starts,
            ends=ends,
            special=not text or "n" in events or not self._ambiguous.isdisjoint(text.split(" ")),
        )

    def _settled(self, chunk: str, offset: int = 0, depth: int = 0) -> list[Token]:
        """The tokens of a chunk, worked on until nothing changes any more."""
        if chunk in self._known.plain_words:
            return [Token(chunk, offset, offset + len(chunk), "word")]
        # Most chunks that are new are a plain word and one sign, which need not be searched for what they might be.
        word, sign = chunk[:-1], chunk[-1:]
        if word in self._known.plain_words and sign in self._trailing:
            end = offset + len(word)
            return [
                Token(word, offset, end, "word"),
                *(token._replace(start=end, end=end + 1) for token in self._trailing[sign]),
            ]
        tokens = self._cut(chunk, offset)
        if depth == _DEEPEST or (len(tokens) == 1 and tokens[0].text == chunk):
            return tokens
        return [
            token if token.text in self._settled_words else self._settle_token(token, depth + 1) for token in tokens
        ]

    def _settle_token(self, token: Token, depth: int) -> Token:
        text = " ".join([self._settle(word, depth) for word in token.text.split(" ")])
        if text == token.text:
            return token
        # An emoji whose name would read as something else is better told by its family.
        return token._replace(text=token.short or text)

    def _settle(self, word: str, depth: int) -> str:
        if word in self._settled_words:
            return word
        text = " ".join([token.text for token in self._settled(word, depth=depth)])
        if text == word and len(word) <= _LONGEST_CHUNK_KEPT and len(self._settled_words) < _CHUNKS_KEPT:
            self._settled_words.add(word)
        return text

    def _cut(self, chunk: str, offset: int) -> list[Token]:
        """The tokens of a chunk after the steps, once."""
        if " " in chunk:  # Only an emoticon is a chunk with spaces inside.
            return list(self._take_steps(Token(chunk, offset, offset + len(chunk), "emoticon")))
        origin = None
        text = chunk
        if self.config.unicode and not (chunk.isascii() and chunk.isprintable()):
            text, origin = repair_with_origin(chunk)
        pieces = cut(Token(text, offset, offset + len(chunk)), self._known.pattern, origin)
        return [token for piece in pieces for token in self._take_steps(piece)]

    def _take_steps(self, token: Token, first: int = 0) -> Sequence[Token]:
        """What a token becomes by the steps for its kind, from a step on."""
        for number, apply in self._steps.get(token.kind, ()):
            if number >= first:
                results = apply(token, self._context)
                if len(results) != 1 or results[0].kind != token.kind:
                    return [final for result in results for final in self._take_steps(result, number + 1)]
                token = results[0]
        return (token,)

    def _resolve(self, entries: Sequence[_Entry]) -> list[str]:
        """The words of the entries, or the several words that an ambiguous one stands for."""
        words = [word for entry in entries if entry.text for word in entry.text.split(" ")]
        return words if self._ambiguous.isdisjoint(words) else ambiguous(words, self._known)

    def _context_notes(self, entries: Sequence[_Entry], words: Sequence[str]) -> list[tuple[int, float]]:
        """What is noticed across words: feelings under a negation, and what ambiguous words turn out to be."""
        notes: list[tuple[int, float]] = []
        events = "".join(entry.events for entry in entries)
        before = [word for entry in entries for word in entry.text.split(" ")]
        if before != words:
            for old, new in zip(before, words, strict=True):
                if old != new:
                    gone = self._memory[old]
                    notes += zip(gone.columns, (-value for value in gone.values), strict=True)
                    for word in new.split(" "):
                        come = self._memory[word]
                        notes += zip(come.columns, come.values, strict=True)
            events = "".join(self._memory[word].events for phrase in words for word in phrase.split(" "))
        for scope in _NEGATION_SCOPE.findall(events):
            notes += [(COLUMNS["negated_positive"], scope.count("+")), (COLUMNS["negated_negative"], scope.count("-"))]
        return notes

    def _tokens(self, text: str) -> list[Token]:
        return [token for chunk in self._chunk.finditer(text) for token in self._settled(chunk[0], chunk.start())]

    def _resolved(self, tokens: Iterable[Token]) -> list[Token]:
        """The tokens, one a word, with ambiguous words written out."""
        words = [token._replace(text=word) for token in tokens for word in token.text.split(" ")]
        phrases = (
            ambiguous([word.text for word in words], self._known) if self.config.ambiguous else [w.text for w in words]
        )
        return [
            word._replace(text=part) for word, phrase in zip(words, phrases, strict=True) for part in phrase.split(" ")
        ]

    def _shortened(self, text: str) -> str:
        return " ".join(token.text for token in self._fitting(text))

    def _fitting(self, text: str) -> list[Token]:
        """The tokens of a text whose model text would be too long.

        Emoji give their family, each family once; abbreviations only their first words. What is too long even then,
        which takes text made for it, is cut off, families last.
        """
        families: set[str] = set()
        tokens: list[Token] = []
        for token in self._tokens(text):
            if token.short:
                if token.short not in families:
                    tokens.append(token._replace(text=token.short))
                families.add(token.short)
            else:
                room = _GROWTH * (token.end - token.start)
                tokens.append(token._replace(text=_first_words(token.text, room)))
        tokens = self._resolved(tokens)
        room = _limit(text) + 1
        kept: list[int] = []
        for number in sorted(range(len(tokens)), key=lambda number: not tokens[number].short):
            room -= len(tokens[number].text) + 1
            if room < 0:
                break
            kept.append(number)
        else:
            return tokens
        # The word before the cut has lost the next word that told what it stands for.
        while kept and tokens[kept[-1]].text in self._ambiguous:
            kept.pop()
        return [tokens[number] for number in sorted(kept)]


def _limit(text: str) -> int:
    return _GROWTH * len(text) + _ALLOWANCE


def _first_words(text: str, room: int) -> str:
    """The first words of a text, at least one, that take no more than some characters."""
    if len(text) <= room:
        return text
    return text[: max(text.rfind(" ", 0, room + 1), 0)] or text.partition(" ")[0]
