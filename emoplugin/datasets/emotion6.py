"""The six-class "emotion" set (Saravia et al. 2018): one lower-case sentence, one of six labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import at, read_lines
from emoplugin.datasets.turns import check_labels
from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet

LABELS = LabelSet(("sadness", "joy", "love", "anger", "fear", "surprise"))
"""In the order of the published label ids."""


def read(path: Path) -> Iterator[Example]:
    """Reads lines of ``text;label``, without header or quoting. The last semicolon is the separator."""
    for number, line in read_lines(path):
        where = at(path, number)
        text, separator, label = line.rpartition(";")
        if not separator:
            raise InputError(f"{where}: expected text;label, found no semicolon.")
        check_labels(where, [label], LABELS)
        yield Example(Dialogue([text]), (label,), str(number))
