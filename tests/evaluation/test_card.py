from __future__ import annotations

import pytest
from emoplugin.datasets import find_dataset
from emoplugin.evaluation.card import RESEARCH_ONLY, SECTIONS, model_card
from emoplugin.evaluation.evaluate import evaluate
from emoplugin.labels import THREE_TURN_LABELS


def card(*train, dev=(), measured=None, teachers=(), kind="nelec", model=None, used=None, trained_from="small"):
    recipe = {
        "name": "small",
        "kind": kind,
        "model": model or {},
        "summary": "A model.",
        "train": [{"dataset": name, "split": "train", **(used or {})} for name in train],
        "dev": [{"dataset": name, "split": "dev"} for name in dev],
    }
    config = {"name": "small", "version": "1.0.0", "labels": THREE_TURN_LABELS.to_json()}
    metrics = {"train_examples": 2000, "seconds": 90, "device": "1 CPU core"}
    metrics["teachers"] = [{"name": name, "version": "1.0.0", "research_only": only} for name, only in teachers]
    if measured is not None:
        metrics["dev"] = measured
    return model_card(config, recipe, metrics, [find_dataset(name) for name in train], trained_from)


def test_every_section_is_there_in_order():
    lines = card("emoturns").splitlines()
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == list(SECTIONS)


@pytest.mark.parametrize(
    ("train", "dev", "command"),
    [
        ("emoturns", (), "emoplugin train small --output DIR"),
        ("topicalchat", (), "emoplugin train small --data DIR --output DIR"),
        ("emoturns", ("topicalchat",), "emoplugin train small --data DIR --output DIR"),
    ],
)
def test_a_data_folder_is_asked_for_only_where_one_is_read(train, dev, command):
    assert f"```\n{command}\n```" in card(train, dev=dev)


def test_what_was_set_by_hand_is_in_the_run_folder():
    written = card("emoturns", trained_from="recipe.json")
    assert "```\nemoplugin train recipe.json --output DIR\n```" in written
    assert "`recipe.json`, in the folder of the training, holds the recipe" in written
    assert "in the folder" not in card("emoturns")


def test_how_much_of_a_set_was_used_is_said():
    assert "| train, at most 500 a label, turns of at most 16 words |" in card(
        "emoturns", used={"limit": 500, "words": 16}
    )
    assert "| train, 2 times |" in card("emoturns", used={"copies": 2, "limit": 0, "words": 0})


@pytest.mark.parametrize(
    ("kind", "model", "said"),
    [
        ("bert", {}, "began with all-MiniLM-L6-v2 (Apache-2.0)."),
        ("bert", {"encoder": "google-bert/bert-base-uncased"}, "the encoder bert-base-uncased, whose terms"),
        ("nelec", {"vectors": {"source": "encoder"}}, "began with all-MiniLM-L6-v2 (Apache-2.0)."),
        ("nelec", {"vectors": {"source": "encoder", "path": "somewhere/small"}}, "the encoder small, whose terms"),
    ],
)
def test_what_training_began_with_is_named(kind, model, said):
    assert said in card("emoturns", kind=kind, model=model)


def test_nothing_is_named_where_training_began_with_nothing():
    assert "began with" not in card("emoturns", model={"vectors": {"source": "learned"}})


def test_bias_speaks_of_the_sources_and_of_no_others():
    written = card("smile")
    assert find_dataset("smile").speakers in written
    assert "Reddit" not in written
    assert card("goemotions", "goemotions-grouped").count(find_dataset("goemotions").speakers) == 1


def test_only_a_model_that_may_not_be_shipped_says_so():
    assert "may be shipped" in card("emoturns", "emocontext")
    assert "may be shipped" not in card("emoturns")


def test_what_a_teacher_may_not_the_taught_model_may_not_either():
    assert "what large 1.0.0 said" in card("emoturns", teachers=[("large", False)])
    assert "what large 1.0.0 (2 trainings) and small 1.0.0 said" in card(
        "emoturns", teachers=[("large", False), ("small", False), ("large", False)]
    )
    assert "may be shipped" not in card("emoturns", teachers=[("large", False)])
    assert RESEARCH_ONLY in card("emoturns", teachers=[("large", True)])
    assert "not known" in card("emoturns", teachers=[("large", None)])


def test_a_table_of_labels_shows_thresholds_where_there_are_some(single, multi, example):
    rows = [example("joy", "joy"), example("fear", "fear"), example("neutral", "neutral")]
    several = card("goemotions", dev=["goemotions"], measured=evaluate(multi, rows, multi.labels).summary())
    assert "| label | precision | recall | F1 | average precision | threshold | examples |" in several
    assert "| fear | 1.000 | 1.000 | 1.000 | 1.000 | 0.400 | 1 |" in several
    rows = [example("happy", "happy"), example("others", "others")]
    one = card("emoturns", dev=["emoturns"], measured=evaluate(single, rows, single.labels).summary())
    assert "| label | precision | recall | F1 | examples |" in one
