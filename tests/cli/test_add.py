from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from rasa.cli.scaffold import create_initial_project


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


def test_a_project_of_rasa_init_trains_with_it_and_gets_every_byte_back(emoplugin, tmp_path):
    project = tmp_path / "moodbot"
    create_initial_project(str(project))
    before = contents(project)
    shown = emoplugin("add", project, "--examples", "--dry-run")
    for line in (
        "--- a/config.yml",
        "+- name: emoplugin.EmotionClassifier",
        "--- a/domain.yml",
        "+    type: emoplugin.",
    ):
        assert line in shown.out
    assert contents(project) == before
    assert emoplugin("add", project, "--examples").code == 0
    added = contents(project)
    assert "nothing changed" in emoplugin("add", project, "--examples").err
    assert contents(project) == added
    train(shutil.copytree(project, tmp_path / "trained"))
    assert emoplugin("remove", project).code == 0
    assert contents(project) == before


def train(project):
    """Trains a project's own pipeline, for one epoch."""
    config = project / "config.yml"
    quick = re.sub(r"(?m)^( +)epochs: \d+", r"\1epochs: 1\n\1run_eagerly: true", config.read_text())
    config.write_text(quick.replace("policies:\n", "policies:\n- name: MemoizationPolicy\n- name: RulePolicy\n"))
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false"}
    command = [sys.executable, "-m", "rasa", "train"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((project / "models").glob("*.tar.gz"))


def test_what_was_changed_since_is_told_of(emoplugin, project):
    before = contents(project)
    emoplugin("add", project, "--model", "nelec-en")
    config = project / "config.yml"
    config.write_text(config.read_text().replace("  model: nelec-en\n", "  model: nelec-en\n  min_confidence: 0.5\n"))
    removed = emoplugin("remove", project)
    assert removed.code == 0
    assert "config.yml, row 2: these lines were changed since" in removed.err
    assert "domain" not in removed.err
    assert contents(project) == before


def test_the_slot_moves_the_conversation_only_where_rules_name_it(emoplugin, project):
    slots = project / "domain" / "a.yml"
    emoplugin("add", project)
    assert "influence_conversation: false" in slots.read_text().split("slots:")[1]
    told = emoplugin("add", project, "--examples")
    assert "take `influence_conversation: false` out of the slot emotion" in told.err
    emoplugin("remove", project)
    emoplugin("add", project, "--examples")
    assert "influence_conversation: false" not in slots.read_text().split("slots:")[1]
