"""EmoContext, SemEval-2019 Task 3 (Chatterjee et al. 2019): three turns, four labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import TSV, read_table
from emoplugin.datasets.turns import TURNS, check_labels
from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.labels import THREE_TURN_LABELS

COLUMNS = ("id", *TURNS, "label")


def read(path: Path) -> Iterator[Example]:
    """Reads the published files: UTF-8, CRLF, tabs without quoting, a header."""
    for row in read_table(path, TSV, COLUMNS, headed=True):
        identity, *turns, label = row.columns.values()
        if not identity.isdecimal():
            raise InputError(f"{row.where}: expected a number as id, found {identity!r}.")
        check_labels(row.where, [label], THREE_TURN_LABELS)
        yield Example(Dialogue(turns), (label,), identity)
