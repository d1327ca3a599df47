"""What reloading the model costs in memory, measured on Rasa's moodbot with and without the component.

    python benchmarks/rasa_reload.py [--model BUNDLE] [--reloads 50]

Trains the project that ``rasa init`` makes, with a light pipeline, without and with the component, serves both and
reloads each server's model by ``PUT /model`` in turn, with a message after each reload. Writes
``benchmarks/results/rasa_reload.json`` and the page ``docs/benchmarks/rasa.md``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from emoplugin.models.bundle import find, open_bundle

from rasa_page import RELOAD, record
from rasa_servers import MODEL, Server, machine, serving, train_moodbot

WARM_UP = 5
# Without TensorFlow, whose own growth would hide the component's.
CONFIG = """recipe: default.v1
assistant_id: moodbot
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
policies:
- name: MemoizationPolicy
- name: RulePolicy
"""


def main() -> None:
    """Trains, serves, reloads, and writes the figures and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="nelec-en", help="a shipped bundle's name, or a bundle's folder")
    parser.add_argument("--reloads", type=int, default=50)
    arguments = parser.parse_args()
    folder = find(arguments.model).resolve()
    with tempfile.TemporaryDirectory() as work:
        without = train_moodbot(Path(work) / "without", config=CONFIG)
        having = train_moodbot(Path(work) / "with", str(folder), CONFIG)
        with serving(without) as server_without, serving(having) as server_with:
            figures = measure(server_without, server_with, arguments.reloads)
    record(RELOAD, open_bundle(folder).name, {"machine": machine(), **figures})


def measure(without: Server, having: Server, reloads: int) -> dict[str, Any]:
    """Resident memory in MB before the reloads and after each, with and without the component."""
    memory = []
    for number in range(WARM_UP + reloads):
        memory.append([_reload(without), _reload(having)])
        print(number, *(f"{size:.0f}" for size in memory[-1]), flush=True)
    after_warm_up = np.array(memory)[WARM_UP - 1 :]
    growth = after_warm_up[-1] - after_warm_up[0]
    return {
        "reloads": reloads,
        **{
            name: {"before": round(column[0], 1), "after": round(column[-1], 1)}
            for name, column in zip(("without", "with"), after_warm_up.T.tolist(), strict=True)
        },
        "added": round(float(growth[1] - growth[0]), 1),
    }


def _reload(server: Server) -> float:
    server.call("PUT", "/model", {"model_file": str(server.project / "models" / f"{MODEL}.tar.gz")})
    server.call("POST", "/model/parse", {"text": "I am so sad today"})
    process = psutil.Process(server.pid)
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1e6


if __name__ == "__main__":
    main()
