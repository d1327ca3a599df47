from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from emoplugin.cli.chat import chat, fingerprint
from emoplugin.errors import EmopluginError, InputError

DEMO = Path(__file__).parents[2] / "rasa_project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("models", "results", ".rasa"))
    return folder


def test_the_fingerprint_follows_what_is_trained_on_and_nothing_else(project: Path) -> None:
    before = fingerprint(project)
    (project / "credentials.yml").write_text("rest:\n")
    (project / "models").mkdir()
    (project / "models" / "chat-0.tar.gz").write_text("")
    assert fingerprint(project) == before
    names = ["config.yml", "domain.yml", "data/nlu.yml", "data/new.yml"]
    for name in names:
        with (project / name).open("a") as file:
            file.write("# changed\n")
    seen = {before, fingerprint(project)}
    (project / "data" / "new.yml").rename(project / "data" / "newer.yml")
    assert len(seen | {fingerprint(project)}) == 3


def test_the_fingerprint_follows_the_bundle(project: Path) -> None:
    bundle = project / "my-model"
    shutil.copytree(Path(__file__).parents[2] / "emoplugin" / "bundles" / "nelec-en", bundle)
    config = project / "config.yml"
    config.write_text(config.read_text().replace("model: nelec-en", "model: my-model"))
    before = fingerprint(project)
    manifest = bundle / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    assert fingerprint(project) != before


def test_a_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.yml"):
        chat(tmp_path)


@pytest.mark.parametrize("content", ["pipeline: [", "- a\n- b\n", "\x00"])
def test_a_configuration_that_cannot_be_read_is_refused(project: Path, content: str) -> None:
    (project / "config.yml").write_text(content)
    with pytest.raises(InputError, match=r"config\.yml"):
        chat(project)


def test_a_training_that_fails_is_told_in_rasas_words(project: Path) -> None:
    config = project / "config.yml"
    config.write_text(config.read_text().replace("min_confidence: 0.4", "min_confidence: 1.5"))
    with pytest.raises(EmopluginError, match=r"min_confidence is 1\.5") as error:
        chat(project)
    assert "Traceback" not in str(error.value)
