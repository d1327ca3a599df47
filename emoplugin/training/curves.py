"""Draws how a training went."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any


def draw_curves(log: Path, target: Path) -> None:
    """Loss and dev score of each stage by epoch, as a PNG. Nothing is drawn where no epoch was logged."""
    stages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        figures = json.loads(line)
        if "epoch" in figures:
            stages[figures["stage"]].append(figures)
    if not stages:
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (losses, scores) = pyplot.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for stage, rows in stages.items():
        epochs = [row["epoch"] for row in rows]
        losses.plot(epochs, [row["loss"] for row in rows], marker="o", label=stage)
        if "score" in rows[0]:
            scores.plot(epochs, [row["score"] for row in rows], marker="o", label=stage)
    losses.set(xlabel="epoch", ylabel="training loss")
    scores.set(xlabel="epoch", ylabel="dev score")
    losses.legend(fontsize="small")
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
