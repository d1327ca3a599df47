"""EmoContext, SemEval-2019 Task 3 (Chatterjee et al. 2019): three turns, four labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import at, check_fields, check_header, read_lines, tsv_records
from emoplugin.datasets.turns import check_labels
from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.labels import THREE_TURN_LABELS

COLUMNS = ["id", "turn1", "turn2", "turn3", "label"]


def read(path: Path) -> Iterator[Example]:
    """Reads the published files: UTF-8, CRLF, tabs without quoting, a header."""
    records = tsv_records(read_lines(path))
    check_header(path, records, COLUMNS)
    for number, record in records:
        where = at(path, number)
        check_fields(where, record, COLUMNS)
        identity, *turns, label = record
        if not identity.isdecimal():
            raise InputError(f"{where}: expected a number as id, found {identity!r}.")
        check_labels(where, [label], THREE_TURN_LABELS)
        yield Example(Dialogue(turns), (label,), identity)
