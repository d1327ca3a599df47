"""The six-class "emotion" set (Saravia et al. 2018): one lower-case sentence, one of six labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import Format, read_table, split_lines
from emoplugin.datasets.turns import check_labels
from emoplugin.dialogue import Dialogue
from emoplugin.labels import LabelSet

LABELS = LabelSet(("sadness", "joy", "love", "anger", "fear", "surprise"))
"""In the order of the published label ids."""

FORMAT = Format("semicolons", split_lines(lambda line: line.rsplit(";", 1)))
COLUMNS = ("text", "label")


def read(path: Path) -> Iterator[Example]:
    """Reads lines of ``text;label``, without header or quoting. The last semicolon is the separator."""
    for row in read_table(path, FORMAT, COLUMNS):
        text, label = row.columns.values()
        check_labels(row.where, [label], LABELS)
        yield Example(Dialogue([text]), (label,), str(row.number))
