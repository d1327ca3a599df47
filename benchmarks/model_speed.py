"""How long a shipped model takes on one core: importing, loading, one dialogue, many dialogues, and its memory.

    taskset -c 0 python benchmarks/model_speed.py [MODEL]

The dialogues are EmoTurns dev. Beside the model runs the text pass alone, on the same dialogues in the same run.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time

started = time.perf_counter()
import emoplugin  # noqa: E402  # importing is measured, too

imported = time.perf_counter() - started


def main() -> None:
    """Measures and prints."""
    name = sys.argv[1] if len(sys.argv) > 1 else "nelec-en"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loading = time.perf_counter()
    model = emoplugin.load(name, device="cpu")
    loaded = time.perf_counter() - loading

    from emoplugin.datasets import load_dataset
    from emoplugin.text import Normalizer

    dialogues = [example.dialogue for example in load_dataset("emoturns", None, "dev")]
    for dialogue in dialogues[:50]:
        model.predict(dialogue)
    times = []
    for dialogue in dialogues:
        start = time.perf_counter()
        model.predict(dialogue)
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    model.predict_batch(dialogues * 4)
    batch = len(dialogues) * 4 / (time.perf_counter() - start)
    normalizer = Normalizer()
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    normalizer.analyze_batch(turns)
    start = time.perf_counter()
    normalizer.analyze_batch(turns * 4)
    text = len(dialogues) * 4 / (time.perf_counter() - start)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    print(f"import emoplugin            {imported:8.3f} s")
    print(f"load {name:22s} {loaded:8.3f} s, with the libraries it imports")
    print(f"one dialogue, median        {statistics.median(times) * 1e3:8.2f} ms")
    print(f"one dialogue, 95th in 100   {statistics.quantiles(times, n=20)[18] * 1e3:8.2f} ms")
    print(f"many dialogues              {batch:8.0f} a second")
    print(f"the text pass alone         {text:8.0f} a second")
    print(f"memory above Python's       {memory:8.0f} MB")


if __name__ == "__main__":
    main()
