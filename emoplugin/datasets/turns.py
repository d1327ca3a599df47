"""Three-turn files of any origin: columns ``turn1``, ``turn2``, ``turn3``, or one column ``text`` with ``<eos>``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import Row, read_rows
from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet

TURNS = ("turn1", "turn2", "turn3")
TEXT = "text"
_NAMED = (*TURNS, "id", "label", "group")


def read_turns(path: Path, labels: LabelSet | None = None, handle: BinaryIO | None = None) -> Iterator[Example]:
    """Reads a TSV, CSV or JSON lines file with turns, and with ``id``, ``label`` and ``group`` where it has them.

    Several labels of one row are joined by ``|``, or are a list in JSON lines.

    Args:
        path: The file, or ``-`` for standard input.
        labels: The labels that may occur. With it every row needs a label; without it none is needed and any goes.
        handle: The file, where it is already open for reading bytes.

    Raises:
        InputError: As `read_rows`; or a column is missing, a turn is no text, or a label is unknown.
    """

    def check(where: str, columns: Collection[str]) -> None:
        check_turns(where, columns)
        if labels is not None and "label" not in columns:
            raise InputError(f"{where}: expected a column label, found {_listed(columns)}.")

    for row in read_rows(path, handle, check):
        yield example_of(row, labels)


def example_of(row: Row, labels: LabelSet | None = None) -> Example:
    """The example in a row of a three-turn file."""
    dialogue = dialogue_of(row)
    columns = row.columns
    group = columns.get("group")
    taken = _NAMED if set(TURNS) <= columns.keys() else (TEXT, *_NAMED[len(TURNS) :])
    return Example(
        dialogue=dialogue,
        labels=_labels_of(row, labels),
        id=str(columns.get("id", row.number)),
        group=str(group) if group not in (None, "") else None,
        fields={name: value for name, value in columns.items() if name not in taken},
    )


def dialogue_of(row: Row) -> Dialogue:
    """The turns in a row: ``turn1`` to ``turn3``, or ``text`` split at ``<eos>``."""
    check_turns(row.where, row.columns)
    if set(TURNS) <= row.columns.keys():
        return Dialogue([_text(row, name) for name in TURNS])
    return Dialogue.parse(_text(row, TEXT))


def check_turns(where: str, columns: Collection[str]) -> None:
    """Raises an InputError where the columns hold no turns."""
    if not set(TURNS) <= set(columns) and TEXT not in columns:
        raise InputError(
            f"{where}: expected the columns {', '.join(TURNS)} or the column {TEXT}, found {_listed(columns)}."
        )


def check_labels(where: str, found: Collection[str], labels: LabelSet) -> None:
    """Raises an InputError for an unknown label, and for any number but one in a single-label set."""
    unknown = [name for name in found if name not in labels.names]
    if unknown:
        raise InputError(f"{where}: unknown label {unknown[0]!r}; expected one of {', '.join(labels.names)}.")
    if not labels.multi_label and len(found) != 1:
        raise InputError(f"{where}: expected one label, found {len(found)}.")


def _labels_of(row: Row, labels: LabelSet | None) -> tuple[str, ...]:
    value = row.columns.get("label")
    if isinstance(value, str):
        found = tuple(name for name in value.split("|") if name)
    elif isinstance(value, list) and all(isinstance(name, str) for name in value):
        found = tuple(value)
    elif value is None:
        found = ()
    else:
        raise InputError(f"{row.where}: label is {type(value).__name__}; expected text or a list of texts.")
    if labels is not None:
        check_labels(row.where, found, labels)
    return found


def _text(row: Row, name: str) -> str:
    value: Any = row.columns[name]
    if not isinstance(value, str):
        raise InputError(f"{row.where}: {name} is {type(value).__name__}; expected text.")
    return value


def _listed(columns: Collection[str]) -> str:
    return ", ".join(columns) or "none"
