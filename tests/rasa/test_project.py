from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import wordmodel
import yaml
from emoplugin.errors import InputError
from emoplugin.rasa.project import COMPONENT, plan_addition, plan_removal
from hypothesis import given, settings
from hypothesis import strategies as st

import rasa

MOODBOT = Path(rasa.__file__).parent / "cli" / "initial_project"
CONFIGS = ("pipeline:\n", "# mine\nlanguage: en", "pipeline:\n  # one\n  - name: X # two\n", "pipeline:\n- {name: X}\n")
CITY = "  city: {type: text, mappings: []}\n"
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
        ("pipeline: []", "", "config.yml, row 1: write `pipeline:` with nothing after it"),
        ("", "a: b\nentities: []", "domain.yml, row 2: write `entities:` with nothing after it"),
        ("", "entities: null # none", "row 1: write `entities:` with nothing after it"),
        ("", "slots:\n  {}", "row 1: write `slots:` with nothing after it"),
        ("", "entities:\n- city\n- [a]", "domain.yml, row 3: this entry of entities has no name"),
        ("", "entities: &e\n- *e", "this entry of entities has no name"),
        ("", "x: &x\n- *x", "can not be extended safely"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, config, domain, reason):
    with pytest.raises(InputError, match=reason):
        plan_addition(make(tmp_path, config, domain))


def added(folder: Path, config: str, domain: str) -> Path:
    project = make(folder, config, domain)
    plan_addition(project, examples=True).write()
    return project


def append(path: Path, lines: str, *, below: str = "") -> None:
    """Writes lines at a file's end, or below the addition that holds a line."""
    text = path.read_text()
    end = text.index("\n", text.index("# <<<", text.index(below))) + 1 if below else len(text)
    path.write_text(text[:end] + lines + text[end:])


def removed(project: Path, name: str) -> str:
    plan_removal(project).write()
    return (project / name).read_text()


def test_what_the_owner_writes_below_an_addition_keeps_its_section(tmp_path):
    project = tmp_path / "moodbot"
    shutil.copytree(MOODBOT, project)
    before = (project / "domain.yml").read_text()
    plan_addition(project).write()
    append(project / "domain.yml", "- town\n", below="entities:")
    append(project / "domain.yml", CITY, below="slots:")
    assert removed(project, "domain.yml") == f"{before}entities:\n- town\nslots:\n{CITY}"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_entity_does_not_become_an_intent(tmp_path, newline):
    domain = f"intents:{newline}- greet{newline}"
    project = make(tmp_path, "pipeline:\n", domain)
    plan_addition(project).write()
    path = project / "domain.yml"
    text = path.read_bytes().decode()
    end = text.index(f"# >>> added by emoplugin{newline}slots:")
    path.write_bytes(f"{text[:end]}- city{newline}{text[end:]}".encode())
    plan_removal(project).write()
    assert path.read_bytes().decode() == f"{domain}entities:{newline}- city{newline}"


def test_a_component_does_not_become_a_policy(tmp_path):
    project = added(tmp_path, "policies:\n- name: RulePolicy\n", "")
    append(project / "config.yml", "- name: MyComponent\n")
    assert removed(project, "config.yml") == "policies:\n- name: RulePolicy\npipeline:\n- name: MyComponent\n"


def test_an_own_rule_stays(tmp_path):
    project = added(tmp_path, "pipeline:\n", "")
    append(project / "data" / "emotion_rules.yml", "- rule: mine\n  steps: []\n")
    assert removed(project, "data/emotion_rules.yml") == "version: '3.1'\nrules:\n- rule: mine\n  steps: []\n"


@pytest.mark.parametrize(
    ("name", "below", "lines", "row"),
    [
        ("config.yml", "pipeline:", "  min_confidence: 0.5\n", 2),
        ("domain.yml", "slots:", "    initial_value: sad\n", 13),
        ("domain.yml", "entities:", "    roles: [a]\n", 4),
    ],
)
def test_lines_that_belong_to_an_addition_are_not_left_to_what_stands_above(tmp_path, name, below, lines, row):
    project = added(tmp_path, "pipeline:\n- name: X\n", "actions:\n- a:\n    b: c\n")
    append(project / name, lines, below=below)
    before = files(project)
    with pytest.raises(InputError, match=f"^{name}, row {row}: lines below this addition"):
        plan_removal(project)
    assert files(project) == before


def test_an_addition_without_its_last_comment_takes_nothing_with_it(tmp_path):
    project = added(tmp_path, "pipeline:\n", "intents: [a]\n")
    text = (project / "domain.yml").read_text()
    first, _, rest = text.partition("# <<<")
    (project / "domain.yml").write_text(first + "- city\n" + rest.partition("\n")[2])
    with pytest.raises(InputError, match=r"domain.yml, row 2: the other end"):
        plan_removal(project)


def test_an_entity_of_the_project_that_moves_the_policies_is_told_of(tmp_path):
    domain = "entities:\n- city\n- emotion\n- emotion_trend: {influence_conversation: false}\n"
    plan = plan_addition(make(tmp_path, "pipeline:\n- name: X\n", domain))
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("domain.yml, row 3: the entity emotion ")


def model_of(project: Path, model: str) -> str:
    plan_addition(project, model=model).write()
    return yaml.safe_load((project / "config.yml").read_text())["pipeline"][0]["model"]


@pytest.mark.parametrize(
    ("folder", "given", "written"),
    [
        ("project/mine", "mine", "mine"),
        ("project/mine", "project/mine", "mine"),
        ("project/nelec-en", "project/nelec-en", "./nelec-en"),
        ("mine", "../mine", "../mine"),
        ("mine", "mine", "{here}/mine"),
        ("mine", "{here}/mine", "{here}/mine"),
    ],
)
def test_a_bundle_is_named_as_the_project_finds_it(tmp_path, monkeypatch, folder, given, written):
    wordmodel.write(tmp_path / folder)
    project = make(tmp_path / "project", "pipeline:\n", "")
    monkeypatch.chdir(tmp_path)
    model = model_of(Path("project"), given.format(here=tmp_path))
    assert model == written.format(here=tmp_path)
    assert (project / model / "manifest.json").is_file()


@pytest.mark.parametrize("model", ["data", "", "nowhere", "config.yml"])
def test_what_is_no_bundle_is_refused(tmp_path, monkeypatch, model):
    project = make(tmp_path, "pipeline:\n", "")
    (project / "data").mkdir()
    monkeypatch.chdir(project)
    with pytest.raises(InputError, match="bundle"):
        plan_addition(project, model=model)
