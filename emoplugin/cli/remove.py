"""``emoplugin remove``: takes out of a Rasa project what ``emoplugin add`` put in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def remove(
    project: Annotated[Path, typer.Argument(help="Folder of the Rasa project.")] = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes, write nothing.")] = False,
) -> None:
    """Take out of a Rasa project what `emoplugin add` put in, and show what changed."""
    from emoplugin.cli.add import carry_out
    from emoplugin.cli.console import message
    from emoplugin.rasa.project import plan_removal

    plan = plan_removal(project)
    if not plan.changes:
        message("There is nothing that `emoplugin add` put in; nothing changed.")
        return
    carry_out(plan, project, dry_run=dry_run)
    if not dry_run:
        message("Removed. Now run `rasa train`.")
