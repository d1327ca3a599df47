"""``emoplugin datasets``: the data sets that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from emoplugin.datasets import Dataset


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines instead of text.")] = False,
) -> None:
    """List the data sets: size, labels, terms and where to get them."""
    from emoplugin.cli.console import json_line, print_entry
    from emoplugin.datasets import DATASETS, split_rows

    for dataset in DATASETS.values():
        rows = split_rows(dataset)
        if as_json:
            typer.echo(json_line(_describe(dataset, rows)), nl=False)
            continue
        details = {
            "what": dataset.summary,
            "rows": ", ".join(f"{split} {count}" for split, count in rows.items()),
            "labels": f"{'any' if dataset.labels.multi_label else 'one'} of {', '.join(dataset.labels.names)}",
            "terms": dataset.terms,
            "use": "models trained on it may be shipped" if dataset.shippable else "benchmark only",
            "from": dataset.source,
        }
        print_entry(dataset.name, details)


def _describe(dataset: Dataset, rows: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "summary": dataset.summary,
        "rows": dict(rows),
        "splits": {split: list(files) for split, files in dataset.splits.items()},
        "labels": dataset.labels.to_json(),
        "terms": dataset.terms,
        "shippable": dataset.shippable,
        "source": dataset.source,
    }
