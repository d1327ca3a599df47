"""The steps that turn tokens into model text, one function each, in the order of ``STEPS``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, product
from typing import Any, NamedTuple, TypeAlias

import regex

from emoplugin.text.config import TextConfig
from emoplugin.text.emojis import emoji_name, split_emoji
from emoplugin.text.features import FEELING_FAMILIES, Note
from emoplugin.text.tables import Sign, Tables, tables
from emoplugin.text.tokens import Token, chunk_pattern, collapse, token_pattern

_LONGEST_NUMBER = 4
_LONGEST_HASHTAG = 40
_LONGEST_WORD = 20
_MOST_RUNS = 4

_WORDLIKE = regex.compile(r"[a-z0-9]++(?:'[a-z]++)*+")
_STRETCHED = regex.compile(r"(\p{L})\1{2,}+")
_LAUGHTER = regex.compile(
    r"(?:[bmw]{1,2}a)?[aeio]?(?:h++(?P<vowel>[aeio])[aeio]*+|j++(?P<vowel>a)a*+){2,}+[hj]*+|l(?:ol){2,}"
)
_HASHTAG_PART = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]++|\p{N}++|[^\p{Lu}\p{Ll}\p{M}\p{N}_#]++")
_SHORT_WORDS = frozenset(
    (
        *("a", "i", "am", "an", "as", "at", "be", "by", "do", "go", "he", "hi", "if", "in", "is", "it", "me", "my"),
        *("no", "of", "oh", "ok", "on", "or", "so", "to", "up", "us", "we"),
    )
)


@dataclass(frozen=True)
class Knowledge:
    """What the steps look things up in.

    Attributes:
        tables: The tables.
        emoticons: The emoticons by their exact and by their collapsed form.
        chunk: The pattern of a chunk.
        spaced: The first pieces of the emoticons with spaces inside.
        pattern: The token pattern.
        plain_words: Words that no step changes.
        silent_words: Those among them of which no table tells anything.
    """

    tables: Tables
    emoticons: dict[str, Sign]
    chunk: re.Pattern[str]
    spaced: frozenset[str]
    pattern: Any
    plain_words: frozenset[str]
    silent_words: frozenset[str]


@lru_cache(maxsize=1)
def knowledge() -> Knowledge:
    """The tables and what is made of them, at the first call."""
    found = tables()
    replaced = {*found.contractions, *found.abbreviations, *found.misspellings}
    signs = {collapse(emoticon): sign for emoticon, sign in found.emoticons.items()} | found.emoticons
    plain = frozenset(
        word
        for word in found.words.difference(replaced, signs)
        if word.isascii() and word.isalpha() and word.islower() and not _LAUGHTER.fullmatch(word)
    )
    return Knowledge(
        tables=found,
        emoticons=signs,
        chunk=chunk_pattern(found.emoticons),
        spaced=frozenset(emoticon.partition(" ")[0] for emoticon in found.emoticons if " " in emoticon),
        pattern=token_pattern(found.emoticons, [word for word in replaced if not _WORDLIKE.fullmatch(word)]),
        plain_words=plain,
        silent_words=plain.difference(found.cues, found.lexicon, found.ambiguous),
    )


class Context(NamedTuple):
    """What a step knows besides its token."""

    config: TextConfig
    known: Knowledge


Step: TypeAlias = Callable[[Token, Context], Sequence[Token]]
"""What a step makes of one token. It is a pure function."""


def links(token: Token, _: Context) -> Sequence[Token]:
    """``https://example.org`` -> ``<url>``."""
    return (token.become("<url>"),)


def mentions(token: Token, _: Context) -> Sequence[Token]:
    """``@someone`` -> ``<user>``."""
    return (token.become("<user>"),)


def numbers(token: Token, _: Context) -> Sequence[Token]:
    """``0123456789`` -> ``<number>``; numbers of up to four digits, times and prices stay."""
    digits = sum(map(str.isdigit, token.text))
    return (token.become("<number>") if digits > _LONGEST_NUMBER else token,)


def hashtags(token: Token, context: Context) -> Sequence[Token]:
    """``#soHappy`` and ``#sohappy`` -> ``so happy``."""
    tokens: list[Token] = []
    for match in _HASHTAG_PART.finditer(token.text):
        start = token.start + match.start()
        for word in _words_in(match[0], context.known.tables.words):
            tokens.append(Token(word, min(start, token.end - 1), min(start + len(word), token.end), "word"))
            start += len(word)
    return tokens


def emoji(token: Token, context: Context) -> Sequence[Token]:
    """😂 -> ``face with tears of joy``; a repeated one has its name once, and for the strength its family after it."""
    tokens: list[Token] = []
    start = token.start
    style = context.config.emoji_style
    for sign, repeats in groupby(split_emoji(token.text)):
        count = sum(1 for _ in repeats)
        end = min(start + len(sign) * count, token.end)
        family, valence = context.known.tables.emoji_affect(sign)
        name = emoji_name(sign)
        if name is None:
            tokens.append(Token(sign * min(count, 2), start, end, "name"))
        else:
            notes = _sign_notes("emoji", family, valence, count)
            if style == "keep":
                tokens.append(Token(sign * min(count, 2), start, end, "name", "", notes))
            elif style == "family":
                tokens.append(Token(" ".join([family] * min(count, 2)), start, end, "name", family, notes))
            else:
                tokens.append(Token(_strengthen(name, family, count), start, end, "name", family, notes))
        start = end
    return tokens


def emoticons(token: Token, context: Context) -> Sequence[Token]:
    """``:(`` -> ``frowning``; a stretched one has its family after it for the strength."""
    sign, count = context.known.emoticons.get(token.text), 1
    if sign is None:
        sign, count = context.known.emoticons[collapse(token.text)], 2
    text = _strengthen(sign.meaning, sign.family, count)
    return (token.become(text, *_sign_notes("emoticons", sign.family, sign.valence, count), kind="name"),)


def punctuation(token: Token, _: Context) -> Sequence[Token]:
    """``!!!!`` -> ``!!``, ``?!?!`` -> ``?!``, ``.....`` -> ``...``; a single sign stays."""
    text = token.text
    if text[0] == "." and len(text) > 1:
        return (token.become("...", ("ellipses", 1.0)),)
    exclamations, questions = text.count("!"), text.count("?")
    notes: list[Note] = []
    if exclamations:
        notes.append(("exclamations", float(exclamations)))
    if questions:
        notes.append(("questions", float(questions)))
    if exclamations > 1:
        notes.append(("strong_exclamation", 1.0))
    if questions > 1 or (exclamations and questions):
        notes.append(("strong_question", 1.0))
    return (token.become("?!" if exclamations and questions else text[:2], *notes),)


def case(token: Token, context: Context) -> Sequence[Token]:
    """``WHY`` -> ``why``, noticed as shouted."""
    lower = token.text.lower()
    if lower == token.text:
        return (token,)
    capitals = sum(map(str.isupper, token.text))
    quiet = token.become(lower, ("capitals", float(capitals)))
    if token.kind != "word" or capitals < 2 or not token.text.isupper():
        return (quiet,)
    shouted = quiet.become(lower, ("shouted", 1.0))
    return (shouted, _mark("<shouted>", token)) if context.config.marks else (shouted,)


def elongation(token: Token, context: Context) -> Sequence[Token]:
    """``soooo`` -> ``so``, ``gooood`` -> ``good``, ``hahahaha`` -> ``haha``; words that are spelt so stay."""
    if laughter := _LAUGHTER.fullmatch(token.text):
        return (token.become(f"h{laughter['vowel']}" * 2 if laughter["vowel"] else "lol"),)
    word = shorten_word(token.text, context.known.tables.words)
    if word == token.text:
        return (token,)
    short = token.become(word, ("elongated", 1.0))
    return (short, _mark("<elongated>", token)) if context.config.marks else (short,)


def contractions(token: Token, context: Context) -> Sequence[Token]:
    """``dont`` and ``don't`` -> ``do not``."""
    return _look_up(token, context.known.tables.contractions)


def abbreviations(token: Token, context: Context) -> Sequence[Token]:
    """``brb`` -> ``be right back``."""
    return _look_up(token, context.known.tables.abbreviations)


def misspellings(token: Token, context: Context) -> Sequence[Token]:
    """``definately`` -> ``definitely``."""
    return _look_up(token, context.known.tables.misspellings)


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


class TokenStep(NamedTuple):
    """A step that works on tokens, and the kinds of tokens it is for."""

    name: str
    apply: Step
    kinds: frozenset[str]


TOKEN_STEPS: tuple[TokenStep, ...] = tuple(
    TokenStep(step.__name__, step, frozenset(kinds))
    for step, *kinds in (
        (links, "url"),
        (mentions, "user"),
        (numbers, "number"),
        (hashtags, "hashtag"),
        (emoji, "emoji"),
        (emoticons, "emoticon"),
        (punctuation, "punctuation"),
        (case, "word", "symbol_word", "number", "hashtag", "mark", "punctuation"),
        (elongation, "word"),
        (contractions, "word", "symbol_word"),
        (abbreviations, "word", "symbol_word"),
        (misspellings, "word", "symbol_word"),
    )
)

STEPS: tuple[str, ...] = ("unicode", *(step.name for step in TOKEN_STEPS), "ambiguous")
"""The steps in their order; each has a switch of its name in ``TextConfig``."""


def shorten_word(word: str, words: Collection[str]) -> str:
    """Takes the stretching out of a word.

    Letters that stand three times or more are written twice or once, whichever gives a known word, twice where none
    does. A vowel or soft consonant doubled at the end goes as well when only the word without it is known: ``soo``.
    Known words stay, and so do initials such as ``aaa`` and ``www``.
    """
    if word.lower() in words or (len(word) == 3 and len(set(word)) == 1):
        return word
    runs = _STRETCHED.findall(word)
    if runs:
        if len(runs) <= _MOST_RUNS:
            pieces = _STRETCHED.split(word)
            for times in product((2, 1), repeat=len(runs)):
                pieces[1::2] = [letter * count for letter, count in zip(runs, times, strict=True)]
                candidate = "".join(pieces)
                if len(candidate) > 1 and candidate.lower() in words:
                    return candidate
        word = _STRETCHED.sub(r"\1\1", word)
    if len(word) > 2 and word[-1] == word[-2] and word[-1] in "aeiouyhkwz" and word[:-1].lower() in words:
        return word[:-1]
    return word


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


def _strengthen(name: str, family: str, count: int) -> str:
    return f"{name} {family}" if count > 1 and family in FEELING_FAMILIES else name


def _sign_notes(kind: str, family: str, valence: float, count: int) -> tuple[Note, ...]:
    notes = ((kind, float(count)), ("sign_valence", valence * min(count, 3)))
    return (*notes, (f"sign_{family}", float(count))) if family in FEELING_FAMILIES else notes


def _mark(mark: str, token: Token) -> Token:
    return Token(mark, token.start, token.end, "mark")


def _look_up(token: Token, table: dict[str, str]) -> Sequence[Token]:
    found = table.get(token.text) or table.get(token.text.lower().replace("`", "'"))
    return (token.become(found),) if found else (token,)
