"""The one record type that every data set is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emoplugin.dialogue import Dialogue


@dataclass(frozen=True)
class Example:
    """A dialogue and what people said about it.

    Attributes:
        dialogue: The turns, one to three of them.
        labels: The right labels: one for single-label sets, any number for multi-label ones, none where unlabelled.
        id: What the file calls the row, or its row number where it has no name.
        group: Rows that belong together, such as one last turn in several contexts; None where the file has no groups.
        fields: The file's other columns, as they were.
    """

    dialogue: Dialogue
    labels: tuple[str, ...]
    id: str
    group: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
