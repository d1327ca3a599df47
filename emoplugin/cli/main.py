"""The command line. Each command is a function in a module of its own that imports what is heavy when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

import typer

from emoplugin.cli.console import message, set_up_streams
from emoplugin.errors import EmopluginError, InputError

COMMANDS = (
    "predict",
    "train",
    "evaluate",
    "explain",
    "export",
    "benchmark",
    "normalize",
    "models",
    "datasets",
    "chat",
    "add",
    "remove",
)
"""The commands, in the order of the help. Command ``NAME`` is the function NAME of ``emoplugin.cli.NAME``."""

FAILED, BAD_INPUT = 1, 2

app = typer.Typer(
    help="Emotion from the last three turns of a conversation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _name in COMMANDS:
    app.command(_name)(getattr(importlib.import_module(f"emoplugin.cli.{_name}"), _name))


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 the work failed, 2 bad arguments or input."""
    set_up_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except InputError as error:
        _fail(error, BAD_INPUT)
    except BrokenPipeError:
        _drop_output()
        sys.exit(FAILED)
    except (EmopluginError, OSError) as error:
        _fail(error, FAILED)


def _fail(error: Exception, code: int) -> NoReturn:
    reason = str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    message(f"emoplugin: {reason}")
    _drop_output()
    sys.exit(code)


def _drop_output() -> None:
    """Results that could not be written are given up, or Python would try again at its end, and complain."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
