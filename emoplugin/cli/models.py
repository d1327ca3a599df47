"""``emoplugin models``: what bundles there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from emoplugin.models.bundle import Bundle


def models(
    bundles: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Bundles to describe; by default the shipped ones.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines instead of a table.")] = False,
) -> None:
    """List the shipped models, or describe the bundles given. Each is checked against its sha256 sums."""
    from rich.table import Table

    from emoplugin.cli.console import json_line, print_table
    from emoplugin.models.bundle import find, open_bundle, shipped

    found = [_describe(open_bundle(find(name))) for name in bundles or shipped()]
    if as_json:
        for model in found:
            typer.echo(json_line(model), nl=False)
        return
    table = Table("name", "version", "kind", "labels", "size", "folder")
    for model in found:
        labels = model["labels"]["names"]
        shown = " ".join(labels) if len(labels) <= 6 else str(len(labels))
        size = f"{model['bytes'] / 1e6:.1f} MB"
        table.add_row(model["name"], model["version"], model["kind"], shown, size, model["folder"])
    print_table(table)


def _describe(bundle: Bundle) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "version": bundle.version,
        "kind": bundle.config["kind"],
        "labels": bundle.labels.to_json(),
        "bytes": sum(path.stat().st_size for path in bundle.folder.rglob("*") if path.is_file()),
        "folder": str(bundle.folder),
        "digest": bundle.digest,
    }
