"""``emoplugin export``: a bert bundle for other tools, and what its int8 costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from emoplugin.cli.console import json_line, print_table, progress
from emoplugin.cli.evaluate import DEV, read_rows
from emoplugin.errors import MissingExtraError


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A bundle of the kind bert: its folder or name.")],
    output: Annotated[Path, typer.Option(help="The folder to write; empty, or yet to be made.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Rows to measure int8 on: a name that `emoplugin datasets` lists; by default three-turn rows."
        ),
    ] = None,
    input: Annotated[  # noqa: A002
        Path | None, typer.Option(help="A file in the data set's format; by default a split from the data folder.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which split; by default dev, and all rows of an --input.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data folder, where no --input is given; by default $EMOPLUGIN_DATA.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON instead of text.")] = False,
) -> None:
    """Write a BERT model for ONNX Runtime and transformers, in float32 and int8.

    It says what int8 has lost against float32: in training, or with --dataset or --input on labelled rows.
    """
    try:
        from emoplugin.training import export as exporting
    except ModuleNotFoundError as error:
        raise MissingExtraError("Exporting", "train") from error
    from emoplugin.models.bundle import find, open_bundle

    bundle = open_bundle(find(model))
    summary: dict[str, Any] = {"model": bundle.name, "version": bundle.version, "folder": str(output)}
    exporting.require_empty(output)
    # Measured before anything is written, so that wrong rows leave no folder behind.
    if dataset is not None or input is not None:
        labels, examples = read_rows(dataset, input, split, data, bundle.labels)
        with progress() as bar:
            task = bar.add_task("Measuring int8", total=2 * len(examples))
            measured = exporting.int8_loss(bundle, examples, labels, lambda done: bar.advance(task, done))
        summary["int8"] = {
            "dataset": dataset,
            "split": split or (DEV if input is None else None),
            "file": None if input is None else input.name,
            **measured,
        }
    else:
        summary["int8_in_training"] = exporting.int8_in_training(bundle)
    exporting.export(bundle, output)
    summary["files"] = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    if as_json:
        typer.echo(json_line(summary), nl=False)
    else:
        _print(summary)


def _print(summary: Mapping[str, Any]) -> None:
    from rich.table import Table

    for name in summary["files"]:
        typer.echo(str(Path(summary["folder"]) / name))
    measured = summary.get("int8") or summary["int8_in_training"]
    if measured is None:
        return
    title = f"{measured['rows']} rows" if "rows" in measured else "measured when it was trained"
    table = Table("score", "fp32", "int8", "difference", title=title, title_justify="left")
    for name, before in measured["fp32"].items():
        after = measured["int8"][name]
        table.add_row(name, f"{before:.4f}", f"{after:.4f}", f"{after - before:+.4f}")
    print_table(table)
    typer.echo(f"The same is reported on {measured['agreement']:.1%} of the rows.")
    if "largest_probability_difference" in measured:
        typer.echo(f"Largest difference of a probability: {measured['largest_probability_difference']:.4f}")
