"""``emoplugin evaluate``: how good a model is on labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emoplugin.cli.console import json_line, open_output, print_table, progress
from emoplugin.errors import InputError

if TYPE_CHECKING:
    from emoplugin.datasets import Example
    from emoplugin.evaluation.evaluate import Evaluation
    from emoplugin.labels import LabelSet
    from emoplugin.models.base import EmotionModel

SCORES = "scores.json"
REPORT = "report.html"
DEV = "dev"


def evaluate(
    model: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "nelec-en",
    dataset: Annotated[
        str | None,
        typer.Option(help="What the rows are: a name that `emoplugin datasets` lists; by default three-turn rows."),
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
    output: Annotated[Path | None, typer.Option(help=f"Folder for {SCORES} and {REPORT}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    compare: Annotated[str | None, typer.Option(help="A second model to put beside the first.")] = None,
) -> None:
    """Measure a model on labelled rows.

    Prints scores with 95% bootstrap intervals. The emotion scores are micro-averages over all labels but the neutral
    one, which is the EmoContext metric.
    """
    if dataset is None and input is None:
        raise InputError("Give --dataset NAME, --input FILE, or both.")

    from emoplugin.models.bundle import load

    models = [load(name) for name in (model, compare) if name is not None]
    labels, examples = read_rows(dataset, input, split, data, models[0].labels)
    evaluations = [_evaluate(each, examples, labels) for each in models]
    summary = _summary(evaluations, dataset, input, split)
    if output is not None:
        _save(output, summary, evaluations)
    if as_json:
        typer.echo(json_line(summary), nl=False)
    else:
        _print(summary)


def read_rows(
    name: str | None, path: Path | None, split: str | None, data: Path | None, labels: LabelSet
) -> tuple[LabelSet, list[Example]]:
    """The labelled rows that the options of a command name, and the labels of their data set."""
    from emoplugin.datasets import find_dataset, load_dataset, read_turns

    if name is None:
        if split is not None:
            raise InputError("--split needs --dataset: a file of three-turn rows is read whole.")
        return labels, list(read_turns(path, labels)) if path is not None else []
    dataset = find_dataset(name)
    if path is None:
        return dataset.labels, load_dataset(name, data, split or DEV)
    examples = list(dataset.read(path))
    if split is None:
        return dataset.labels, examples
    if dataset.holdout is None:
        raise InputError(f"--split does not go with --input for {name}, whose splits are files of their own.")
    return dataset.labels, dataset.holdout.part(examples, split, dataset.labels)


def _evaluate(model: EmotionModel, examples: Sequence[Example], labels: LabelSet) -> Evaluation:
    from emoplugin.evaluation.evaluate import evaluate as evaluate_model

    with progress() as bar:
        task = bar.add_task(f"Evaluating {model.name}", total=len(examples))
        return evaluate_model(model, examples, labels, advance=lambda rows: bar.advance(task, rows))


def _summary(
    evaluations: Sequence[Evaluation], dataset: str | None, path: Path | None, split: str | None
) -> dict[str, Any]:
    from emoplugin.evaluation.evaluate import compare

    summary = {
        "dataset": dataset,
        "split": split or (DEV if path is None else None),
        "file": path.name if path is not None else None,
        **evaluations[0].summary(),
    }
    if len(evaluations) > 1:
        summary |= {"compared_with": evaluations[1].summary(), "comparison": compare(*evaluations)}
    return summary


def _save(folder: Path, summary: Mapping[str, Any], evaluations: Sequence[Evaluation]) -> None:
    from emoplugin.evaluation.report import render

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.") from None
    with open_output(folder / SCORES) as stream:
        stream.write(json_line(summary))
    with open_output(folder / REPORT) as stream:
        stream.write(render(summary, evaluations))


def _print(summary: Mapping[str, Any]) -> None:
    from rich.table import Table

    from emoplugin.evaluation.report import p_value

    other = summary.get("compared_with")
    table = Table("score", summary["model"], "95% interval", title=f"{summary['rows']} rows", title_justify="left")
    if other is not None:
        for heading in (other["model"], "difference", "95% interval", "p"):
            table.add_column(heading)
    for name, value in summary["scores"].items():
        cells = [name, _number(value), _range(summary["intervals"][name])]
        if other is not None:
            change = summary["comparison"]["differences"][name]
            cells.append(_number(other["scores"][name]))
            cells += [f"{change['difference']:+.4f}", _range(change["interval"]), f"{change['p']:.3f}"]
        table.add_row(*cells)
    print_table(table)
    if other is not None:
        typer.echo(f"McNemar's test that both are right equally often: p {p_value(summary['comparison']['mcnemar_p'])}")
    classes = Table("label", "precision", "recall", "F1", "average precision", "threshold", "support")
    for name, scores in summary["classes"].items():
        values = (_number(scores[key]) for key in ("precision", "recall", "f1", "average_precision", "threshold"))
        classes.add_row(name, *values, str(scores["support"]))
    print_table(classes)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _range(interval: Sequence[float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"
