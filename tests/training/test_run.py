from __future__ import annotations

from pathlib import Path

import pytest
from emoplugin.errors import InputError
from emoplugin.training.recipe import load_recipe
from emoplugin.training.run import run_recipe


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("kind=svm", "unknown kind 'svm'"),
        ("labels.target_prior=[0.5, 0.5]", "target_prior needs one value for each"),
        ("labels.target_prior=[0.9, 0.1, 0, 0]", "target_prior must lie between 0 and 1"),
        ("labels.multi_label=true", "multi_label needs kind bert"),
        ("model.pace=2", "unknown key 'pace'"),
        ("model.folds=1", "folds must be 2 or more, found 1"),
        ("model.committee=9", "committee must lie between 0 and folds"),
        ("model.parts=[smell]", "parts must be some of neural, lexical, found smell"),
        ("model.combiner_sources=[3]", "combiner_sources names source 3; train has 3, counted from 0"),
        ("model.vectors.source=fasttext", "vectors.source is 'fasttext'; expected one of learned"),
        ("model.vectors={source: glove}", "glove needs a file"),
        ("model.vectors={source: word2vec, path: nowhere.bin}", "path: no such file: nowhere.bin"),
        ("model.loop.epochs=many", "expected a whole number, found 'many'"),
        ("model.loop.learning_rate=fast", "learning_rate: expected a number, found 'fast'"),
        ("model.loop.learning_rate=nan", "expected a number, found 'nan'"),
        ("model.loop.learning_rate=inf", "expected a number, found 'inf'"),
        ("model.loop.learning_rate=true", "expected a number, found True"),
        ("expected={f1: 0.9}", "expected: unknown score 'f1'; expected one of accuracy, mcc, .*emotion_f1, ece, brier"),
        ("expected={hamming_loss: 0.1}", "unknown score 'hamming_loss'; expected one of accuracy"),
    ],
)
def test_a_bad_recipe_is_refused_before_anything_is_read_or_written(setting: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        run_recipe(load_recipe("nelec-en", [setting]), None, tmp_path / "run")
    assert not (tmp_path / "run").exists()
