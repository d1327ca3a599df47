from __future__ import annotations

from emoplugin.datasets import DATASETS


def test_the_data_sets_are_listed(emoplugin):
    rows = {row["name"]: row for row in emoplugin("datasets", "--json").rows}
    assert list(rows) == list(DATASETS)
    assert rows["smile"]["rows"] == {"train": 1258, "dev": 223}
    assert rows["emocontext"]["shippable"] is False
    assert len(rows["goemotions"]["labels"]["names"]) == 28
    listed = emoplugin("datasets").out
    assert all(f"{name}\n  what" in listed for name in DATASETS)
