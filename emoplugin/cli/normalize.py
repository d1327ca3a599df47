"""``emoplugin normalize``: what the models read of a text."""

from __future__ import annotations

import re
from typing import Annotated

import typer

# What would move a terminal's cursor or change its colours.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def normalize(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What somebody typed.")],
    features: Annotated[
        bool, typer.Option("--features", help="Print the surface features that are not zero, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Show the model text of TEXT, step by step; a step that changes nothing is left out."""
    from emoplugin.cli.console import json_line, print_entry
    from emoplugin.text import SURFACE_FEATURES, Normalizer

    normalizer = Normalizer()
    analysis = normalizer.analyze(text)
    seen = {
        name: round(float(value), 3) for name, value in zip(SURFACE_FEATURES, analysis.features, strict=True) if value
    }
    changes = {"typed": text}
    before = text
    for name, after in normalizer.steps(text):
        if after != before:
            changes[name] = after
        before = after
    if as_json:
        typer.echo(json_line({"text": analysis.text, "steps": changes, "features": seen}), nl=False)
        return
    changes["typed"] = _CONTROL.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)
    print_entry(analysis.text, changes)
    if features:
        print_entry("features", {name: f"{value:g}" for name, value in seen.items()})
