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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines instead of text.")] = False,
) -> None:
    """List the shipped models, or describe the bundles given. Each is checked against its sha256 sums."""
    from emoplugin.cli.console import json_line, print_entry
    from emoplugin.models.bundle import find, open_bundle, shipped

    for bundle in [open_bundle(find(name)) for name in bundles or shipped()]:
        size = sum(path.stat().st_size for path in bundle.folder.rglob("*") if path.is_file())
        if as_json:
            typer.echo(json_line(_describe(bundle, size)), nl=False)
            continue
        details = {
            "version": bundle.version,
            "kind": str(bundle.config["kind"]),
            "labels": ", ".join(bundle.labels.names),
            "size": f"{size / 1e6:.1f} MB",
            "folder": str(bundle.folder),
        }
        print_entry(bundle.name, details)


def _describe(bundle: Bundle, size: int) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "version": bundle.version,
        "kind": bundle.config["kind"],
        "labels": bundle.labels.to_json(),
        "bytes": size,
        "folder": str(bundle.folder),
        "digest": bundle.digest,
    }
