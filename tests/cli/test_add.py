from __future__ import annotations

import pytest


@pytest.fixture
def project(tmp_path):
    (tmp_path / "config.yml").write_text("pipeline:\n- name: WhitespaceTokenizer\n")
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "a.yml").write_text("intents: [greet]\n")
    (tmp_path / "domain" / "b.yml").write_text("entities:\n- city\n")
    return tmp_path


def contents(project):
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_add_and_remove_a_domain_folder(emoplugin, project):
    before = contents(project)
    shown = emoplugin("add", project, "--dry-run")
    assert shown.code == 0
    assert "+- name: emoplugin.EmotionClassifier" in shown.out
    assert "+++ b/domain/b.yml" in shown.out
    assert contents(project) == before
    assert emoplugin("add", project, "--model", "nelec-en").code == 0
    assert "model: nelec-en" in (project / "config.yml").read_text()
    assert "nothing changed" in emoplugin("add", project).err
    assert emoplugin("remove", project).code == 0
    assert contents(project) == before
    assert "nothing changed" in emoplugin("remove", project).err


def test_what_is_not_a_project_exits_with_2(emoplugin, tmp_path):
    assert emoplugin("add", tmp_path).code == 2
    assert "no config.yml" in emoplugin("remove", tmp_path).err
