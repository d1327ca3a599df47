"""Emoji: finding them in a text and naming them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import regex
from unidecode import unidecode

_ZWJ = "\u200d"
_VARIATION = "\ufe0f"
_KEYCAP = "\u20e3"
_TONES = "\U0001f3fb-\U0001f3ff"
_TAGS = "\U000e0020-\U000e007f"

KEYCAP_PATTERN = rf"[0-9#*]{_VARIATION}?{_KEYCAP}"
"""A regular expression for a digit or sign on a key."""

_COMPONENT = regex.compile(rf"[{_ZWJ}{_VARIATION}{_KEYCAP}{_TAGS}]")
_NOT_IN_KEYS = regex.compile(rf"(?<=.)[{_VARIATION}{_TONES}]")
_TONE_NAMES = regex.compile(r"(?<=\w)(?:_(?:medium-)?(?:dark|light|medium)_skin_tone)+")
_WORD = regex.compile(r"[a-z0-9]+")


def is_component(character: str) -> bool:
    """Whether a character is invisible glue or a modifier inside emoji sequences."""
    return _COMPONENT.match(character) is not None


@lru_cache(maxsize=1)
def emoji_characters() -> frozenset[str]:
    """The characters that are an emoji, or the visible part of one."""
    characters = {character for emoji in _data() for character in emoji if not character.isascii()}
    characters.update(map(chr, range(0x1F1E6, 0x1F200)))
    return frozenset(character for character in characters if not is_component(character))


@lru_cache(maxsize=1)
def character_class() -> str:
    """``emoji_characters`` as the inside of a character class of a regular expression."""
    characters = emoji_characters()
    starts = sorted(character for character in characters if chr(ord(character) - 1) not in characters)
    ends = sorted(character for character in characters if chr(ord(character) + 1) not in characters)
    return "".join(f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def run_pattern() -> str:
    """A regular expression for emoji that follow each other directly."""
    characters = character_class()
    return rf"(?:{KEYCAP_PATTERN}|[{characters}][{characters}{_ZWJ}{_VARIATION}{_KEYCAP}{_TAGS}]*+)"


def emoji_key(emoji: str) -> str:
    """An emoji without skin tones and variation selectors: what the affect table and the names are looked up by."""
    return str(_NOT_IN_KEYS.sub("", emoji))


@lru_cache(maxsize=4096)
def emoji_name(emoji: str) -> str | None:
    """The words of an emoji's Unicode name in lower case, without the skin tone; None for what is not an emoji."""
    name = _names().get(emoji.replace(_VARIATION, ""))
    if name is None:
        return None
    plain = unidecode(_TONE_NAMES.sub("", name)).lower()
    return " ".join(_WORD.findall(plain.replace("'", "").replace(".", "")))


def split_emoji(run: str) -> list[str]:
    """The emoji in a run of them, each the longest that Unicode knows from where the last one ended."""
    parts: list[str] = []
    start = 0
    while start < len(run):
        end = start + 1
        if not is_component(run[start]):
            if run[end : end + 1] in _seconds():
                longest = min(start + _longest(), len(run))
                end = next((longer for longer in range(longest, end, -1) if _is_known(run[start:longer])), end)
            parts.append(run[start:end])
        start = end
    return parts


def _is_known(emoji: str) -> bool:
    return emoji.replace(_VARIATION, "") in _names()


def _data() -> dict[str, Any]:
    from emoji import EMOJI_DATA

    return EMOJI_DATA  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {emoji.replace(_VARIATION, ""): data["en"] for emoji, data in _data().items()}


@lru_cache(maxsize=1)
def _seconds() -> frozenset[str]:
    """What comes second in emoji of several characters."""
    return frozenset(emoji[1] for emoji in _data() if len(emoji) > 1)


@lru_cache(maxsize=1)
def _longest() -> int:
    return max(map(len, _data()))
