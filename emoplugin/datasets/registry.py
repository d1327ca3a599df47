"""The data sets by name: what each holds, under which terms, where to get it and how it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emoplugin.datasets import emocontext, emotion6, emoturns, goemotions, smile, topicalchat
from emoplugin.datasets.example import Example
from emoplugin.datasets.holdout import Holdout
from emoplugin.errors import InputError
from emoplugin.labels import THREE_TURN_LABELS, LabelSet

DATA_VARIABLE = "EMOPLUGIN_DATA"
"""Environment variable that names the data folder where no argument does."""


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes:
        name: What it is called in recipes and on the command line.
        summary: One line about its rows.
        labels: What its rows are labelled with.
        speakers: Who speaks in it, and who labelled it where that matters: what a model card says about bias.
        terms: The licence, or what its owner allows.
        shippable: Whether models trained on it may be shipped; the others are for benchmarks alone.
        source: Where a user gets it.
        folder: Its folder in the data folder; None for a set that comes with the package.
        splits: Split name to the files that make it up.
        rows: Rows of each split after the published filters, as far as known; see `split_rows`.
        read: Reads one file.
        optional: Files that are read only where they are there.
        holdout: How ``train`` and ``dev`` are drawn, where the files are one pool.
    """

    name: str
    summary: str
    labels: LabelSet
    speakers: str
    terms: str
    shippable: bool
    source: str
    folder: str | None
    splits: Mapping[str, tuple[str, ...]]
    read: Callable[[Path], Iterator[Example]]
    rows: Mapping[str, int] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    holdout: Holdout | None = None


_EMOTION6 = "https://github.com/dair-ai/emotion_dataset"
_GOEMOTIONS = "https://github.com/google-research/google-research/tree/master/goemotions"
_REDDIT = "comments of English-speaking Reddit users, labelled by crowd workers in India"
_TWEETS = "English sentences from Twitter"
_GOEMOTIONS_FILES = {"train": ("train.tsv",), "dev": ("dev.tsv",), "test": ("test.tsv",)}
_GOEMOTIONS_RAW = ("goemotions_1.csv", "goemotions_2.csv", "goemotions_3.csv")
_TOPICALCHAT = ("valid_freq.tsv", "test_freq.tsv", "valid_rare.tsv")
_EMOTION6_POOL = ("train.txt", "val.txt", "test.txt")

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="emoturns",
            summary="Three-turn conversations of the project's own, some grouped: one last turn in several contexts",
            labels=THREE_TURN_LABELS,
            speakers="conversations written for this project",
            terms="CC0-1.0",
            shippable=True,
            source="the emoplugin package",
            folder=None,
            splits={"train": ("train.tsv",), "dev": ("dev.tsv",)},
            read=emoturns.read,
        ),
        Dataset(
            name="emocontext",
            summary="Three-turn conversations of SemEval-2019 Task 3",
            labels=THREE_TURN_LABELS,
            speakers="people's chats with a conversational agent",
            terms="research only; data provided by Microsoft",
            shippable=False,
            source="https://www.humanizing-ai.com/emocontext.html",
            folder="emocontext",
            splits={"train": ("train.txt",), "dev": ("dev.txt",), "test": ("test.txt",)},
            rows={"train": 30160, "dev": 2755, "test": 5509},
            read=emocontext.read,
        ),
        Dataset(
            name="goemotions",
            summary="Reddit comments, filtered, any of 28 labels",
            labels=goemotions.LABELS,
            speakers=_REDDIT,
            terms="CC BY 4.0",
            shippable=True,
            source=_GOEMOTIONS,
            folder="goemotions",
            splits=_GOEMOTIONS_FILES,
            rows={"train": 43410, "dev": 5426, "test": 5427},
            read=goemotions.read,
        ),
        Dataset(
            name="goemotions-grouped",
            summary="The same comments under the three-turn labels, without those of two emotions",
            labels=THREE_TURN_LABELS,
            speakers=_REDDIT,
            terms="CC BY 4.0",
            shippable=True,
            source=_GOEMOTIONS,
            folder="goemotions",
            splits=_GOEMOTIONS_FILES,
            rows={"train": 36149, "dev": 4496},
            read=goemotions.read_grouped,
        ),
        Dataset(
            name="goemotions-raw",
            summary="Every rater's answer in the large CSV files, split 80/20",
            labels=goemotions.LABELS,
            speakers=_REDDIT,
            terms="CC BY 4.0",
            shippable=True,
            source=_GOEMOTIONS,
            folder="goemotions",
            splits={"train": _GOEMOTIONS_RAW, "dev": _GOEMOTIONS_RAW},
            rows={"train": 168980, "dev": 42245},
            read=goemotions.read_raw,
            holdout=Holdout(share=0.2, seed=17),
        ),
        Dataset(
            name="emotion6",
            summary="Sentences with one of six emotions",
            labels=emotion6.LABELS,
            speakers=_TWEETS,
            terms="educational and research use only",
            shippable=False,
            source=_EMOTION6,
            folder="emotion6",
            splits={"train": ("train.txt",), "dev": ("val.txt",), "test": ("test.txt",)},
            rows={"train": 16000, "dev": 2000, "test": 2000},
            read=emotion6.read,
        ),
        Dataset(
            name="emotion6-pool",
            summary="The same sentences as one pool, split 90/10; the test file joins the pool where it is there",
            labels=emotion6.LABELS,
            speakers=_TWEETS,
            terms="educational and research use only",
            shippable=False,
            source=_EMOTION6,
            folder="emotion6",
            splits={"train": _EMOTION6_POOL, "dev": _EMOTION6_POOL},
            rows={"train": 18000, "dev": 2000},
            read=emotion6.read,
            optional=("test.txt",),
            holdout=Holdout(share=0.1, seed=17),
        ),
        Dataset(
            name="smile",
            summary="Museum tweets with one of six labels, stratified split 85/15",
            labels=smile.LABELS,
            speakers="tweets that name museums",
            terms="annotations CC BY 4.0; the tweets belong to their authors",
            shippable=False,
            source="https://doi.org/10.6084/m9.figshare.3187909",
            folder="smile",
            splits={"train": ("smile-annotations-final.csv",), "dev": ("smile-annotations-final.csv",)},
            rows={"train": 1258, "dev": 223},
            read=smile.read,
            holdout=Holdout(share=0.15, seed=17, stratified=True),
        ),
        Dataset(
            name="topicalchat",
            summary="Windows of three utterances of knowledge-grounded chats, under the three-turn labels",
            labels=THREE_TURN_LABELS,
            speakers="chats between pairs of Mechanical Turk workers about given topics",
            terms="CDLA-Sharing-1.0",
            shippable=True,
            source="https://github.com/alexa/Topical-Chat",
            folder="topicalchat",
            splits={"all": _TOPICALCHAT, "train": _TOPICALCHAT[:2], "dev": _TOPICALCHAT[2:]},
            rows={"all": 35133, "train": 23441, "dev": 11692},
            read=topicalchat.read,
        ),
    )
}


def find_dataset(name: str) -> Dataset:
    """The data set of a name; an InputError lists the names there are."""
    try:
        return DATASETS[name]
    except KeyError:
        raise InputError(f"Unknown data set {name!r}; expected one of {', '.join(DATASETS)}.") from None


def split_rows(dataset: Dataset) -> Mapping[str, int]:
    """Rows of each split: as published, or counted for a set that comes with the package."""
    if dataset.folder is not None:
        return dataset.rows
    return {split: len(load_dataset(dataset.name, split=split)) for split in dataset.splits}


def load_dataset(name: str, data_dir: Path | None = None, split: str = "train") -> list[Example]:
    """Reads one split.

    Args:
        name: A name in ``DATASETS``.
        data_dir: The folder that holds the sets' folders; by default the one that EMOPLUGIN_DATA names.
        split: Which split.

    Raises:
        InputError: Unknown set or split, no data folder, a missing file, or a file that is not as expected.
    """
    dataset = find_dataset(name)
    if split not in dataset.splits:
        raise InputError(f"{name} has no split {split!r}; expected one of {', '.join(dataset.splits)}.")
    folder = _folder(dataset, data_dir)
    examples: list[Example] = []
    for file in dataset.splits[split]:
        path = folder / file
        if path.exists():
            examples.extend(dataset.read(path))
        elif file not in dataset.optional:
            raise InputError(f"{path}: no such file. {name} comes from {dataset.source}.")
    return dataset.holdout.part(examples, split, dataset.labels) if dataset.holdout else examples


def _folder(dataset: Dataset, data_dir: Path | None) -> Path:
    if dataset.folder is None:
        return emoturns.folder()
    root = data_dir or os.environ.get(DATA_VARIABLE)
    if not root:
        raise InputError(f"{dataset.name} needs a data folder: give one, or set {DATA_VARIABLE}.")
    return Path(root) / dataset.folder
