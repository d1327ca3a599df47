"""What the commands share: where results and messages go, JSON lines, progress, output files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from emoplugin.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

STDOUT = Path("-")

# Line ends that JSON may leave as they are, but that would split a line for some readers.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def set_up_streams() -> None:
    """Makes standard output and error UTF-8 whatever the locale; what UTF-8 cannot hold is written as an escape.

    A stream that the caller closed is replaced by one that is empty and swallows everything.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r+", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def message(text: str) -> None:
    """Tells the user something that is not a result."""
    print(text, file=sys.stderr)  # noqa: T201


def json_line(data: Mapping[str, Any]) -> str:
    """One object on one line. A lone surrogate becomes its JSON escape when the line is written."""
    return json.dumps(data, ensure_ascii=False).translate(_LINE_ENDS) + "\n"


@contextmanager
def open_output(path: Path) -> Iterator[TextIO]:
    """Opens a file for writing, or standard output for ``-``.

    The file appears when all of it is written: until then its content is in a neighbour called ``NAME.part``.

    Raises:
        InputError: The file cannot be written.
    """
    if path == STDOUT:
        yield sys.stdout
        return
    try:
        # What a link points to is replaced, not the link; a device, a pipe or /dev/stdout is written to as it is.
        direct = path.is_relative_to("/dev") or (path.exists() and not path.is_file())
        target = path if direct else path.resolve()
        part = path if direct else target.with_name(target.name + ".part")
        stream = part.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
    # Links that point at one another give a RuntimeError.
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
    try:
        with stream:
            yield stream
        if not direct:
            part.replace(target)
    finally:
        if not direct:
            part.unlink(missing_ok=True)


def print_entry(name: str, details: Mapping[str, str]) -> None:
    """Prints something's name and, below it, what there is to say about it, a line each."""
    width = max(map(len, details))
    lines = [name, *(f"  {key:<{width}}  {value}" for key, value in details.items())]
    print("\n".join(lines))  # noqa: T201


def print_table(table: Table) -> None:
    """Prints a rich table to standard output: as wide as the terminal, or as wide as it needs where there is none."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 200).print(table)


def progress(*, hidden: bool = False) -> Progress:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Results stay on standard output, which rich would otherwise send where the bar is.
        redirect_stdout=False,
        disable=hidden or not sys.stderr.isatty(),
    )
