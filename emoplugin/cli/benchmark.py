"""``emoplugin benchmark``: how fast a model is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emoplugin.cli.console import json_line, print_entry, progress
from emoplugin.errors import InputError


def benchmark(
    model: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "nelec-en",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    input: Annotated[  # noqa: A002
        Path | None, typer.Option(help="Three-turn rows to measure on; by default the dev rows of EmoTurns.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Measure how fast a model is: loading, one dialogue, many dialogues, and its memory.

    The text pass alone is timed beside it, for scale. `taskset -c 0 emoplugin benchmark` measures one core.
    """
    import dataclasses
    import resource
    import time

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    from emoplugin.models.bundle import load

    loaded = load(model, device=device)
    seconds = time.perf_counter() - start

    from emoplugin.datasets import load_dataset, read_turns
    from emoplugin.evaluation.speed import REPEATS, measure_speed

    examples = load_dataset("emoturns", None, "dev") if input is None else list(read_turns(input))
    if len(examples) < 2:
        raise InputError(f"{input}: measuring speed takes two rows or more, found {len(examples)}.")
    with progress() as bar:
        task = bar.add_task(f"Measuring {loaded.name}", total=len(examples) * (1 + REPEATS))
        speed = measure_speed(
            loaded,
            [example.dialogue for example in examples],
            advance=lambda rows: bar.advance(task, rows),
        )
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if as_json:
        figures = {
            "model": loaded.name,
            "version": loaded.version,
            "load_seconds": seconds,
            **dataclasses.asdict(speed),
            "memory_mb": memory,
        }
        typer.echo(json_line(figures), nl=False)
        return
    print_entry(
        f"{loaded.name}, {speed.dialogues} dialogues",
        {
            "loading": f"{seconds:.2f} s, with the libraries it imports",
            "one dialogue": f"{speed.median_ms:.2f} ms at the median, {speed.p95_ms:.2f} ms at the 95th percentile",
            "many dialogues": f"{speed.per_second:.0f} a second",
            "text pass alone": f"{speed.text_per_second:.0f} a second",
            "memory": f"{memory:.0f} MB more than before loading, at most",
        },
    )
