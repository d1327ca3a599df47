"""The invariants of EmoTurns, as its datasheet states them."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from emoplugin.datasets import Example, load_dataset
from emoplugin.datasets.emoturns import CATEGORIES, folder
from emoplugin.labels import THREE_TURN_LABELS
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

Groups = dict[str, list[Example]]

SPLITS = ("train", "dev")
PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}"  # e-mail addresses
    r"|(?:\+\d{1,3}[ -]?)?(?:\(\d{2,4}\)|\d{3,5})[ -]\d{3,4}[ -]\d{3,4}"  # telephone numbers
    r"|(?:\d[ -]?){13,}"  # card numbers
    r"|https?://",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Example]]:
    return {split: load_dataset("emoturns", None, split) for split in SPLITS}


@pytest.fixture(scope="module")
def everything(splits: dict[str, list[Example]]) -> list[Example]:
    return [example for split in SPLITS for example in splits[split]]


@pytest.fixture(scope="module")
def groups(everything: list[Example]) -> Groups:
    found: Groups = defaultdict(list)
    for example in everything:
        assert example.group is not None
        found[example.group].append(example)
    return found


def test_files_are_plain() -> None:
    for split in SPLITS:
        content = (folder() / f"{split}.tsv").read_bytes()
        assert b"\r" not in content
        lines = content.decode("utf-8").splitlines()
        assert lines[0] == "id\tturn1\tturn2\tturn3\tlabel\tgroup\tsource"
        for line in lines[1:]:
            fields = line.split("\t")
            assert len(fields) == 7
            assert all(field == field.strip() for field in fields)
            turn1, turn2, *rest = fields[1:]
            assert all([fields[0], *rest])
            assert turn2 or not turn1  # only the turns before the first message may be missing
            assert fields[6] == "original"
            assert fields[4] in THREE_TURN_LABELS.names


def test_there_are_enough(everything: list[Example]) -> None:
    assert len(everything) >= 4000


def test_ids_are_unique(everything: list[Example]) -> None:
    assert len({example.id for example in everything}) == len(everything)


def test_groups_share_the_last_turn_and_differ_in_label(groups: Groups) -> None:
    for name, members in groups.items():
        assert name.rpartition("-")[0] in CATEGORIES
        assert len({example.dialogue.last for example in members}) == 1, name
        assert len({example.dialogue.turns for example in members}) == len(members), name
        assert len(members) <= 4, name


def test_a_third_stands_in_contrast_groups(everything: list[Example], groups: Groups) -> None:
    contrasting = [members for members in groups.values() if len({example.labels for example in members}) > 1]
    assert sum(map(len, contrasting)) >= len(everything) / 3


def test_a_last_turn_belongs_to_one_group(everything: list[Example]) -> None:
    owners: dict[str, set[str | None]] = defaultdict(set)
    for example in everything:
        owners[example.dialogue.last.lower()].add(example.group)
    assert [last for last, found in owners.items() if len(found) > 1] == []


def test_no_group_or_opening_is_in_both_splits(splits: dict[str, list[Example]]) -> None:
    for key in (lambda example: example.group, _opening):
        assert not {key(example) for example in splits["train"]} & {key(example) for example in splits["dev"]}


def test_no_two_conversations_are_near_duplicates(everything: list[Example]) -> None:
    counter = CountVectorizer(analyzer=lambda example: _shingles(" ".join(example.dialogue.turns)), binary=True)
    marks = counter.fit_transform(everything).astype(np.int32)
    sizes = np.asarray(marks.sum(axis=1)).ravel()
    near = []
    for start in range(0, len(everything), 1000):
        shared = (marks[start : start + 1000] @ marks.T).tocoo()
        first, second = shared.row + start, shared.col
        alike = shared.data > 0.8 * (sizes[first] + sizes[second] - shared.data)
        near += [
            (everything[one].id, everything[other].id)
            for one, other in zip(first[alike], second[alike], strict=True)
            if one < other and everything[one].group != everything[other].group
        ]
    assert near == []


def test_labels_are_balanced(everything: list[Example]) -> None:
    shares = Counter(example.labels[0] for example in everything)
    assert 0.35 <= shares["others"] / len(everything) <= 0.47
    for label in THREE_TURN_LABELS.emotions:
        assert 0.16 <= shares[label] / len(everything) <= 0.24


def test_every_category_is_there_and_none_dominates(everything: list[Example]) -> None:
    shares = Counter(str(example.group).rpartition("-")[0] for example in everything)
    assert set(shares) == set(CATEGORIES)
    assert min(shares.values()) >= 0.02 * len(everything)
    assert max(shares.values()) <= 0.35 * len(everything)


def test_turns_have_the_length_of_chat(everything: list[Example]) -> None:
    lengths = [len(turn.split()) for example in everything for turn in example.dialogue.turns]
    assert 4 <= sum(lengths) / len(lengths) <= 10
    assert max(lengths) <= 60


def test_the_last_turn_alone_does_not_give_the_label_away(splits: dict[str, list[Example]]) -> None:
    assert _linear_accuracy(splits, lambda example: example.dialogue.last, (1, 2)) <= 0.70


def test_words_without_their_places_do_not_give_the_label_away(splits: dict[str, list[Example]]) -> None:
    assert _linear_accuracy(splits, lambda example: " ".join(example.dialogue.turns), (1, 1)) <= 0.75


def _linear_accuracy(
    splits: dict[str, list[Example]], text: Callable[[Example], str], lengths: tuple[int, int]
) -> float:
    """What a logistic regression over n-grams of words, signs and emoji gets right in dev."""
    vectorizer = CountVectorizer(token_pattern=r"\w+|[^\w\s]", binary=True, ngram_range=lengths)
    model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000))
    texts, labels = ([[call(example) for example in splits[split]] for split in SPLITS] for call in (text, _label))
    return float(model.fit(texts[0], labels[0]).score(texts[1], labels[1]))


def _label(example: Example) -> str:
    return example.labels[0]


def test_no_personal_data(everything: list[Example]) -> None:
    found = [
        (example.id, match.group())
        for example in everything
        for turn in example.dialogue.turns
        if (match := PERSONAL.search(turn))
    ]
    assert found == []


@pytest.mark.skipif("EMOPLUGIN_DATA" not in os.environ, reason="needs the data folder")
def test_nothing_is_taken_from_other_data(everything: list[Example]) -> None:
    foreign: set[str] = set()
    for path in Path(os.environ["EMOPLUGIN_DATA"]).rglob("*"):
        if path.suffix in (".tsv", ".txt", ".csv"):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                foreign.update(_plain(field) for field in re.split(r'[\t;"]', line))
    for example in everything:
        for turn in example.dialogue.turns:
            plain = _plain(turn)
            assert len(plain.split()) < 8 or plain not in foreign, example.id


def _opening(example: Example) -> str:
    return next(filter(None, example.dialogue.turns)).lower()


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def _shingles(text: str) -> set[str]:
    plain = _plain(text)
    return {plain[index : index + 6] for index in range(max(len(plain) - 5, 1))}
