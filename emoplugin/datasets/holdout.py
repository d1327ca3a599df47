"""Published splits of sets that come as one pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emoplugin.datasets.example import Example
from emoplugin.errors import InputError
from emoplugin.labels import LabelSet


@dataclass(frozen=True)
class Holdout:
    """A seeded split of a pool into train and dev.

    Attributes:
        share: Share of the rows that go to dev.
        seed: Random state, as scikit-learn's ``train_test_split`` takes it.
        stratified: Whether each label keeps its share in both parts.
    """

    share: float
    seed: int
    stratified: bool = False

    def part(self, examples: Sequence[Example], split: str, labels: LabelSet) -> list[Example]:
        """The examples of ``train`` or ``dev``, in the order of the split.

        scikit-learn draws the split, because the published rows are those it drew; the order of ``labels`` matters
        to it.
        """
        if split not in ("train", "dev"):
            raise InputError(f"No split {split!r}; expected train or dev.")
        from sklearn.model_selection import train_test_split

        classes = [labels.index(example.labels[0]) for example in examples] if self.stratified else None
        try:
            train, dev = train_test_split(
                range(len(examples)), test_size=self.share, random_state=self.seed, stratify=classes
            )
        except ValueError as error:
            raise InputError(f"The rows cannot be split into train and dev: {error}") from None
        return [examples[index] for index in (train if split == "train" else dev)]
