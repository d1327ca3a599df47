"""The smallest assistant that Rasa trains with stories and intents, with the component in its pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from emoplugin import EmotionClassifier
from rasa.model_training import train as train_project

NLU = """
- intent: greet
  examples: |
    - hello
    - hi there
- intent: bye
  examples: |
    - bye
    - see you
"""
RULES = """
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
"""


def write(
    project: Path,
    component: Mapping[str, Any] | None = None,
    domain: Mapping[str, Any] | None = None,
    nlu: str = NLU,
    rules: str = RULES,
) -> None:
    """Writes the project's files.

    Args:
        project: Its folder.
        component: Configuration of the emotion component.
        domain: Sections of the domain that take the place of the default ones.
        nlu: The entries of the NLU data.
        rules: The rules.
    """
    component = {"name": "emoplugin.EmotionClassifier", **(component or {})}
    entities = {**EmotionClassifier.get_default_config(), **component}["entities"]
    others = ["WhitespaceTokenizer", "CountVectorsFeaturizer", "KeywordIntentClassifier"]
    config = {
        "recipe": "default.v1",
        "assistant_id": "tiny",
        "language": "en",
        "pipeline": [component, *({"name": name} for name in others)],
        "policies": [{"name": "RulePolicy"}],
    }
    content = {
        "intents": ["greet", "bye"],
        "entities": [{name: {"influence_conversation": False}} for name in entities],
        "responses": {"utter_greet": [{"text": "Hi"}], "utter_bye": [{"text": "Bye"}]},
        **(domain or {}),
    }
    (project / "data").mkdir(parents=True)
    (project / "config.yml").write_text(yaml.safe_dump(config))
    (project / "domain.yml").write_text(yaml.safe_dump(content))
    (project / "data" / "nlu.yml").write_text(f"nlu:{nlu}")
    (project / "data" / "rules.yml").write_text(f"rules:{rules}")


def train(project: Path) -> str:
    """Trains in this process, which spares a start of Rasa, and returns the model's path."""
    data, models = [str(project / "data")], str(project / "models")
    model = train_project(str(project / "domain.yml"), str(project / "config.yml"), data, models).model
    assert model is not None
    return model
