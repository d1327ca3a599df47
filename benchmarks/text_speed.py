"""How many three-turn dialogues a second become model text and surface features, on one core.

    python benchmarks/text_speed.py
    python benchmarks/text_speed.py --input FILE      # a TSV with the columns turn1, turn2, turn3

Without a file, chat is drawn from the project's own tables: no turn comes twice, turns have five words at the mean, and
words come with the frequencies of speech (Zipf), so that what is remembered from one turn to the next is what a chat
repeats. Times are processor time. Beside it runs what ``contractions``, ``emoji`` and ``ftfy`` can do of the work; a
package that is not installed is left out, and said so.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from emoplugin.text import Normalizer
from emoplugin.text.tables import tables

DIALOGUES = 15_000
SIGNS = ("", "", "", "", "!", "!!!", "?", "...", ".", " 😂", " 😭😭", " :)", " :(", " <3", " T_T")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", type=Path, help="a TSV with the columns turn1, turn2 and turn3")
    path = parser.parse_args().input
    turns = read(path) if path else write(6 * DIALOGUES)
    half = len(turns) // 2
    words = sum(len(turn.split()) for turn in turns) / len(turns)
    print(f"{len(turns)} turns, {len(set(turns))} different, {words:.1f} words a turn")

    normalizer = Normalizer()
    report("emoplugin, text and features, fresh", normalizer.analyze_batch, turns[:half])
    report("emoplugin, text and features, running", normalizer.analyze_batch, turns[half:])
    report("emoplugin, text and features, all seen", normalizer.analyze_batch, turns[half:])
    report("emoplugin, text alone, all seen", lambda part: [normalizer.normalize(turn) for turn in part], turns[half:])
    others = other_steps()
    report(" + ".join(others), lambda part: [run(turn, list(others.values())) for turn in part], turns[half:])


def report(name: str, work: Callable[[Sequence[str]], object], turns: Sequence[str]) -> None:
    start = time.process_time()
    work(turns)
    seconds = time.process_time() - start
    print(f"{name:40} {len(turns) / 3 / seconds:10,.0f} dialogues a second")


def other_steps() -> dict[str, Callable[[str], str]]:
    steps = {"ftfy": ("ftfy", "fix_text"), "emoji": ("emoji", "demojize"), "contractions": ("contractions", "fix")}
    installed = {name: place for name, place in steps.items() if importlib.util.find_spec(place[0])}
    print("".join(f"{name} is not installed\n" for name in steps.keys() - installed.keys()), end="")
    return {name: getattr(importlib.import_module(module), function) for name, (module, function) in installed.items()}


def run(turn: str, steps: Sequence[Callable[[str], str]]) -> str:
    for step in steps:
        turn = step(turn)
    return turn


def read(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[column] for row in rows for column in ("turn1", "turn2", "turn3")]


def write(count: int) -> list[str]:
    found = tables()
    generator = random.Random(0)
    words = sorted({*found.words, *found.abbreviations, *found.contractions, *found.misspellings})
    generator.shuffle(words)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    turns: dict[str, None] = {}
    while len(turns) < count:
        chosen = generator.choices(words, weights, k=generator.randint(2, 8))
        if generator.random() < 0.1:
            chosen[-1] += chosen[-1][-1] * 3
        if generator.random() < 0.1:
            chosen[0] = chosen[0].upper()
        turns[" ".join(chosen).capitalize() + generator.choice(SIGNS)] = None
    return list(turns)


if __name__ == "__main__":
    main()
