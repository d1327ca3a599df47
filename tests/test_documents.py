"""What the documents say is true: links lead somewhere, commands exist, answers are those of the shipped model."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import emoplugin
import pytest
import typer
import yaml
from emoplugin.cli.main import app
from emoplugin.datasets import find_dataset
from emoplugin.training.recipe import load_recipe, recipe_names
from markdown.extensions.toc import slugify

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = typer.main.get_command(app).commands
RUN_FOLDERS = ("runs/", "my-", "longer")
"""How the documents call what their reader makes."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def blocks(text: str, language: str) -> list[str]:
    return [content for name, content in _FENCE.findall(text) if name == language]


def typed(text: str) -> list[list[str]]:
    """The command lines after a ``$``, split as a shell does, the first command of a pipe alone."""
    lines = [line[2:] for block in blocks(text, "console") for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line.split(" | ")[0], comments=True) for line in lines]


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{path.name}: {link}"
        # The anchors of pages that are made from docstrings are checked when the site is built.
        if anchor and "." not in anchor:
            anchors = {slugify(heading, "-") for heading in _HEADING.findall(target.read_text(encoding="utf-8"))}
            assert anchor in anchors, f"{path.name}: {link}"


@each_document
def test_commands_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for program, *arguments in typed(path.read_text(encoding="utf-8")):
        name = Path(program).name
        if name == "make":
            assert set(arguments) <= targets, arguments
        elif name == "python":
            assert (ROOT / arguments[0]).is_file(), arguments
        elif name == "emoplugin":
            command, *arguments = arguments
            assert command in COMMANDS, command
            known = {option for parameter in COMMANDS[command].params for option in parameter.opts}
            words = arguments[: arguments.index("--")] if "--" in arguments else arguments
            options = {word for word in words if word.startswith("--")}
            assert options <= known, f"{command}: {options - known}"
            if command == "train" and not arguments[0].startswith(RUN_FOLDERS):
                assert arguments[0] in recipe_names()
            for option, value in pairwise(words):
                if option == "--dataset":
                    assert find_dataset(value)
                if option in ("--model", "--compare") and not value.startswith(RUN_FOLDERS):
                    assert emoplugin.load(value)


def test_the_ten_lines_are_ten_and_name_what_there_is() -> None:
    config, domain, rules = blocks(README.partition("## Add it")[2], "yaml")[:3]
    assert len([line for line in (config + domain).splitlines() if line.strip() not in ("", "pipeline:")]) == 10
    (component,) = yaml.safe_load(config)["pipeline"]
    slot = yaml.safe_load(domain)["slots"]["emotion"]
    for name in (component["name"], slot["type"]):
        package, _, attribute = name.partition(".")
        assert package == "emoplugin"
        assert hasattr(emoplugin, attribute)
    attached = emoplugin.EmotionClassifier.get_default_config()["entities"]
    assert [next(iter(entity)) for entity in yaml.safe_load(domain)["entities"]] == attached
    assert yaml.safe_load(rules)["rules"]


def test_the_readmes_answer_is_the_shipped_models() -> None:
    answer = json.loads(blocks(README, "json")[0])
    shown = answer["emotion"]
    model = emoplugin.load("nelec-en")
    emotion = model.predict(emoplugin.Dialogue(shown["turns"]))
    hint = f"The bundle has changed: put its answer into the README. {emotion}"
    assert shown["label"] == emotion.label, hint
    assert shown["probabilities"] == pytest.approx(emotion.probabilities, abs=0.005), hint
    assert shown["model"] == {"name": model.name, "version": model.version}, hint
    assert shown["confidence"] == answer["entities"][0]["confidence_entity"] == shown["probabilities"][shown["label"]]
    (request,) = re.findall(r"-d '(.*)'", README)
    assert emoplugin.Dialogue.parse(json.loads(request)["text"]).turns == tuple(shown["turns"])
    assert answer["text"] == answer["emotion"]["turns"][-1]


def test_the_readmes_python_runs() -> None:
    code = blocks(README, "python")[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split()[0] == json.loads(blocks(README, "json")[0])["emotion"]["label"]


def test_the_shown_explanation_is_the_shipped_models() -> None:
    shown = blocks((ROOT / "docs" / "how-to" / "explain.md").read_text(encoding="utf-8"), "text")[0]
    turns = json.loads(blocks(README, "json")[0])["emotion"]["turns"]
    command = [str(Path(sys.executable).with_name("emoplugin")), "explain", *turns]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    assert told.startswith(shown.strip()), f"The bundle has changed: put its explanation into explain.md.\n{told}"


def test_the_readmes_chat_is_the_demos() -> None:
    domain = yaml.safe_load((ROOT / "rasa_project" / "domain.yml").read_text(encoding="utf-8"))
    answers = "|".join(
        re.sub(r"\\{.*?\\}", ".+", re.escape(response["text"].strip()))
        for responses in domain["responses"].values()
        for response in responses
    )
    lines = [line for line in blocks(README, "text")[0].splitlines() if not line.startswith("Your input ->")]
    assert lines
    for line in lines:
        assert re.fullmatch(answers, line), line


def test_the_training_example_needs_no_data_folder() -> None:
    recipe = load_recipe("nelec-en-small")
    assert all(find_dataset(source.dataset).folder is None for source in (*recipe.train, *recipe.dev))
    assert recipe.model["vectors"]["source"] == "learned"


def test_every_recipe_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "recipes.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", reference, re.MULTILINE)) == recipe_names()


def test_the_site_builds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "load" in (tmp_path / "site" / "reference" / "python" / "index.html").read_text(encoding="utf-8")
