"""Which steps of the normalisation run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from emoplugin.errors import InputError

EMOJI_STYLES = ("name", "family", "keep")


@dataclass(frozen=True)
class TextConfig:
    """One switch a step, in the order of the steps. Saved with a model, so that serving repeats training.

    Attributes:
        unicode: Repair of characters: invisible and control characters, NFC, stacked marks, look-alike letters.
        links: Addresses become ``<url>``.
        mentions: ``@name`` and e-mail addresses become ``<user>``.
        numbers: Numbers of more than four digits become ``<number>``.
        hashtags: ``#soHappy`` becomes ``so happy``.
        emoji: Emoji become words, as ``emoji_style`` says.
        emoticons: Emoticons become a word or two for their meaning.
        punctuation: A repeated sign becomes the sign doubled.
        case: Lower case, and shouted words are noticed.
        elongation: Stretched words become the words they stretch, and laughter gets one spelling.
        contractions: ``dont`` and ``don't`` become ``do not``.
        abbreviations: Chat abbreviations are written out.
        misspellings: Frequent misspellings are mended.
        ambiguous: Words such as ``ill`` are written out where the next word tells that they are contractions.
        emoji_style: ``name`` writes the emoji's name, ``family`` its family of the affect table, ``keep`` leaves it.
        marks: Writes ``<shouted>`` and ``<elongated>`` after the words that were.

    Raises:
        InputError: An emoji style that does not exist.
    """

    unicode: bool = True
    links: bool = True
    mentions: bool = True
    numbers: bool = True
    hashtags: bool = True
    emoji: bool = True
    emoticons: bool = True
    punctuation: bool = True
    case: bool = True
    elongation: bool = True
    contractions: bool = True
    abbreviations: bool = True
    misspellings: bool = True
    ambiguous: bool = True
    emoji_style: str = "name"
    marks: bool = False

    def __post_init__(self) -> None:
        if self.emoji_style not in EMOJI_STYLES:
            raise InputError(f"emoji_style is one of {', '.join(EMOJI_STYLES)}, not {self.emoji_style!r}.")

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TextConfig:
        """Reads what ``to_json`` wrote; what is missing takes its default.

        Raises:
            InputError: A key that is not a switch, or a value of the wrong type.
        """
        known = {field.name: type(field.default) for field in fields(cls)}
        for key, value in data.items():
            if key not in known:
                raise InputError(f"The text configuration has no switch {key!r}; it has {', '.join(known)}.")
            if not isinstance(value, known[key]):
                raise InputError(f"The text configuration's {key!r} is {value!r}, not a {known[key].__name__}.")
        return cls(**data)
