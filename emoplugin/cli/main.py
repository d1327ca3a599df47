"""The command line. Each command is a function in a module of its own that imports what is heavy when it is called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer

from emoplugin.cli.console import message, set_up_streams
from emoplugin.cli.datasets import datasets
from emoplugin.cli.evaluate import evaluate
from emoplugin.cli.models import models
from emoplugin.cli.predict import predict
from emoplugin.errors import EmopluginError, InputError

COMMANDS: Mapping[str, Callable[..., Any]] = {
    "predict": predict,
    "evaluate": evaluate,
    "models": models,
    "datasets": datasets,
}
"""Command name to the function that runs it, in the order of ``emoplugin --help``."""

DONE, FAILED, BAD_INPUT = 0, 1, 2

app = typer.Typer(
    help="Emotion from the last three turns of a conversation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 the work failed, 2 bad arguments or input."""
    set_up_streams()
    try:
        app()
    except InputError as error:
        message(f"emoplugin: {error}")
        sys.exit(BAD_INPUT)
    except (EmopluginError, OSError) as error:
        message(f"emoplugin: {error}")
        sys.exit(FAILED)
