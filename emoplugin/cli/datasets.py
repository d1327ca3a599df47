"""``emoplugin datasets``: the data sets that can be read."""

from __future__ import annotations

from typing import Annotated

import typer


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines instead of a table.")] = False,
) -> None:
    """List the data sets: size, labels, terms and where to get them."""
    from rich.table import Table

    from emoplugin.cli.console import json_line, print_table
    from emoplugin.datasets import DATASETS, split_rows

    table = Table("name", "what", "rows", "labels", "terms", "models may ship", "from")
    for dataset in DATASETS.values():
        rows = split_rows(dataset)
        names = dataset.labels.names
        if as_json:
            description = {
                "name": dataset.name,
                "summary": dataset.summary,
                "rows": dict(rows),
                "splits": {split: list(files) for split, files in dataset.splits.items()},
                "labels": dataset.labels.to_json(),
                "terms": dataset.terms,
                "shippable": dataset.shippable,
                "source": dataset.source,
            }
            typer.echo(json_line(description), nl=False)
            continue
        table.add_row(
            dataset.name,
            dataset.summary,
            "\n".join(f"{split} {count}" for split, count in rows.items()),
            "\n".join(names) if len(names) <= 6 else str(len(names)),
            dataset.terms,
            "yes" if dataset.shippable else "no, benchmark only",
            dataset.source,
        )
    if not as_json:
        table.show_lines = True
        print_table(table)
