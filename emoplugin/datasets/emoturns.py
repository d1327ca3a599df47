"""EmoTurns, the project's own three-turn conversations. They come with the package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.turns import read_turns
from emoplugin.labels import THREE_TURN_LABELS

CATEGORIES = (
    "context",
    "emoji",
    "irony",
    "negation",
    "plain",
    "question",
    "service",
    "short",
    "slang",
    "smalltalk",
)
"""What kinds of talk the conversations are; a group's name is its category and a number."""


def folder() -> Path:
    """Where the package keeps the files."""
    return Path(str(resources.files("emoplugin") / "datasets" / "emoturns"))


def read(path: Path) -> Iterator[Example]:
    """Reads a TSV with the header ``id turn1 turn2 turn3 label group source``."""
    return read_turns(path, THREE_TURN_LABELS)
