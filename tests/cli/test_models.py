from __future__ import annotations

import shutil

from emoplugin.models.bundle import shipped


def test_the_shipped_models(emoplugin):
    rows = {row["name"]: row for row in emoplugin("models", "--json").rows}
    assert rows.keys() == shipped().keys()
    assert rows["nelec-en"]["labels"]["names"] == ["others", "happy", "sad", "angry"]
    assert rows["nelec-en"]["bytes"] <= 8 << 20
    assert "nelec-en" in emoplugin("models").out


def test_a_damaged_folder(emoplugin, tmp_path):
    folder = shutil.copytree(shipped()["nelec-en"], tmp_path / "copy")
    (row,) = emoplugin("models", "--json", folder).rows
    assert row["folder"] == str(folder)
    with (folder / "config.json").open("a") as file:
        file.write(" ")
    outcome = emoplugin("models", folder)
    assert outcome.code == 2
    assert f"{folder / 'config.json'} is damaged" in outcome.err
