"""The tables of words and signs, read from ``emoplugin/text/data``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from emoplugin.errors import EmopluginError
from emoplugin.text.emojis import emoji_key
from emoplugin.text.repair import repair

OTHER_FAMILY = "object"
"""The family of emoji that the affect table does not list."""


@dataclass(frozen=True)
class Sign:
    """What an emoji or emoticon shows.

    Attributes:
        family: One of ``SIGN_FAMILIES``.
        valence: From -1, bad, to 1, good.
        meaning: A word or two for it.
    """

    family: str
    valence: float
    meaning: str


@dataclass(frozen=True)
class Affect:
    """What a word of the lexicon shows: its family of feeling, valence from -1 to 1, intensity from 0 to 1."""

    family: str
    valence: float
    intensity: float


@dataclass(frozen=True)
class Tables:
    """All tables, by the form that is looked up. Emoticons are repaired, except for those with spaces inside."""

    contractions: dict[str, str]
    abbreviations: dict[str, str]
    misspellings: dict[str, str]
    ambiguous: dict[str, tuple[str, frozenset[str]]]
    emoticons: dict[str, Sign]
    emoji: dict[str, tuple[str, float]]
    lexicon: dict[str, tuple[Affect, ...]]
    cues: dict[str, tuple[str, ...]]
    words: frozenset[str]

    def emoji_affect(self, emoji: str) -> tuple[str, float]:
        """The family and valence of an emoji; a joined sequence that is not listed has those of its first part."""
        key = emoji_key(emoji)
        return self.emoji.get(key) or self.emoji.get(key[:1]) or (OTHER_FAMILY, 0.0)


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables, read at the first call.

    Raises:
        EmopluginError: A table is missing or has a row of the wrong width.
    """
    contractions = dict(_pairs("contractions.tsv"))
    abbreviations = dict(_pairs("abbreviations.tsv"))
    misspellings = dict(_pairs("misspellings.tsv"))
    ambiguous = {
        word: (expansion, frozenset(after.split())) for word, expansion, after in read_table("ambiguous.tsv", 3)
    }
    lexicon: dict[str, tuple[Affect, ...]] = {}
    for word, family, valence, intensity in read_table("lexicon.tsv", 4):
        lexicon[word] = (*lexicon.get(word, ()), Affect(family, float(valence), float(intensity)))
    cues: dict[str, tuple[str, ...]] = {}
    for word, kind in read_table("cues.tsv", 2):
        cues[word] = (*cues.get(word, ()), kind)
    return Tables(
        contractions=contractions,
        abbreviations=abbreviations,
        misspellings=misspellings,
        ambiguous=ambiguous,
        emoticons={
            emoticon if " " in emoticon else repair(emoticon): Sign(family, float(valence), meaning)
            for emoticon, _, family, valence, meaning in read_table("emoticons.tsv", 5)
        },
        emoji={emoji_key(emoji): (family, float(valence)) for emoji, family, valence in read_table("emoji.tsv", 3)},
        lexicon=lexicon,
        cues=cues,
        words=frozenset().union(
            (word for (word,) in read_table("words.tsv", 1)),
            contractions,
            abbreviations,
            misspellings,
            ambiguous,
            lexicon,
            cues,
            _split(contractions.values()),
            _split(abbreviations.values()),
        ),
    )


def read_table(name: str, width: int) -> Iterator[list[str]]:
    """The rows of a table below its header, each a list of ``width`` texts."""
    try:
        lines = files("emoplugin.text").joinpath("data").joinpath(name).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise EmopluginError(
            f"The table {name} is missing from the installed package: install emoplugin again."
        ) from None
    for number, line in enumerate(lines[1:-1], 2):
        row = line.split("\t")
        if len(row) != width:
            raise EmopluginError(f"{name}, line {number}: {len(row)} columns where {width} are due.")
        yield row


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    return ((short, long) for short, long in read_table(name, 2))


def _split(phrases: Iterable[str]) -> set[str]:
    return {word for phrase in phrases for word in phrase.split()}
