"""SMILE (Wang et al. 2016): tweets about museums, six labels left after the published filter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import at, check_fields, csv_records, read_lines
from emoplugin.datasets.turns import check_labels
from emoplugin.dialogue import Dialogue
from emoplugin.labels import LabelSet

LABELS = LabelSet(("happy", "not-relevant", "angry", "disgust", "sad", "surprise"), neutral="not-relevant")
"""In the order in which they first occur, which is the order the published split depends on."""

UNCODED = "nocode"


def read(path: Path) -> Iterator[Example]:
    """Reads rows of id, text and category between commas, without header. Several categories are joined by ``|``.

    As in the published trainings, rows with several categories or with ``nocode`` are left out.
    """
    for number, record in csv_records(path, read_lines(path)):
        where = at(path, number)
        check_fields(where, record, ["id", "text", "category"])
        identity, text, category = record
        if category == UNCODED:
            continue
        categories = category.split("|")
        for name in categories:
            check_labels(where, [name], LABELS)
        if len(categories) == 1:
            yield Example(Dialogue([text]), (category,), identity)
