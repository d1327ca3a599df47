from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from emoplugin.errors import InputError
from emoplugin.rasa.project import COMPONENT, plan_addition, plan_removal
from hypothesis import given, settings
from hypothesis import strategies as st

import rasa

MOODBOT = Path(rasa.__file__).parent / "cli" / "initial_project"
CONFIGS = ("pipeline:\n", "# mine\nlanguage: en", "pipeline:\n  # one\n  - name: X # two\n", "pipeline:\n- {name: X}\n")
DOMAINS = ("intents: [a]", "entities:\n- city\n", "slots:\n    x:\n      type: text\n", "entities:\nslots:\n", "")


def make(folder: Path, config: str, domain: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.yml").write_bytes(config.encode())
    (folder / "domain.yml").write_bytes(domain.encode())
    return folder


def files(project: Path) -> dict[str, bytes]:
    return {str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CONFIGS), st.sampled_from(DOMAINS), st.booleans(), st.booleans())
def test_removal_gives_every_byte_back(tmp_path_factory, config, domain, crlf, bom):
    def style(text):
        return ("\ufeff" if bom else "") + (text.replace("\n", "\r\n") if crlf else text)

    project = make(tmp_path_factory.mktemp("project"), style(config), style(domain))
    before = files(project)
    plan_addition(project, examples=True).write()
    assert yaml.safe_load((project / "config.yml").read_bytes())["pipeline"][0]["name"] == COMPONENT
    assert "emotion" in yaml.safe_load((project / "domain.yml").read_bytes())["slots"]
    assert not plan_addition(project, examples=True).changes
    plan_removal(project).write()
    assert files(project) == before


def test_moodbot_keeps_the_default_pipeline(tmp_path):
    project = tmp_path / "moodbot"
    shutil.copytree(MOODBOT, project)
    plan = plan_addition(project)
    assert len(plan.notes) == 1
    plan.write()
    assert len(yaml.safe_load((project / "config.yml").read_text())["pipeline"]) > 5


@pytest.mark.parametrize(
    ("config", "domain", "reason"),
    [
        ("pipeline: [{name: X}]", "", "row 1"),
        ("pipeline:\n", "slots: {emotion: {type: text}}", "slot emotion of its own"),
        ("a: b\nc: [", "", "config.yml, row"),
        ("recipe: graph.v1", "", "graph.v1"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, config, domain, reason):
    with pytest.raises(InputError, match=reason):
        plan_addition(make(tmp_path, config, domain))
