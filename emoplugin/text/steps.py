"""The steps that turn tokens into model text, one function each, in the order of ``STEPS``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from itertools import groupby, product
from typing import Any, TypeAlias

import regex

from emoplugin.text.config import TextConfig
from emoplugin.text.emojis import emoji_name, split_emoji
from emoplugin.text.features import FEELING_FAMILIES
from emoplugin.text.tables import Sign, Tables, tables
from emoplugin.text.tokens import Token, collapse, token_pattern

_LONGEST_NUMBER = 4
_LONGEST_HASHTAG = 40
_LONGEST_WORD = 20
_MOST_RUNS = 4


@dataclass(frozen=True)
class Knowledge:
    """What the steps look things up in.

    Attributes:
        tables: The tables.
        emoticons: The emoticons by their exact and by their collapsed form.
        pattern: The token pattern.
    """

    tables: Tables
    emoticons: dict[str, Sign]
    pattern: Any


@lru_cache(maxsize=1)
def knowledge() -> Knowledge:
    """The tables and what is made of them, at the first call."""
    found = tables()
    word = token_pattern((), ())
    symbol_words = [
        key
        for key in (*found.contractions, *found.abbreviations, *found.misspellings)
        if (match := word.fullmatch(key)) is None or match.lastgroup != "word"
    ]
    collapsed = {collapse(emoticon): sign for emoticon, sign in found.emoticons.items()}
    return Knowledge(
        tables=found, emoticons={**collapsed, **found.emoticons}, pattern=token_pattern(found.emoticons, symbol_words)
    )


Step: TypeAlias = Callable[[list[Token], TextConfig, Knowledge], list[Token]]
_TokenStep: TypeAlias = Callable[[Token, TextConfig, Knowledge], Iterator[Token]]


def _for(*kinds: str) -> Callable[[_TokenStep], Step]:
    """Makes a step of a function of one token, for the tokens of some kinds."""

    def lift(function: _TokenStep) -> Step:
        @wraps(function)
        def step(tokens: list[Token], config: TextConfig, known: Knowledge) -> list[Token]:
            for token in tokens:
                if token.kind in kinds:
                    break
            else:
                return tokens
            result: list[Token] = []
            for token in tokens:
                if token.kind in kinds:
                    result.extend(function(token, config, known))
                else:
                    result.append(token)
            return result

        return step

    return lift


@_for("url")
def links(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``https://example.org`` -> ``<url>``."""
    yield token.become("<url>")


@_for("user")
def mentions(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``@someone`` -> ``<user>``."""
    yield token.become("<user>")


@_for("number")
def numbers(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``0123456789`` -> ``<number>``; numbers of up to four digits, times and prices stay."""
    digits = sum(character.isdigit() for character in token.text)
    yield token.become("<number>") if digits > _LONGEST_NUMBER else token


@_for("hashtag")
def hashtags(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``#soHappy`` and ``#sohappy`` -> ``so happy``."""
    for match in _HASHTAG_PART.finditer(token.text):
        start = token.start + match.start()
        for word in _words_in(match[0], known.tables.words):
            yield Token(word, min(start, token.end - 1), min(start + len(word), token.end), "word")
            start += len(word)


@_for("emoji")
def emoji(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """😂 -> ``face with tears of joy``; of repeated ones the name comes once, and the family after it for the strength."""
    start = token.start
    for sign, repeats in groupby(split_emoji(token.text)):
        count = sum(1 for _ in repeats)
        end = min(start + len(sign) * count, token.end)
        family, valence = known.tables.emoji_affect(sign)
        name = emoji_name(sign)
        if name is None:
            yield Token(sign * min(count, 2), start, end, "name")
        elif config.emoji_style == "keep":
            yield Token(sign * min(count, 2), start, end, "name", "", _sign_notes("emoji", family, valence, count))
        else:
            text = (
                _strengthen(name, family, count) if config.emoji_style == "name" else " ".join([family] * min(count, 2))
            )
            yield Token(text, start, end, "name", family, _sign_notes("emoji", family, valence, count))
        start = end


@_for("emoticon")
def emoticons(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``:(`` -> ``frowning``; a stretched one has its family after it for the strength."""
    sign = known.emoticons.get(token.text)
    count = 1
    if sign is None:
        sign, count = known.emoticons[collapse(token.text)], 2
    text = _strengthen(sign.meaning, sign.family, count)
    yield token.become(text, *_sign_notes("emoticons", sign.family, sign.valence, count), kind="name")


@_for("punctuation")
def punctuation(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``!!!!`` -> ``!!``, ``?!?!`` -> ``?!``, ``.....`` -> ``...``; a single sign stays."""
    text = token.text
    if text[0] in "!?":
        exclamations, questions = text.count("!"), text.count("?")
        notes = [
            (name, float(count)) for name, count in (("exclamations", exclamations), ("questions", questions)) if count
        ]
        notes += [("strong_exclamation", 1.0)] if exclamations > 1 else []
        notes += [("strong_question", 1.0)] if questions > 1 or (exclamations and questions) else []
        yield token.become("?!" if exclamations and questions else text[:2], *notes)
    elif text[0] == "." and len(text) > 1:
        yield token.become("...", ("ellipses", 1.0))
    else:
        yield token.become(text[:2])


@_for("word", "symbol_word", "mark", "number", "hashtag", "punctuation")
def case(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``WHY`` -> ``why``, noticed as shouted."""
    lower = token.text.lower()
    if lower == token.text:
        yield token
        return
    capitals = sum(map(str.isupper, token.text))
    shouted = token.kind == "word" and capitals > 1 and token.text.isupper()
    if not shouted:
        yield token.become(lower, ("capitals", float(capitals)))
        return
    yield token.become(lower, ("capitals", float(capitals)), ("shouted", 1.0))
    if config.marks:
        yield Token("<shouted>", token.start, token.end, "mark")


@_for("word")
def elongation(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``soooo`` -> ``so``, ``gooood`` -> ``good``, ``hahahaha`` -> ``haha``; words that are spelt so stay."""
    laughter = _LAUGHTER.fullmatch(token.text)
    if laughter:
        yield token.become(f"h{laughter['vowel']}" * 2 if laughter["vowel"] else "lol")
        return
    word = shorten_word(token.text, known.tables.words)
    if word == token.text:
        yield token
        return
    yield token.become(word, ("elongated", 1.0))
    if config.marks:
        yield Token("<elongated>", token.start, token.end, "mark")


@_for("word", "symbol_word")
def contractions(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``dont`` and ``don't`` -> ``do not``."""
    yield _look_up(token, known.tables.contractions)


@_for("word", "symbol_word")
def abbreviations(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``brb`` -> ``be right back``."""
    yield _look_up(token, known.tables.abbreviations)


@_for("word", "symbol_word")
def misspellings(token: Token, config: TextConfig, known: Knowledge) -> Iterator[Token]:
    """``definately`` -> ``definitely``."""
    yield _look_up(token, known.tables.misspellings)


def ambiguous(words: Sequence[str], known: Knowledge) -> list[str]:
    """``ill`` -> ``i will`` where the next word, of the finished text, tells so.

    Returns:
        For each word the word, or the words it stands for.
    """
    result: list[str] = []
    following = ""
    for word in reversed(words):
        expansion, after = known.tables.ambiguous.get(word, (word, ()))
        text = expansion if following in after else word
        result.append(text)
        following = text.partition(" ")[0]
    return result[::-1]


TOKEN_STEPS: tuple[tuple[str, Step], ...] = tuple(
    (step.__name__, step)
    for step in (
        *(links, mentions, numbers, hashtags, emoji, emoticons, punctuation),
        *(case, elongation, contractions, abbreviations, misspellings),
    )
)

STEPS: tuple[str, ...] = ("unicode", *(name for name, _ in TOKEN_STEPS), "ambiguous")
"""The steps in their order; each has a switch of its name in ``TextConfig``."""


def shorten_word(word: str, words: Collection[str]) -> str:
    """Takes the stretching out of a word.

    Letters that stand three times or more are written twice or once, whichever gives a known word, twice where none does.
    Known words stay, and so do initials such as ``aaa`` and ``www``.
    A vowel or soft consonant doubled at the end goes as well when only the word without it is known: ``soo``.
    """
    if word.lower() in words or (len(word) == 3 and len(set(word)) == 1):
        return word
    runs = _STRETCHED.findall(word)
    if runs:
        if len(runs) <= _MOST_RUNS:
            for times in product((2, 1), repeat=len(runs)):
                lengths = iter(times)
                candidate = _STRETCHED.sub(lambda run, lengths=lengths: run[1] * next(lengths), word)  # type: ignore[misc]
                if len(candidate) > 1 and candidate.lower() in words:
                    return str(candidate)
        word = _STRETCHED.sub(r"\1\1", word)
    if len(word) > 2 and word[-1] == word[-2] and word[-1] in "aeiouyhkwz" and word[:-1].lower() in words:
        return word[:-1]
    return word


_STRETCHED = regex.compile(r"(\p{L})\1{2,}+")
_LAUGHTER = regex.compile(
    r"(?:[bmw]{1,2}a)?[aeio]?(?:h++(?P<vowel>[aeio])[aeio]*+|j++(?P<vowel>a)a*+){2,}+[hj]*+|l(?:ol){2,}"
)
_HASHTAG_PART = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]++|\p{N}++|[^\p{Lu}\p{Ll}\p{M}\p{N}_#]++")


def _words_in(text: str, words: Collection[str]) -> list[str]:
    """Cuts a word without spaces into the fewest known words, or leaves it whole."""
    lower = text.lower()
    if lower in words or len(text) != len(lower) or len(text) > _LONGEST_HASHTAG:
        return [text]
    best: list[list[str] | None] = [[]]
    for end in range(1, len(text) + 1):
        options = [
            [*before, text[start:end]]
            for start in range(max(0, end - _LONGEST_WORD), end)
            if (before := best[start]) is not None
            and lower[start:end] in words
            and (end - start > 2 or lower[start:end] in _SHORT_WORDS)
        ]
        best.append(min(options, key=len, default=None))
    return best[-1] or [text]


_SHORT_WORDS = frozenset("a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we".split())


def _strengthen(name: str, family: str, count: int) -> str:
    return f"{name} {family}" if count > 1 and family in FEELING_FAMILIES else name


def _sign_notes(kind: str, family: str, valence: float, count: int) -> tuple[tuple[str, float], ...]:
    notes = [(kind, float(count)), ("sign_valence", valence * min(count, 3))]
    if family in FEELING_FAMILIES:
        notes.append((f"sign_{family}", float(count)))
    return tuple(notes)


def _look_up(token: Token, table: dict[str, str]) -> Token:
    found = table.get(token.text.lower().replace("`", "'"))
    return token.become(found) if found and found != token.text else token
