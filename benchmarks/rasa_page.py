"""The page ``docs/benchmarks/rasa.md``, written from the figures of ``rasa_latency.py`` and ``rasa_reload.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks" / "rasa.md"
LATENCY, RELOAD = RESULTS / "rasa_latency.json", RESULTS / "rasa_reload.json"
GOALS = {"nelec": 2, "bert": 8}
"""Milliseconds that a kind of model may add to the median."""

INTRODUCTION = """# Inside Rasa

What the component costs a Rasa server. The project is the one that `rasa init` makes, without the component and with
it, as `emoplugin add` puts it there. Two servers run side by side on one machine and are asked in turn. Written by
`benchmarks/rasa_latency.py` and `benchmarks/rasa_reload.py`.

## Time of a message

Milliseconds that `POST /model/parse` takes with Rasa's default pipeline, as the one who asks sees it. With the
component each message comes with the two turns before it. The first thousand messages are not counted: a server at work
has met the common words before. No conversation is sent twice.

| model | messages | median without | with | added | goal | 95th percentile without | with | on |
|---|---|---|---|---|---|---|---|---|
"""
MEMORY = """
## Memory after many reloads

Resident memory of the whole server in MB, before and after reloads by `PUT /model` with a message after each; the first
reloads of a server are not counted. The pipeline is a light one, since TensorFlow's own growth (Rasa's issues 8044 and
11284) would hide the component's; the goal is a growth below 50 MB in all.

| model | reloads | without, before | after | growth | with, before | after | growth | growth by the component |
|---|---|---|---|---|---|---|---|---|
"""


def record(results: Path, name: str, figures: dict[str, Any]) -> None:
    """Puts a bundle's figures into a file of results, prints them, and writes the page anew."""
    print(name, json.dumps(figures, indent=2))
    known = {**_read(results), name: figures}
    results.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(_read(LATENCY), _read(RELOAD)), encoding="utf-8")


def page(latency: dict[str, Any], reload: dict[str, Any]) -> str:
    """The figures as a page."""
    times = [
        [
            row["messages"],
            row["without"]["median"],
            row["with"]["median"],
            row["added"],
            GOALS[row["kind"]],
            row["without"]["p95"],
            row["with"]["p95"],
            row["machine"],
        ]
        for row in latency.values()
    ]
    memory = [
        [row["reloads"], *_growth(row["without"]), *_growth(row["with"]), f"{row['added']:.0f}"]
        for row in reload.values()
    ]
    return INTRODUCTION + _rows(latency, times) + MEMORY + _rows(reload, memory)


def _growth(row: dict[str, float]) -> list[str]:
    return [f"{size:.0f}" for size in (row["before"], row["after"], row["after"] - row["before"])]


def _rows(names: dict[str, Any], rows: list[list[Any]]) -> str:
    return "".join(f"| `{name}` | {' | '.join(map(str, row))} |\n" for name, row in zip(names, rows, strict=True))


def _read(results: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    return found
