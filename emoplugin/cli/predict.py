"""``emoplugin predict``: the emotion of dialogues on the command line or in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TextIO

import typer

from emoplugin.cli.console import STDOUT, json_line, open_output, progress
from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.errors import InputError

if TYPE_CHECKING:
    from emoplugin.datasets.files import Row
    from emoplugin.models.base import EmotionModel

CHUNK_ROWS = 1024
CHUNK_CHARACTERS = 1 << 22
"""Rows are predicted and written in chunks of at most so many, so that memory stays bounded."""


def predict(
    turns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TURN1 [TURN2]] TURN3", help="The turns, oldest first; or one text with <eos> between them."
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "nelec-en",
    input: Annotated[  # noqa: A002
        Path | None,
        typer.Option(help="TSV, CSV or JSON lines with turn1, turn2, turn3, or text with <eos>. - is standard input."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON lines go. - is standard output.")] = STDOUT,
) -> None:
    """Say how the user feels in the last turn.

    Writes a line of JSON for the turns given, or for each row of the input file with its own columns carried through.
    """
    if (input is None) == (not turns):
        raise InputError("Give either one to three turns, or --input FILE.")
    if turns and len(turns) > WINDOW:
        raise InputError(f"At most {WINDOW} turns, found {len(turns)}. Put a turn of several words in quotes.")

    from emoplugin.models.bundle import load

    if turns:
        dialogue = Dialogue.parse(turns[0]) if len(turns) == 1 else Dialogue(turns)
        emotion = load(model).predict(dialogue)
        with open_output(output) as stream:
            stream.write(json_line({"text": dialogue.text, **emotion.to_json()}))
    elif input is not None:
        _predict_file(load(model), input, output)


def _predict_file(model: EmotionModel, path: Path, output: Path) -> None:
    from emoplugin.datasets.files import STDIN, open_input, read_rows
    from emoplugin.datasets.turns import check_turns

    # The lines themselves show the progress where they go to the terminal.
    on_screen = output == STDOUT and sys.stdout.isatty()
    with open_input(path) as handle, progress(hidden=on_screen) as bar:
        size = path.stat().st_size if path != STDIN else 0
        tracked: BinaryIO = bar.wrap_file(handle, total=size, description="Predicting") if size else handle
        rows = read_rows(path, tracked, check_turns)
        with open_output(output) as stream:
            for chunk in _chunks(rows):
                _write(model, chunk, stream)


def _chunks(rows: Iterator[Row]) -> Iterator[list[tuple[Row, Dialogue]]]:
    from emoplugin.datasets.turns import dialogue_of

    chunk: list[tuple[Row, Dialogue]] = []
    characters = 0
    for row in rows:
        dialogue = dialogue_of(row)
        chunk.append((row, dialogue))
        characters += sum(map(len, dialogue.turns))
        if len(chunk) == CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _write(model: EmotionModel, chunk: list[tuple[Row, Dialogue]], stream: TextIO) -> None:
    emotions = model.predict_batch([dialogue for _, dialogue in chunk])
    for (row, _), emotion in zip(chunk, emotions, strict=True):
        stream.write(json_line(_merge(row.columns, emotion.to_json())))


def _merge(columns: dict[str, Any], emotion: dict[str, Any]) -> dict[str, Any]:
    """The row's columns and the prediction; a column of the prediction's name is carried through as ``input_NAME``."""
    merged = {}
    for name, value in columns.items():
        while name in emotion or name in merged:
            name = f"input_{name}"
        merged[name] = value
    return {**merged, **emotion}
