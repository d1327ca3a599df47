"""From bytes to rows: TSV, CSV and JSON lines, read as a stream, with every fault named by file and row.

Rows are counted as an editor counts lines, a header being row 1.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from emoplugin.errors import InputError

STDIN = Path("-")
MAX_ROW = 1 << 24
"""Longest row that is read, in bytes, so that a file without line ends cannot fill the memory."""

Lines = Iterable[tuple[int, str]]
"""Row numbers and lines without their ends."""

Records = Iterator[tuple[int, list[str]]]
"""Row numbers and fields; no fields at all stand for an empty line."""


@dataclass(frozen=True)
class Row:
    """A row with named columns.

    Attributes:
        number: Its row number in the file.
        where: File and row number, to begin an error message with.
        columns: Column name to value; text throughout except in JSON lines.
    """

    number: int
    where: str
    columns: dict[str, Any]


def file_name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)


def at(path: Path, number: int) -> str:
    """The beginning of an error message: file and row."""
    return f"{file_name(path)}, row {number}"


def open_input(path: Path) -> BinaryIO:
    """Opens a file, or standard input for ``-``. An InputError says why it cannot be read."""
    if path == STDIN:
        return sys.stdin.buffer
    if path.is_dir():
        raise InputError(f"{path} is a folder; a file is expected.")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def read_lines(path: Path, handle: BinaryIO | None = None) -> Iterator[tuple[int, str]]:
    """Row numbers and lines without their ends (LF or CRLF). A byte order mark is taken off.

    Args:
        path: The file; it names the file in errors.
        handle: The file, where it is already open for reading bytes.

    Raises:
        InputError: The file cannot be read, is not UTF-8, or has a row longer than ``MAX_ROW``.
    """
    if handle is None:
        with open_input(path) as opened:
            yield from read_lines(path, opened)
        return
    number = 0
    while line := handle.readline(MAX_ROW + 1):
        number += 1
        if len(line) > MAX_ROW:
            raise InputError(f"{at(path, number)} is longer than {MAX_ROW >> 20} MiB.")
        text = _decode(line, at(path, number))
        if number == 1:
            text = text.removeprefix("\ufeff")
        yield number, text.removesuffix("\n").removesuffix("\r")


def tsv_records(lines: Lines) -> Records:
    """Fields between tabs, taken as they stand: TSV has no quoting, so a lone quote is just a character."""
    for number, line in lines:
        yield number, line.split("\t") if line else []


def csv_records(path: Path, lines: Lines) -> Records:
    """Fields between commas, quoted with ``"`` where need be (RFC 4180). A quoted field may span lines."""
    csv.field_size_limit(MAX_ROW)
    reader = csv.reader((line + "\n" for _, line in lines), strict=True)
    start = 1
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{at(path, start)}: not valid CSV ({error}).") from None
        yield start, record
        start = reader.line_num + 1


def read_rows(path: Path, handle: BinaryIO | None = None) -> Iterator[Row]:
    """Rows of a TSV or CSV file with a header, or of a file of JSON lines.

    The ending decides which it is (``.tsv``, ``.csv``, ``.jsonl``, ``.ndjson``), else the first line.

    Raises:
        InputError: As `read_lines`; or an empty file, a repeated column, a row with more or fewer fields than the
            header, a line that is no JSON object, or an empty line among the rows. Empty lines at the end are no rows.
    """
    lines = read_lines(path, handle)
    first = next(lines, None)
    if first is None:
        raise InputError(f"{file_name(path)} is empty; expected a header or JSON lines.")
    kind = _KINDS.get(path.suffix.lower()) or _guess(first[1])
    every = chain([first], lines)
    if kind == "jsonl":
        return _json_rows(path, every)
    return _table_rows(path, csv_records(path, every) if kind == "csv" else tsv_records(every))


def check_fields(where: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """Raises an InputError where a row has more or fewer fields than expected."""
    if len(found) != len(expected):
        raise InputError(f"{where}: expected {len(expected)} fields ({', '.join(expected)}), found {len(found)}.")


def check_header(path: Path, records: Records, expected: Sequence[str]) -> None:
    """Takes the first record and raises an InputError where it is not the expected header."""
    number, header = next(records, (1, []))
    if header != list(expected):
        found = " ".join(header) or "nothing"
        raise InputError(f"{at(path, number)}: expected the header {' '.join(expected)} between tabs, found {found}.")


_KINDS = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def _guess(line: str) -> str:
    if line.lstrip().startswith("{"):
        return "jsonl"
    return "csv" if "," in line and "\t" not in line else "tsv"


def _decode(line: bytes, where: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        found = line[error.start]
        hint = " It looks like UTF-16." if line[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        message = f"{where}, byte {error.start + 1}: 0x{found:02x} is not UTF-8.{hint} Save the file as UTF-8."
        raise InputError(message) from None


def _table_rows(path: Path, records: Records) -> Iterator[Row]:
    header_number, header = next(records)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"{at(path, header_number)}: columns are named twice: {', '.join(repeated)}.")
    gap = None
    for number, record in records:
        # In a file of one column an empty line is a row with an empty value.
        fields = record or ([""] if len(header) == 1 else [])
        if not fields:
            gap = gap or number
            continue
        _check_gap(path, gap)
        where = at(path, number)
        check_fields(where, fields, header)
        yield Row(number, where, dict(zip(header, fields, strict=True)))


def _json_rows(path: Path, lines: Lines) -> Iterator[Row]:
    gap = None
    for number, line in lines:
        if not line.strip():
            gap = gap or number
            continue
        _check_gap(path, gap)
        where = at(path, number)
        try:
            columns = json.loads(line, parse_constant=_finite, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON ({error}).") from None
        if not isinstance(columns, dict):
            raise InputError(f"{where}: expected a JSON object, found {type(columns).__name__}.")
        yield Row(number, where, columns)


def _check_gap(path: Path, gap: int | None) -> None:
    if gap is not None:
        raise InputError(f"{at(path, gap)}: the row is empty though rows follow it. Remove it, or fill in its columns.")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no JSON number")
    return value
