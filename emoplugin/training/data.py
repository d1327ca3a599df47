"""From the sources a recipe names to what a trainer reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emoplugin.datasets import Example, find_dataset, load_dataset
from emoplugin.dialogue import WINDOW
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet
from emoplugin.training.limits import COUNT, NOT_NEGATIVE, POSITIVE, SHARE, check


@dataclass(frozen=True)
class Source:
    """A data set's split in a training.

    Attributes:
        dataset: A registered data set.
        split: Which of its splits.
        weight: Weight of each of its examples in the loss.
        copies: How often each example is in the data, each time with a context drawn anew.
        context: Share of the examples without a context of their own that get a borrowed one.
        bare: Share of the examples whose context is taken away, so that a first message is read well. Groups of several
            examples are spared: their last turn is one that only the context decides.
        shuffled: Share of the examples, groups of several spared again, whose two turns before the last come from other
            examples, each from another, so that a last turn which says enough is believed where they make no sense.
        limit: At most this many examples of each label, drawn with the recipe's seed; 0 keeps all.
        words: Examples with a turn of more words are left out; 0 keeps all.
    """

    dataset: str
    split: str = "train"
    weight: float = 1.0
    copies: int = 1
    context: float = 0.0
    bare: float = 0.0
    shuffled: float = 0.0
    limit: int = 0
    words: int = 0

    def __post_init__(self) -> None:
        check(self, weight=POSITIVE, copies=COUNT, limit=NOT_NEGATIVE, words=NOT_NEGATIVE)
        check(self, context=SHARE, bare=SHARE, shuffled=SHARE)


@dataclass(frozen=True)
class TrainingSet:
    """Dialogues with their labels.

    Attributes:
        windows: Three turns each, padded with empty strings.
        marks: 1 where a dialogue has a label, ``[dialogues, labels]``.
        weights: Weight of each in the loss.
        groups: Examples of one group stay in one fold.
        sources: Which of the recipe's sources each comes from.
    """

    windows: list[tuple[str, ...]]
    marks: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    groups: list[str]
    sources: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """Number of each dialogue's label, where each has one."""
        numbers: npt.NDArray[np.int64] = self.marks.argmax(axis=1)
        return numbers


def assemble(sources: Sequence[Source], labels: LabelSet, data_dir: Path | None, seed: int) -> TrainingSet:
    """Reads the sources in order.

    A single utterance says nothing about contexts. So that the presence of one is no cue, a share of them gets the two
    turns before some neutral last turn of the sources that do have contexts.

    Raises:
        InputError: A source's labels are not the recipe's, or a file is missing or not as expected.
    """
    generator = np.random.default_rng((seed, 1))
    chosen = select(sources, data_dir, generator)
    borrowed = _Borrowed.of([example for examples in chosen for example in examples], labels)
    windows, marked, weights, groups, numbers = [], [], [], [], []
    for number, (source, examples) in enumerate(zip(sources, chosen, strict=True)):
        theirs = find_dataset(source.dataset).labels
        unknown = set(theirs.names) - set(labels.names)
        if unknown:
            raise InputError(f"{source.dataset} has the labels {', '.join(sorted(unknown))}, which the recipe lacks.")
        if theirs.multi_label and not labels.multi_label:
            raise InputError(f"{source.dataset} has several labels a row: the recipe needs labels.multi_label: true.")
        readings = Counter(example.group for example in examples)
        for _ in range(source.copies):
            for index, example in enumerate(examples):
                alone = example.group is None or readings[example.group] == 1
                windows.append(_window(example, source, alone, borrowed, generator))
                marked.append([labels.index(name) for name in example.labels])
                weights.append(source.weight / source.copies)
                groups.append(f"{number}:{example.group or example.fields.get('conversation') or index}")
                numbers.append(number)
    if not windows:
        raise InputError("The recipe's sources have no examples.")
    marks = np.zeros((len(windows), len(labels)), dtype=np.float32)
    for row, places in zip(marks, marked, strict=True):
        row[places] = 1.0
    return TrainingSet(
        windows,
        marks,
        np.array(weights, dtype=np.float32),
        groups,
        np.array(numbers, dtype=np.int64),
    )


@dataclass(frozen=True)
class _Borrowed:
    """The two turns before a last one, of all examples that have them and of those whose last turn is neutral."""

    every: list[tuple[str, ...]]
    neutral: list[tuple[str, ...]]

    @classmethod
    def of(cls, examples: Sequence[Example], labels: LabelSet) -> _Borrowed:
        whole = [example for example in examples if len(example.dialogue.turns) >= WINDOW]
        every = [example.dialogue.window(WINDOW)[: WINDOW - 1] for example in whole]
        calm = [example.labels == (labels.neutral,) for example in whole]
        return cls(every, [turns for turns, neutral in zip(every, calm, strict=True) if neutral])


def _window(
    example: Example, source: Source, alone: bool, borrowed: _Borrowed, generator: np.random.Generator
) -> tuple[str, ...]:
    window = example.dialogue.window(WINDOW)
    if source.bare and alone and generator.random() < source.bare:
        window = ("",) * (WINDOW - 1) + window[-1:]
    if len(example.dialogue.turns) == 1 and borrowed.neutral and generator.random() < source.context:
        window = (*borrowed.neutral[generator.integers(len(borrowed.neutral))], window[-1])
    if source.shuffled and alone and borrowed.every and generator.random() < source.shuffled:
        first, second = generator.integers(len(borrowed.every), size=2)
        window = (borrowed.every[first][0], borrowed.every[second][1], window[-1])
    return window


def select(sources: Sequence[Source], data_dir: Path | None, generator: np.random.Generator) -> list[list[Example]]:
    """The examples of each source that its limits leave."""
    return [_limited(source, load_dataset(source.dataset, data_dir, source.split), generator) for source in sources]


def balanced(data: TrainingSet, strength: float) -> TrainingSet:
    """The data with weights that bring the labels' total weights nearer to each other: not at 0, wholly at 1.

    Dialogues without a label keep their weight.
    """
    shares = data.marks / np.maximum(data.marks.sum(axis=1, keepdims=True), 1.0)
    totals = (shares * data.weights[:, None]).sum(axis=0)
    factors = (totals.sum() / np.maximum(totals, 1e-6) / len(totals)) ** strength
    scales = np.where(data.marks.any(axis=1), shares @ factors, 1.0)
    return replace(data, weights=data.weights * scales.astype(np.float32))


def folds(groups: Sequence[str], count: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each example, drawn by group."""
    generator = np.random.default_rng((seed, 2))
    of_group: dict[str, int] = {}
    names = sorted(set(groups))
    for position, index in enumerate(generator.permutation(len(names))):
        of_group[names[index]] = position % count
    return np.array([of_group[group] for group in groups], dtype=np.int64)


def _limited(source: Source, examples: list[Example], generator: np.random.Generator) -> list[Example]:
    if source.words:
        examples = [item for item in examples if max(len(turn.split()) for turn in item.dialogue.turns) <= source.words]
    if not source.limit:
        return examples
    kept: list[Example] = []
    taken: dict[tuple[str, ...], int] = {}
    for index in generator.permutation(len(examples)):
        labels = examples[index].labels
        if taken.get(labels, 0) < source.limit:
            taken[labels] = taken.get(labels, 0) + 1
            kept.append(examples[index])
    return kept
