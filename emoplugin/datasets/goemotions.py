"""GoEmotions (Demszky et al. 2020): comments with any of 28 labels, also under the three-turn labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import TSV, read_rows, read_table
from emoplugin.dialogue import Dialogue
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet

LABELS = LabelSet(
    (
        *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
        *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief"),
        *("joy", "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise"),
        "neutral",
    ),
    neutral="neutral",
    multi_label=True,
)
"""In the order of the published label ids."""

GROUPS = {
    "happy": ("joy", "amusement", "excitement", "love", "pride", "relief"),
    "sad": ("sadness", "grief", "disappointment", "remorse"),
    "angry": ("anger", "annoyance", "disgust"),
}
"""The GoEmotions labels behind each three-turn emotion; the rest but the polite ones are ``others``."""

POLITE = frozenset(("gratitude", "admiration", "optimism"))
"""Thanks, praise and good wishes are a show of happiness or mere politeness; the labels do not say which."""

_EMOTION = {label: emotion for emotion, members in GROUPS.items() for label in members}
_COLUMNS = ("text", "label-ids", "comment-id")
_RAW_COLUMNS = ("text", "id", *LABELS.names)


def read(path: Path) -> Iterator[Example]:
    """Reads the filtered files: text, label ids between commas and comment id between tabs, no header, no quoting."""
    for row in read_table(path, TSV, _COLUMNS):
        text, ids, comment = row.columns.values()
        yield Example(Dialogue([text]), tuple(_label(row.where, name) for name in ids.split(",")), comment)


def read_grouped(path: Path) -> Iterator[Example]:
    """The filtered files under the three-turn labels.

    Comments whose labels fall in two emotions, and polite ones without an emotion beside, are left out.
    """
    for example in read(path):
        emotions = {_EMOTION[label] for label in example.labels if label in _EMOTION}
        polite = not emotions and not POLITE.isdisjoint(example.labels)
        if len(emotions) < 2 and not polite:
            yield replace(example, labels=(emotions.pop() if emotions else "others",))


def read_raw(path: Path) -> Iterator[Example]:
    """Reads the large CSV files: one row a rater, one column of 0 or 1 a label. Unclear comments have no label."""
    for row in read_rows(path, check=_check_raw_columns):
        for name in LABELS.names:
            if row.columns[name] not in ("0", "1"):
                raise InputError(f"{row.where}: {name} is {row.columns[name]!r}; expected 0 or 1.")
        fields = {name: value for name, value in row.columns.items() if name not in _RAW_COLUMNS}
        labels = tuple(name for name in LABELS.names if row.columns[name] == "1")
        yield Example(Dialogue([row.columns["text"]]), labels, row.columns["id"], fields=fields)


def _check_raw_columns(where: str, columns: Collection[str]) -> None:
    missing = [name for name in _RAW_COLUMNS if name not in columns]
    if missing:
        raise InputError(f"{where}: the columns {', '.join(missing)} are missing; found {', '.join(columns)}.")


def _label(where: str, name: str) -> str:
    if not (name.isascii() and name.isdecimal() and int(name) < len(LABELS)):
        raise InputError(f"{where}: expected label ids from 0 to {len(LABELS) - 1} between commas, found {name!r}.")
    return LABELS.names[int(name)]
