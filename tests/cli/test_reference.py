from __future__ import annotations

from pathlib import Path

import pytest
from emoplugin.cli.main import COMMANDS
from emoplugin.datasets import DATASETS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference(name):
    assert f"\n## emoplugin {name}\n" in (REFERENCE / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_is_in_the_reference_as_it_is_in_the_registry(name):
    lines = (REFERENCE / "datasets.md").read_text(encoding="utf-8").splitlines()
    (row,) = (line for line in lines if line.startswith(f"| `{name}` |"))
    dataset = DATASETS[name]
    if dataset.rows:
        assert f"| {', '.join(f'{split} {count}' for split, count in dataset.rows.items())} |" in row
    assert row.endswith("| yes |" if dataset.shippable else "| no |")
