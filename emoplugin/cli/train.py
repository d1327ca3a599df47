"""``emoplugin train``: from a recipe and data to a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emoplugin.cli.console import message, progress
from emoplugin.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.progress import Progress


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name, or a YAML file.")],
    output: Annotated[Path, typer.Option(help="The run folder: log, curves, checkpoints and the bundle.")],
    data: Annotated[
        Path | None, typer.Option(help="The folder with the data sets' folders; by default $EMOPLUGIN_DATA.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Overrides a value of the recipe, such as model.loop.epochs=2."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the run that the output folder holds.")] = False,
) -> None:
    """Train a model as a recipe says, and write it as a bundle."""
    try:
        from emoplugin.training.recipe import load_recipe
        from emoplugin.training.run import BUNDLE, run_recipe
    except ModuleNotFoundError as error:
        raise MissingExtraError("Training", "train") from error

    loaded = load_recipe(recipe, set_ or ())
    with progress() as bar:
        metrics = run_recipe(loaded, data, output, resume=resume, report=_tell, advance=_advance(bar))
    if not metrics:
        return
    if "dev" in metrics:
        scores = metrics["dev"]["scores"]
        message("dev: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
        for name, value in loaded.expected.items():
            message(f"{name}: expected {value:.4f}, reached {scores[name]:.4f}")
    typer.echo(str(output / BUNDLE))


def _tell(figures: dict[str, Any]) -> None:
    shown = (
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()
    )
    message(", ".join(shown))


def _advance(bar: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, Any] = {}

    def advance(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, visible=done < total)

    return advance
