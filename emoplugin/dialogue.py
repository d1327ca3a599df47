"""The context window whose last turn is classified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from emoplugin.errors import InputError

EOS = "<eos>"
WINDOW = 3

_EOS = regex.compile(r"<(eos)>", regex.IGNORECASE)


@dataclass(frozen=True)
class Dialogue:
    """Utterances of a user and a bot in turn, oldest first. The last turn is the user's, and is the one classified.

    Attributes:
        turns: One turn or more. Models read the last three; an empty string stands for a turn that is missing.

    Raises:
        InputError: No turns, or a turn that is not a string.
    """

    turns: tuple[str, ...]

    def __init__(self, turns: Sequence[str]) -> None:
        if isinstance(turns, str):
            raise InputError("Dialogue takes a list of turns; use Dialogue.parse for a text with <eos>.")
        turns = tuple(turns)
        if not turns:
            raise InputError("A dialogue needs at least one turn.")
        for number, turn in enumerate(turns, 1):
            if not isinstance(turn, str):
                raise InputError(f"Turn {number} of a dialogue is {type(turn).__name__}, not text.")
        object.__setattr__(self, "turns", turns)

    @classmethod
    def parse(cls, text: str) -> Dialogue:
        """Reads the ``<eos>`` text form: turns with ``<eos>`` between them. A text without it is one turn."""
        return cls([turn.strip() for turn in _EOS.split(text)[::2]])

    @property
    def text(self) -> str:
        """The ``<eos>`` text form. A turn's own ``<eos>`` becomes ``< eos >``, so that parsing finds the same turns."""
        return f" {EOS} ".join(_EOS.sub(r"< \1 >", turn.strip()) for turn in self.turns)

    @property
    def last(self) -> str:
        """The turn that is classified."""
        return self.turns[-1]

    def window(self, size: int = WINDOW) -> tuple[str, ...]:
        """The last ``size`` turns, padded at the front with empty strings."""
        recent = self.turns[-size:]
        return ("",) * (size - len(recent)) + recent

    def __str__(self) -> str:
        return self.text
