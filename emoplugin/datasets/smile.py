"""SMILE (Wang et al. 2016): tweets about museums, six labels left after the published filter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import CSV, read_table
from emoplugin.datasets.turns import check_labels
from emoplugin.dialogue import Dialogue
from emoplugin.labels import LabelSet

LABELS = LabelSet(("happy", "not-relevant", "angry", "disgust", "sad", "surprise"), neutral="not-relevant")
"""In the order in which they first occur, which is the order the published split depends on."""

COLUMNS = ("id", "text", "category")
UNCODED = "nocode"


def read(path: Path) -> Iterator[Example]:
    """Reads rows of id, text and category between commas, without header. Several categories are joined by ``|``.

    As in the published trainings, rows with several categories or with ``nocode`` are left out.
    """
    for row in read_table(path, CSV, COLUMNS):
        identity, text, category = row.columns.values()
        if category == UNCODED:
            continue
        categories = category.split("|")
        for name in categories:
            check_labels(row.where, [name], LABELS)
        if len(categories) == 1:
            yield Example(Dialogue([text]), (category,), identity)
