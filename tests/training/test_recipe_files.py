from __future__ import annotations

from pathlib import Path

import pytest
from emoplugin.errors import InputError
from emoplugin.training.config import read_config
from emoplugin.training.finetune import FinetuneConfig
from emoplugin.training.recipe import load_recipe


def put(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")


def test_a_file_extends_the_one_beside_it(tmp_path: Path) -> None:
    put(tmp_path / "rec", a="extends: b.yml\nname: a\n", b="extends: ../base/c.yml\nseed: 5\n")
    put(tmp_path / "base", c="extends: bert-emocontext\nname: c\nseed: 4\n")
    recipe = load_recipe(str(tmp_path / "rec" / "a.yml"))
    assert (recipe.name, recipe.seed, recipe.kind) == ("a", 5, "bert")


def test_a_recipe_has_no_figures_of_the_one_it_extends(tmp_path: Path) -> None:
    put(tmp_path, a="extends: goemotions-minilm\nname: a\nexpected: {micro_f1: 0.6}\n")
    assert load_recipe(str(tmp_path / "a.yml")).expected == {"micro_f1": 0.6}


def test_a_circle_and_a_missing_file_are_named(tmp_path: Path) -> None:
    put(tmp_path / "rec", a="extends: ../rec/b.yml\n", b="extends: ../rec/a.yml\n", c="extends: d.yml\n")
    with pytest.raises(InputError, match=r"a\.yml: extends itself"):
        load_recipe(str(tmp_path / "rec" / "a.yml"))
    with pytest.raises(InputError, match=r"No recipe '.*rec/d\.yml': give a YAML file or one of"):
        load_recipe(str(tmp_path / "rec" / "c.yml"))


@pytest.mark.parametrize("written", ["1e-5", "1.0e-5", "0.00001"])
def test_a_number_may_be_written_with_an_exponent_alone(written: str) -> None:
    recipe = load_recipe("bert-en", [f"model.loop.learning_rate={written}"])
    assert read_config(FinetuneConfig, recipe.model["loop"], "loop").learning_rate == 1e-5
