"""NLU examples that name an emotion in their metadata teach the component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wordmodel
from emoplugin import EmotionClassifier
from emoplugin.datasets import load_dataset
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from safetensors.numpy import load_file

DATA = Path(__file__).parent / "data"
CONTEXT = ExecutionContext(GraphSchema({}))
RESOURCE = Resource("emotion")


def train(storage: Path, data: TrainingData, model: str, *, finetune: bool = False, **config: Any) -> EmotionClassifier:
    """Trains a component and loads what it left."""
    config = {**EmotionClassifier.get_default_config(), "model": model, **config}
    storage.mkdir(exist_ok=True)
    make = EmotionClassifier.load if finetune else EmotionClassifier.create
    make(config, LocalModelStorage(storage), RESOURCE, CONTEXT).train(data)
    return EmotionClassifier.load(config, LocalModelStorage(storage), RESOURCE, CONTEXT)


def guild(part: str) -> TrainingData:
    return RasaYAMLReader().read(DATA / f"guild_{part}.yml")


def example(text: str, **metadata: Any) -> Message:
    return Message.build(text, "chat", example_metadata=metadata)


def labels_of(classifier: EmotionClassifier, texts: list[str]) -> list[str]:
    return [message.get("emotion")["label"] for message in classifier.process([Message({"text": t}) for t in texts])]


def accuracy(classifier: EmotionClassifier, texts: list[str], right: list[str]) -> float:
    return float(np.mean([a == b for a, b in zip(labels_of(classifier, texts), right, strict=True)]))


def test_thirty_examples_teach_a_guilds_jargon_and_cost_little_elsewhere(tmp_path: Path) -> None:
    before = train(tmp_path / "before", TrainingData(), "nelec-en")
    after = train(tmp_path / "after", guild("train"), "nelec-en")
    assert len(guild("train").training_examples) == 30
    test = guild("test").training_examples
    texts = [message.get("text") for message in test]
    right = [message.get("metadata")["example"]["emotion"] for message in test]
    assert len(texts) == 60
    assert accuracy(after, texts, right) >= accuracy(before, texts, right) + 0.10
    dev = load_dataset("emoturns", split="dev")
    texts = [example.dialogue.text for example in dev]
    right = [example.labels[0] for example in dev]
    assert accuracy(after, texts, right) >= accuracy(before, texts, right) - 0.01


@pytest.fixture
def words(tmp_path: Path) -> str:
    return str(wordmodel.write(tmp_path / "words"))


def test_the_same_examples_give_the_same_weights(words: str, tmp_path: Path) -> None:
    data = TrainingData([example("the rogue ninjad it", emotion="angry")])
    weights = []
    for name in ("a", "b"):
        train(tmp_path / name, data, words)
        weights.append(load_file(tmp_path / name / RESOURCE.name / "adapter.safetensors")["weights"])
    assert np.array_equal(*weights)


def test_without_labels_nothing_is_learned(words: str, tmp_path: Path) -> None:
    train(tmp_path / "storage", TrainingData([example("the rogue ninjad it", turns=["a"])]), words)
    assert not list((tmp_path / "storage").rglob("adapter*"))


def test_a_label_that_the_bundle_lacks(words: str, tmp_path: Path) -> None:
    data = TrainingData(
        [example("i miss my town", emotion="homesick"), example("far from my town", emotion="homesick")]
    )
    learned = train(tmp_path / "storage", data, words, labels=["others", "angry", "homesick"])
    assert labels_of(learned, ["i miss my old town", "mad", "what time is it"]) == ["homesick", "angry", "others"]


def test_what_is_taught_comes_on_top_of_the_target_prior(words: str, tmp_path: Path) -> None:
    prior = {"target_prior": {"others": 0.97, "happy": 0.01, "sad": 0.01, "angry": 0.01}}
    data = TrainingData([example("the rogue ninjad it", emotion="angry"), example("ninjad again", emotion="angry")])
    before = train(tmp_path / "before", TrainingData(), words, **prior)
    after = train(tmp_path / "after", data, words, **prior)
    said = ["the rogue ninjad it", "glad"]
    assert labels_of(before, said) == ["others", "others"]
    assert labels_of(after, said) == ["angry", "others"]


def test_the_turns_before_an_example_are_read(words: str, tmp_path: Path) -> None:
    data = TrainingData(
        [
            example("today", emotion="happy", turns=["when do we raid", "tonight at eight"]),
            example("today", emotion="sad", turns=["the realm closes", "when is that"]),
        ]
    )
    learned = train(tmp_path / "storage", data, words)
    asked = ["when do we raid <eos> tonight at eight <eos> today", "the realm closes <eos> when is that <eos> today"]
    assert labels_of(learned, asked) == ["happy", "sad"]


def test_finetuning_keeps_what_was_learned(words: str, tmp_path: Path) -> None:
    train(tmp_path / "storage", TrainingData([example("the rogue ninjad it", emotion="angry")]), words)
    second = TrainingData([example("we downed the lich", emotion="happy")])
    learned = train(tmp_path / "storage", second, words, finetune=True)
    assert labels_of(learned, ["the rogue ninjad it", "we downed the lich"]) == ["angry", "happy"]


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"emotion": "furious"}, "Unknown label 'furious'"),
        ({"emotion": ["angry"]}, "Unknown label"),
        ({"emotion": "angry", "turns": "hello"}, "turns is 'hello'"),
        ({"emotion": "angry", "turns": ["hello", 3]}, "turns is"),
        ({"emotion": "angry", "turns": ["a", "b", "c"]}, "turns has 3 texts"),
    ],
)
def test_wrong_metadata_names_the_example(words: str, tmp_path: Path, metadata: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfigException) as error:
        train(tmp_path / "storage", TrainingData([example("the rogue ninjad it", **metadata)]), words)
    assert str(error.value).startswith("EmotionClassifier: the example 'the rogue ninjad it'")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_new_label_needs_an_example(words: str, tmp_path: Path) -> None:
    data = TrainingData([example("the rogue ninjad it", emotion="angry")])
    with pytest.raises(InvalidConfigException, match="labels has homesick, which words does not know") as error:
        train(tmp_path / "storage", data, words, labels=["others", "angry", "homesick"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("labels", "says"), [("angry", "labels is 'angry'"), (["angry", "calm"], "labels lacks others")]
)
def test_wrong_labels(words: str, tmp_path: Path, labels: Any, says: str) -> None:
    with pytest.raises(InvalidConfigException, match=says):
        train(tmp_path / "storage", TrainingData(), words, labels=labels)
