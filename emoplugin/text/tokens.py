"""Cutting a text into tokens, each of a kind that the steps go by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import regex

from emoplugin.text.emojis import KEYCAP_PATTERN, character_class, run_pattern

MARKS = ("<url>", "<user>", "<number>", "<elongated>", "<shouted>")
"""Tokens that stand for something or say something of the word before. A text that contains them keeps them."""


class Token(NamedTuple):
    """A piece of text on its way through the steps.

    Attributes:
        text: What it has become so far: one word, or several with single spaces between them.
        start: Where it starts in the original text.
        end: Where it ends in the original text.
        kind: ``raw`` before cutting, then one of the groups of the token pattern, or ``name`` for the words of a sign.
        short: What may stand for ``text`` where room is short; empty where ``text`` can be shortened by words.
        notes: Names and values of what was noticed about it, for the surface features.
    """

    text: str
    start: int
    end: int
    kind: str = "raw"
    short: str = ""
    notes: tuple[tuple[str, float], ...] = ()

    def become(self, text: str, *notes: tuple[str, float], kind: str | None = None, short: str = "") -> Token:
        """The token with a new text and more notes."""
        return Token(text, self.start, self.end, kind or self.kind, short, self.notes + notes)


def collapse(sign: str) -> str:
    """An emoticon with its mouth, brackets and underscores written once: ``:(((`` is ``:(``, ``T___T`` is ``T_T``."""
    collapsed = _REPEATED_START.sub(r"\1", _UNDERSCORES.sub("_", sign))
    return str(_REPEATED_END.sub(r"\1", collapsed)) if len(set(collapsed)) > 1 else sign[:2]


def token_pattern(emoticons: Iterable[str], symbol_words: Iterable[str]) -> Any:
    """Compiles the pattern whose named groups are the kinds of tokens.

    It looks at each character a bounded number of times: every repetition is possessive, and an alternative that scans
    ahead without being sure to match begins only where a run of its characters begins.

    Args:
        emoticons: All emoticons. They are found with repeated mouths, too.
        symbol_words: Words with signs in them that the tables explain, such as ``w/`` or ``'cause``.
    """
    emoji = character_class()
    letter = rf"[\p{{L}}\p{{M}}\p{{N}}\u200c\u200d--[{emoji}\ufe0f\u20e3]]"
    plain = rf"(?!{KEYCAP_PATTERN})"
    address = rf"(?:{plain}[^\s{emoji}])"
    name = r"[A-Za-z0-9_.+\-]"
    host = r"[A-Za-z0-9\-]"
    top_level = r"(?i:com|org|net|edu|gov|info|biz|io|co\.[a-z]{2})"
    groups = {
        "mark": rf"(?=<)(?i:{'|'.join(MARKS)})",
        "url": rf"(?=[A-Za-z0-9])(?<![\w.+\-@])(?:(?:[A-Za-z][A-Za-z0-9+.\-]*+://|(?i:www)\.){address}++"
        rf"|{host}++(?:\.{host}++)++(?<=\.{top_level})(?![\w@])(?:/{address}*+)?)",
        "user": rf"(?={name})(?<![\w.+\-@]){name}++@{host}++\.[A-Za-z0-9.\-]++"
        rf"|(?<!{letter})@(?:{plain}(?:{letter}|_))++",
        "hashtag": rf"\#(?<!{letter}\#)(?=[\d_]*+\p{{L}})(?:{plain}(?:{letter}|_))++",
        "emoticon": _signs({collapse(sign) for sign in emoticons}),
        "emoji": run_pattern(),
        "symbol_word": rf"(?=[A-Za-z0-9'])(?<!{letter})(?i:{_trie(symbol_words)})(?!{letter})",
        "number": rf"(?:{plain}\d)++(?:[.,:](?:{plain}\d)++)*+(?!{letter})",
        "word": rf"(?:[A-Za-z]++|{plain}{letter})++(?:['`](?:(?!\p{{N}}){letter})++)*+",
        "punctuation": rf"[!?]++|(?P<sign>\S)(?:{plain}(?P=sign))*+",
    }
    return regex.compile("(?V1)" + "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in groups.items()))


def chunk_pattern(emoticons: Iterable[str]) -> re.Pattern[str]:
    """Compiles the pattern of a chunk: what stands between white space, or an emoticon with spaces inside.

    The standard library's pattern, since its white space is that of ``str.split``.
    """
    spaced = sorted((re.escape(sign) for sign in emoticons if " " in sign), reverse=True)
    return re.compile(rf"(?:{'|'.join(spaced)})(?!\S)|\S+")


def cut(token: Token, pattern: Any, origin: list[int] | None = None) -> Iterator[Token]:
    """Cuts a raw token into tokens with a kind.

    Args:
        token: The raw token.
        pattern: What ``token_pattern`` compiled.
        origin: For each character of the token where it starts in the original, and the end; None where it was not
            changed.
    """
    for match in pattern.finditer(token.text):
        start, end = match.span()
        if origin:
            # A character that was written with several has their span as a whole.
            start, end = origin[start], max(origin[end], origin[end - 1] + 1)
        yield Token(match[0], token.start + start, token.start + end, match.lastgroup)


_UNDERSCORES = regex.compile(r"__++")
_REPEATED_START = regex.compile(r"^([()\[\]{}])\1++")
_REPEATED_END = regex.compile(r"(.)\1++$")


def _signs(signs: Iterable[str]) -> str:
    """The emoticons, not as parts of words: those that start or end with a letter need something else beside it."""
    apart: list[str] = []
    anywhere: list[str] = []
    for sign in signs:
        if " " not in sign:
            (apart if sign[0].isalnum() or sign[0] in ")]}" else anywhere).append(sign)
    firsts = "".join(
        regex.escape(first, special_only=False) for first in sorted({sign[0] for sign in (*apart, *anywhere)})
    )
    found = rf"(?:(?<![\p{{L}}\p{{N}}(]){_trie(apart, stretch=True)}|{_trie(anywhere, stretch=True)})"
    inside_a_word = r"(?<=[\p{L}\p{N}])(?=[\p{L}\p{N}])"
    return rf"(?=[{firsts}]){found}(?!{inside_a_word})(?!\ufe0f?\u20e3)"


def _trie(words: Iterable[str], *, stretch: bool = False) -> str:
    """A pattern that finds the longest of the words at a place, looking at each character once or twice.

    Args:
        words: The words.
        stretch: Whether the brackets a word starts with, its last character and underscores may be repeated.
    """
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return _branches(root, stretch=stretch, first=True)


def _branches(node: dict[str, Any], *, stretch: bool, first: bool = False) -> str:
    branches = []
    for character, below in sorted(node.items()):
        if not character:
            continue
        escaped = regex.escape(character)
        many = "++" if stretch and (character == "_" or (first and character in "()[]{}")) else ""
        ends = [""] if "" in below else []
        if ends and stretch and not many:
            ends = [escaped + "*+"]
        further = [_branches(below, stretch=stretch)] if len(below) > ("" in below) else []
        branches.append(escaped + many + _group(further + ends))
    return _group(branches)


def _group(alternatives: list[str]) -> str:
    return alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"
