"""The lines of the how-to, added to an assistant that ignores emotions, change neither reports nor answers."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from emoplugin.rasa.project import plan_addition
from rasa.core.agent import load_agent
from rasa.model_testing import test_core as run_core_test
from rasa.model_testing import test_nlu as run_nlu_test
from rasa.model_training import train
from rasa.shared.core.events import ActionExecuted

import rasa

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "add-to-a-rasa-project.md"
MOODBOT = Path(rasa.__file__).parent / "cli" / "initial_project"

# NLU without TensorFlow, and every policy that Rasa has. Without tracing graphs, few steps train in seconds.
CONFIG = """
recipe: default.v1
assistant_id: moodbot
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- {name: CountVectorsFeaturizer, analyzer: char_wb, min_ngram: 1, max_ngram: 4}
- name: LogisticRegressionClassifier
- name: CRFEntityExtractor
- name: EntitySynonymMapper
policies:
- name: MemoizationPolicy
- {name: TEDPolicy, max_history: 5, epochs: 10, run_eagerly: true, random_seed: 1}
- {name: UnexpecTEDIntentPolicy, max_history: 5, epochs: 10, run_eagerly: true, random_seed: 1}
- name: RulePolicy
"""

# The moodbot has neither entities nor a form; this gives it one of each.
FORM_DOMAIN = """
intents: [travel]
entities: [city]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
forms:
  travel_form: {required_slots: [city]}
responses:
  utter_ask_city: [{text: "Where to?"}]
  utter_travel: [{text: "Off to {city}!"}]
"""
FORM_NLU = """
nlu:
- intent: travel
  examples: |
    - i want to go to [paris](city)
    - take me to [london](city)
    - a ticket to [rome](city) please
    - i need to travel
    - book me a trip
    - a trip to [oslo](city)
"""
FORM_RULES = """
rules:
- rule: start travelling
  steps:
  - intent: travel
  - action: travel_form
  - active_loop: travel_form
- rule: end travelling
  condition:
  - active_loop: travel_form
  steps:
  - action: travel_form
  - active_loop: null
  - action: utter_travel
"""
FORM_TEST = """
stories:
- story: travel
  steps:
  - user: a trip to [paris](city)
    intent: travel
  - slot_was_set: [{city: paris}]
  - action: travel_form
  - active_loop: travel_form
  - slot_was_set: [{requested_slot: null}]
  - active_loop: null
  - action: utter_travel
"""

# With an emotion in each, which the policies must not see.
TALKS = [
    ["hello there!", "i am so happy and amazing", "bye-bye!"],
    ["hello", "extremely sad", "not really"],
    ["hello", "awful, i hate this", "yes"],
    ["a trip to paris"],
]


@dataclass(frozen=True)
class Assistant:
    """A trained assistant, what `rasa test` reports of it, and what it does in each of the talks."""

    project: Path
    reports: dict[str, str]
    actions: list[list[str | None]]


@pytest.fixture(scope="module")
def moodbot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    project = tmp_path_factory.mktemp("harmless") / "moodbot"
    shutil.copytree(MOODBOT, project)
    (project / "config.yml").write_text(CONFIG)
    extend(project / "domain.yml", FORM_DOMAIN)
    (project / "data" / "travel_nlu.yml").write_text(FORM_NLU)
    (project / "data" / "travel_rules.yml").write_text(FORM_RULES)
    (project / "tests" / "test_travel.yml").write_text(FORM_TEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TQDM_DISABLE", "1")
        yield trained(project)


def add_the_ten_lines(project: Path) -> None:
    added_to_config, added_to_domain = re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(), re.DOTALL)[:2]
    config = yaml.safe_load(CONFIG)
    config["pipeline"] = yaml.safe_load(added_to_config)["pipeline"] + config["pipeline"]
    (project / "config.yml").write_text(yaml.safe_dump(config))
    extend(project / "domain.yml", added_to_domain)


def extend(domain: Path, text: str) -> None:
    """Adds what a text holds to a domain file, section by section."""
    content = yaml.safe_load(domain.read_text())
    for section, added in yaml.safe_load(text).items():
        known = content.get(section, type(added)())
        content[section] = known + added if isinstance(added, list) else {**known, **added}
    domain.write_text(yaml.safe_dump(content, sort_keys=False))


def run_add(project: Path) -> None:
    plan_addition(project, model=None, examples=False).write()


def trained(project: Path) -> Assistant:
    training = train(
        domain=str(project / "domain.yml"),
        config=str(project / "config.yml"),
        training_files=[str(project / "data")],
        output=str(project / "models"),
        force_training=True,
        core_additional_arguments={"augmentation_factor": 0},
    )
    assert training.code == 0
    return Assistant(project, *asyncio.run(measured(project, training.model)))


async def measured(project: Path, model: str) -> tuple[dict[str, str], list[list[str | None]]]:
    """What `rasa test` leaves behind, by file name, and the actions in each talk."""
    results = project / "results"
    options: dict[str, Any] = {"disable_plotting": True, "errors": True, "successes": True}
    await run_core_test(model, str(project / "tests"), str(results), options, use_conversation_test_files=True)
    await run_nlu_test(model, str(project / "data"), str(results), options)
    agent = await load_agent(model)
    done = []
    for number, texts in enumerate(TALKS):
        for text in texts:
            await agent.handle_text(text, sender_id=str(number))
        tracker = await agent.tracker_store.retrieve(str(number))
        done.append([event.action_name for event in tracker.events if isinstance(event, ActionExecuted)])
    return {path.name: path.read_text() for path in sorted(results.glob("*.*"))}, done


@pytest.mark.xdist_group("assistant")
@pytest.mark.parametrize("add", [add_the_ten_lines, run_add])
def test_reports_and_answers_stay_as_they_were(moodbot: Assistant, add: Callable[[Path], None], tmp_path: Path) -> None:
    project = tmp_path / "moodbot"
    shutil.copytree(moodbot.project, project, ignore=shutil.ignore_patterns("models", "results", ".rasa"))
    add(project)
    after, before = trained(project), moodbot.reports
    assert "None of the test stories failed" in before["failed_test_stories.yml"]
    assert {"CRFEntityExtractor_report.json", "intent_report.json", "story_report.json"} <= set(before)
    assert sorted(after.reports) == sorted(before)
    for name, content in before.items():
        if name.endswith("_report.json"):
            # Rasa writes the labels in no particular order.
            assert json.loads(after.reports[name]) == json.loads(content), name
        if name in ("failed_test_stories.yml", "stories_with_warnings.yml"):
            assert after.reports[name] == content, name
    assert after.actions == moodbot.actions
