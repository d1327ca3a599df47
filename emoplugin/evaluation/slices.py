"""Ways to part rows, to see where a model is good and where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import regex

from emoplugin.datasets import Example

_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Extended_Pictographic}")
_NUMBER = regex.compile(r"[-_ ]*\d+$")
_LENGTHS = ((1, "0-1"), (3, "2-3"), (7, "4-7"), (15, "8-15"))


def length(example: Example) -> str:
    """Words in the last turn."""
    words = len(example.dialogue.last.split())
    return next((name for most, name in _LENGTHS if words <= most), "more than 15")


def emoji(example: Example) -> str:
    """Whether there is an emoji in the last turn."""
    return "with emoji" if _EMOJI.search(example.dialogue.last) else "without emoji"


def context(example: Example) -> str:
    """How many turns before the last one say something."""
    turns = sum(bool(turn.strip()) for turn in example.dialogue.window()[:-1])
    return f"{turns} turns before" if turns != 1 else "1 turn before"


def group(example: Example) -> str:
    """The kind of group a row belongs to: its name without the number, ``slang`` for ``slang-12``."""
    return _NUMBER.sub("", example.group or "") or "none"


MOST_PARTS = 20

SLICES: Mapping[str, Callable[[Example], str]] = {
    "words in the last turn": length,
    "emoji": emoji,
    "context": context,
    "group": group,
}
"""Slice name to the function that says which part a row belongs to.

A slice of a single part, or of more than ``MOST_PARTS``, is not shown.
"""
