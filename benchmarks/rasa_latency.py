"""What the component adds to the time of ``POST /model/parse``, measured on Rasa's moodbot with and without it.

    python benchmarks/rasa_latency.py [--model BUNDLE]

Trains the project that ``rasa init`` makes, once as it is and once with the component, serves both side by side and
sends both the same messages in turn. The server with the component gets each message with the two turns before it, as a
conversation would give it; the other gets the bare message, which is what the rest of the pipeline sees in both. The
first thousand messages are not counted, so that what is measured is a server at work rather than one just started: the
words that come up daily have been seen. No conversation is sent twice. Writes ``benchmarks/results/rasa_latency.json``
and the page ``docs/benchmarks/rasa.md``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from emoplugin.datasets import load_dataset
from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.models.bundle import find, open_bundle

from rasa_page import LATENCY, record
from rasa_servers import Server, machine, serving, train_moodbot

MESSAGES, WARM_UP = 400, 1000


def main() -> None:
    """Trains, serves, measures, and writes the figures and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="nelec-en", help="a shipped bundle's name, or a bundle's folder")
    folder = find(parser.parse_args().model).resolve()
    bundle = open_bundle(folder)
    with tempfile.TemporaryDirectory() as work:
        without = train_moodbot(Path(work) / "without")
        having = train_moodbot(Path(work) / "with", str(folder))
        with serving(without) as server_without, serving(having) as server_with:
            figures = measure(server_without, server_with)
    record(LATENCY, bundle.name, {"kind": bundle.config["kind"], "machine": machine(), **figures})


def measure(without: Server, having: Server) -> dict[str, Any]:
    """Median and 95th percentile of the time of a request, in milliseconds, with and without the component."""
    dialogues = [example.dialogue for example in load_dataset("emoturns", None, "dev")][: MESSAGES + WARM_UP]
    times = np.array([_both(without, having, dialogue, number) for number, dialogue in enumerate(dialogues)])[WARM_UP:]
    return {
        "messages": len(times),
        **{
            name: {"median": round(float(np.median(column)), 2), "p95": round(float(np.percentile(column, 95)), 2)}
            for name, column in (("without", times[:, 0]), ("with", times[:, 1]))
        },
        "added": round(float(np.median(times[:, 1]) - np.median(times[:, 0])), 2),
    }


def _both(without: Server, having: Server, dialogue: Dialogue, number: int) -> list[float]:
    """Milliseconds without and with the component. Which server is asked first changes from message to message."""
    context = Dialogue(dialogue.turns[-WINDOW:]).text
    times = [0.0, 0.0]
    for index in (0, 1) if number % 2 else (1, 0):
        server, text = ((without, dialogue.last), (having, context))[index]
        start = time.perf_counter()
        answer = server.call("POST", "/model/parse", {"text": text})
        times[index] = 1000 * (time.perf_counter() - start)
        assert ("emotion" in answer) == (server is having)
    return times


if __name__ == "__main__":
    main()
