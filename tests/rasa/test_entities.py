"""What reaches slots, rules and reports when the emotion has a role, or when a message has several emotions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tinyproject
import wordmodel
from rasa.core.agent import Agent

MAPPED = {"type": "from_entity", "entity": "emotion"}
ANGRY_RULE = """
- rule: an angry greeting
  steps: [{intent: greet, entities: [{emotion: angry, role: angry}]}, {action: utter_sorry}]
"""
SORRY = {"responses": {name: [{"text": name}] for name in ("utter_greet", "utter_bye", "utter_sorry")}}


@pytest.fixture(autouse=True)
def no_cache_of_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def agent(project: Path, *, multi_label: bool = False, rules: str = "", **domain: Any) -> Agent:
    """A trained assistant that decides emotions by words."""
    bundle = wordmodel.write(project / "words", multi_label=multi_label)
    component = {"model": str(bundle), "roles": bool(rules), "entities": ["emotion"]}
    tinyproject.write(project, component, {**SORRY, **domain}, rules=tinyproject.RULES + rules)
    return Agent.load(tinyproject.train(project))


async def say(agent: Agent, text: str) -> tuple[list[str], dict[str, Any]]:
    """What the assistant answers, and its slots after that."""
    answers = await agent.handle_text(text)
    assert answers is not None
    tracker = await agent.tracker_store.retrieve("default")
    assert tracker is not None
    return [answer["text"] for answer in answers], tracker.current_slot_values()


async def test_a_role_reaches_rules_and_slots(tmp_path: Path) -> None:
    slots = {
        "angry": {"type": "emoplugin.EmotionSlot", "values": ["angry"], "mappings": [{**MAPPED, "role": "angry"}]},
        "happy": {"type": "text", "influence_conversation": False, "mappings": [{**MAPPED, "role": "happy"}]},
    }
    entities = [{"emotion": {"roles": ["angry"]}}]
    assistant = agent(tmp_path, rules=ANGRY_RULE, slots=slots, entities=entities)
    answers, found = await say(assistant, "hello")
    assert answers == ["utter_greet"]
    assert (found["angry"], found["happy"]) == (None, None)
    answers, found = await say(assistant, "hello, i am mad")
    assert answers == ["utter_sorry"]
    assert (found["angry"], found["happy"]) == ("angry", None)


async def test_a_message_with_several_emotions(tmp_path: Path) -> None:
    slots = {
        "emotion": {"type": "emoplugin.EmotionSlot", "mappings": [MAPPED]},
        "emotions": {"type": "list", "mappings": [MAPPED]},
    }
    assistant = agent(tmp_path, multi_label=True, slots=slots)
    found = await assistant.parse_message("hello, glad to be mad")
    assert found["emotion"]["labels"] == ["happy", "angry"]
    assert found["emotion"]["label"] == "happy"
    values = [(entity["value"], entity["confidence_entity"]) for entity in found["entities"]]
    probabilities = found["emotion"]["probabilities"]
    assert values == [("angry", probabilities["angry"]), ("happy", probabilities["happy"])]
    assert {(entity["start"], entity["end"]) for entity in found["entities"]} == {(0, len("hello, glad to be mad"))}
    _, filled = await say(assistant, "hello, glad to be mad")
    assert (filled["emotion"], filled["emotions"]) == ("happy", ["angry", "happy"])
    _, filled = await say(assistant, "hello")
    assert (filled["emotion"], filled["emotions"]) == ("others", ["others"])
