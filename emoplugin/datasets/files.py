"""From bytes to rows: TSV, CSV and JSON lines, read as a stream, with every fault named by file and row.

Rows are counted as an editor counts lines, a header being row 1.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from emoplugin.errors import InputError

STDIN = Path("-")
MAX_ROW = 1 << 24
"""Longest row that is read, in bytes, so that a file without line ends cannot fill the memory."""

Lines = Iterable[tuple[int, str]]
"""Row numbers and lines with their ends."""

Records = Iterator[tuple[int, list[str]]]
"""Row numbers and fields; no fields at all stand for an empty line."""

ColumnCheck = Callable[[str, Collection[str]], None]
"""Takes file and row, as an error message begins, and column names. Raises an InputError where they will not do."""

Content = TypeVar("Content", str, list[str])


@dataclass(frozen=True)
class Format:
    """How a line is cut into fields.

    Attributes:
        between: What stands between two fields, in the words of an error message.
        records: From a file's lines to its records; the path names the file in errors.
    """

    between: str
    records: Callable[[Path, Lines], Records]


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
    """Row numbers and lines with their ends. Only a line feed ends a line. A byte order mark is taken off.

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
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def split_lines(split: Callable[[str], list[str]]) -> Callable[[Path, Lines], Records]:
    """Records of a file without quoting: every line, without its end (LF or CRLF), is split by itself."""

    def records(_: Path, lines: Lines) -> Records:
        for number, line in lines:
            bare = line.removesuffix("\n").removesuffix("\r")
            yield number, split(bare) if bare else []

    return records


def csv_records(path: Path, lines: Lines) -> Records:
    """Fields between commas, quoted with ``"`` where need be (RFC 4180). A quoted field may span lines."""
    csv.field_size_limit(MAX_ROW)
    reader = csv.reader((line for _, line in lines), strict=True)
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


TSV = Format("tabs", split_lines(lambda line: line.split("\t")))
"""Fields taken as they stand: there is no quoting, so a lone quote is just a character."""

CSV = Format("commas", csv_records)


def read_table(path: Path, form: Format, columns: Sequence[str], headed: bool = False) -> Iterator[Row]:
    """Rows of a file whose columns are known.

    Args:
        path: The file.
        form: How its lines are cut.
        columns: The columns, in the order of the file.
        headed: Whether the file begins with a header, which must name just these columns.

    Raises:
        InputError: As `read_lines`; or an empty file, another header, a row with more or fewer fields than there are
            columns, or an empty line among the rows. Empty lines at the end are no rows.
    """
    expected = f"{'the header' if headed else 'rows of'} {' '.join(columns)} between {form.between}"
    records = _filled(path, form.records(path, read_lines(path)), expected)
    if headed:
        number, header = next(records)
        if header != list(columns):
            raise InputError(f"{at(path, number)}: expected {expected}, found {' '.join(header)}.")
    yield from _rows(path, form, columns, records)


def read_rows(path: Path, handle: BinaryIO | None = None, check: ColumnCheck | None = None) -> Iterator[Row]:
    """Rows of a TSV or CSV file with a header, or of a file of JSON lines.

    The ending decides which it is (``.tsv``, ``.csv``, ``.jsonl``, ``.ndjson``), else the first line.

    Args:
        path: The file, or ``-`` for standard input.
        handle: The file, where it is already open for reading bytes.
        check: Called with the columns of the header, or of every line of JSON.

    Raises:
        InputError: As `read_lines` and as ``check``; or an empty file, a repeated column, a row with more or fewer
            fields than the header, a line that is no JSON object, or an empty line among the rows. Empty lines at the
            end are no rows.
    """
    lines = read_lines(path, handle)
    first = next(lines, (1, ""))
    kind = _KINDS.get(path.suffix.lower()) or _guess(first[1])
    every = chain([first], lines)
    if kind == "jsonl":
        return _json_rows(path, every, check)
    return _headed_rows(path, CSV if kind == "csv" else TSV, every, check)


_ANY = "a header or JSON lines"
_JSON_SPACE = " \t\r\n"
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


def _headed_rows(path: Path, form: Format, lines: Lines, check: ColumnCheck | None) -> Iterator[Row]:
    records = form.records(path, lines)
    filled = _filled(path, records, _ANY)
    number, header = next(filled)
    where = at(path, number)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"{where}: columns are named twice: {', '.join(repeated)}.")
    if check is not None:
        check(where, header)
    # In a file of one column an empty line is a row with an empty value.
    single = ((number, record or [""]) for number, record in records)
    yield from _rows(path, form, header, single if len(header) == 1 else filled)


def _json_rows(path: Path, lines: Lines, check: ColumnCheck | None) -> Iterator[Row]:
    for number, line in _filled(path, ((number, line.strip(_JSON_SPACE)) for number, line in lines), _ANY):
        where = at(path, number)
        try:
            columns = json.loads(line, parse_constant=_finite, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON ({error}).") from None
        if not isinstance(columns, dict):
            raise InputError(f"{where}: expected a JSON object, found {type(columns).__name__}.")
        if check is not None:
            check(where, columns)
        yield Row(number, where, columns)


def _rows(path: Path, form: Format, columns: Sequence[str], records: Records) -> Iterator[Row]:
    for number, record in records:
        where = at(path, number)
        if len(record) != len(columns):
            fields = f"{len(columns)} fields ({', '.join(columns)}) between {form.between}"
            raise InputError(f"{where}: expected {fields}, found {len(record)}.")
        yield Row(number, where, dict(zip(columns, record, strict=True)))


def _filled(path: Path, lines: Iterable[tuple[int, Content]], expected: str) -> Iterator[tuple[int, Content]]:
    """The lines without the empty ones at the end. Raises where one is empty before that, or all are."""
    gap = None
    empty = True
    for number, content in lines:
        if not content:
            gap = gap or number
        elif gap is None:
            empty = False
            yield number, content
        else:
            raise InputError(
                f"{at(path, gap)}: the row is empty though rows follow it. Remove it, or fill in its columns."
            )
    if empty:
        raise InputError(f"{file_name(path)} is empty; expected {expected}.")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no JSON number")
    return value
