"""``emoplugin add``: the component, its entities and its slot in an existing Rasa project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emoplugin.rasa.project import Plan


def add(
    project: Annotated[Path, typer.Argument(help="Folder of the Rasa project.")] = Path(),
    model: Annotated[
        str | None, typer.Option(help="A shipped bundle's name, or a bundle's folder, from the project or from here.")
    ] = None,
    examples: Annotated[bool, typer.Option("--examples", help="Add example rules and responses, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes, write nothing.")] = False,
) -> None:
    """Add the component, its entities and its slot to a Rasa project, and show what changed."""
    from emoplugin.cli.console import message
    from emoplugin.rasa.project import plan_addition

    plan = plan_addition(project, model=model, examples=examples)
    if not plan.changes:
        tell(plan)
        message("Everything is there already; nothing changed.")
        return
    carry_out(plan, project, dry_run=dry_run)
    if not dry_run:
        message("Added. Now run `rasa train`.")


def carry_out(plan: Plan, project: Path, *, dry_run: bool) -> None:
    """Shows the changes to a project and makes them."""
    from rich.console import Console
    from rich.text import Text

    from emoplugin.cli.console import message

    console = Console(highlight=False, soft_wrap=True)
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for change in plan.changes:
        for line in change.diff(project):
            console.print(Text(line, styles.get(line[:1], "")))
    tell(plan)
    if dry_run:
        message("Nothing was written.")
    else:
        plan.write()


def tell(plan: Plan) -> None:
    """Shows what a project's owner should know."""
    from emoplugin.cli.console import message

    for note in plan.notes:
        message(note)
