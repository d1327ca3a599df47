from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import wordmodel
from emoplugin import EmotionClassifier
from emoplugin.models.calibration import Calibration
from emoplugin.rasa.metrics import REGISTRY
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

CONTEXT = ExecutionContext(GraphSchema({}))
RESOURCE = Resource("emotion")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return wordmodel.write(tmp_path / "words")


def create(bundle: Path | str, storage: Path, **config: Any) -> EmotionClassifier:
    config = {**EmotionClassifier.get_default_config(), "model": str(bundle), **config}
    storage.mkdir(exist_ok=True)
    return EmotionClassifier.create(config, LocalModelStorage(storage), RESOURCE, CONTEXT)


@pytest.fixture
def classifier(bundle: Path, tmp_path: Path) -> EmotionClassifier:
    return create(bundle, tmp_path / "storage")


def said(text: str | None) -> Message:
    return Message({"text": text})


def parse(classifier: EmotionClassifier, text: str | None, *events: Any) -> Message:
    tracker = DialogueStateTracker.from_events("sender", list(events))
    (message,) = classifier.process([said(text)], tracker)
    return message


def test_messages_of_conversations_are_counted(classifier: EmotionClassifier) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("emoplugin_predictions_total", {"label": "angry"}) or 0.0

    before = counted()
    parse(classifier, "i am mad")
    assert counted() == before + 1


def test_what_a_message_gets(classifier: EmotionClassifier) -> None:
    message = parse(classifier, "i am mad", UserUttered("a"), BotUttered("b"))
    emotion = message.get("emotion")
    assert emotion["label"] == "angry"
    assert emotion["confidence"] == pytest.approx(emotion["probabilities"]["angry"])
    assert sum(emotion["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert emotion["turns"] == ["a", "b", "i am mad"]
    assert (emotion["streak"], emotion["trend"]) == (1, "steady")
    assert set(emotion["mood"]) == set(emotion["probabilities"])
    assert emotion["model"] == {"name": "words", "version": "1"}
    assert emotion["abstained"] is False
    assert message.as_dict(only_output_properties=True)["emotion"] == emotion


def test_entities_cover_the_message(classifier: EmotionClassifier) -> None:
    entities = parse(classifier, "i am mad").get("entities")
    assert [entity["entity"] for entity in entities] == ["emotion", "emotion_confidence", "emotion_trend"]
    confidence = entities[0]["confidence_entity"]
    assert [entity["value"] for entity in entities] == ["angry", round(confidence, 2), "steady"]
    for entity in entities:
        assert (entity["start"], entity["end"], entity["extractor"]) == (0, 8, "EmotionClassifier")


def test_which_entities_is_a_choice(bundle: Path, tmp_path: Path) -> None:
    chosen = create(bundle, tmp_path / "storage", entities=["emotion_streak", "emotion_mood"])
    assert [entity["value"] for entity in parse(chosen, "so blue").get("entities")] == [1, "sad"]
    assert parse(create(bundle, tmp_path / "storage", entities=[]), "so blue").get("entities") == []


def test_other_entities_stay(classifier: EmotionClassifier) -> None:
    message = Message({"text": "mad", "entities": [{"entity": "city"}]})
    classifier.process([message])
    assert message.get("entities")[0] == {"entity": "city"}


def test_eos_text_leaves_the_bare_last_turn(classifier: EmotionClassifier) -> None:
    message = parse(classifier, "Did you break my phone? <eos> Yes, it was me <eos> Are you mad")
    assert message.get("text") == "Are you mad"
    assert message.get("emotion")["turns"] == ["Did you break my phone?", "Yes, it was me", "Are you mad"]
    assert {entity["end"] for entity in message.get("entities")} == {len("Are you mad")}


def test_the_trajectory_continues_from_the_tracker(classifier: EmotionClassifier) -> None:
    events: list[Any] = []
    for text in ("hello", "mad", "mad"):
        message = parse(classifier, text, *events)
        events.append(UserUttered(text, parse_data=message.as_dict(only_output_properties=True)))
        events.append(BotUttered("ok"))
    assert message.get("emotion")["streak"] == 2
    assert message.get("emotion")["trend"] == "escalating"


@pytest.mark.parametrize(
    ("negative", "text", "trend"),
    [
        (None, "blue", "escalating"),
        (["angry"], "blue", "steady"),
        (["happy"], "glad", "escalating"),
        ([], "blue", "steady"),
    ],
)
def test_what_counts_as_negative_is_a_choice(
    bundle: Path, tmp_path: Path, negative: list[str] | None, text: str, trend: str
) -> None:
    chosen = create(bundle, tmp_path / "storage", negative=negative)
    first = parse(chosen, "hello").as_dict(only_output_properties=True)
    assert parse(chosen, text, UserUttered("hello", parse_data=first)).get("emotion")["trend"] == trend


PAYLOADS = ["/affirm", ' /inform{"mood": "mad"}', "/mad"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_gets_nothing(classifier: EmotionClassifier, payload: str) -> None:
    def counted() -> list[tuple[str, dict[str, str], float]]:
        samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
        return [(sample.name, sample.labels, sample.value) for sample in samples]

    before = counted()
    message = parse(classifier, payload, UserUttered("mad"), BotUttered("ok"))
    assert message.as_dict() == said(payload).as_dict()
    assert counted() == before


def test_a_payload_after_a_context_loses_the_context_alone(classifier: EmotionClassifier) -> None:
    message = parse(classifier, "mad <eos> sure? <eos> /affirm")
    assert (message.get("text"), message.get("emotion")) == ("/affirm", None)
    assert parse(classifier, "/deny <eos> sure? <eos> mad").get("emotion")["label"] == "angry"


def test_payloads_leave_the_trajectory_as_it_is(classifier: EmotionClassifier) -> None:
    events: list[Any] = []
    for text in ("hello", "mad", *PAYLOADS, "mad"):
        message = parse(classifier, text, *events)
        events.append(UserUttered(text, parse_data=message.as_dict(only_output_properties=True)))
    assert (message.get("emotion")["streak"], message.get("emotion")["trend"]) == (2, "escalating")


def test_an_alert_comes_with_enough_of_the_last_messages(bundle: Path, tmp_path: Path) -> None:
    alert = {"labels": ["angry"], "confidence": 0.7, "times": 2, "of": 3}
    alarmed = create(bundle, tmp_path / "storage", alert=alert, entities=["emotion_alert"])
    events: list[Any] = []
    alerts = []
    for text in ("mad", "hello", "mad", "mad", "hello", "hello"):
        message = parse(alarmed, text, *events)
        events.append(UserUttered(text, parse_data=message.as_dict(only_output_properties=True)))
        alerts.append(message.get("emotion")["alert"])
        assert [entity["value"] for entity in message.get("entities")] == [True] * alerts[-1]
    assert alerts == [False, False, True, True, True, False]


def test_a_batch_is_decided_in_order(classifier: EmotionClassifier) -> None:
    texts = ["mad", None, "glad", "", "blue"] * 100
    messages = classifier.process([said(text) for text in texts])
    labels = [message.get("emotion") and message.get("emotion")["label"] for message in messages]
    assert labels == ["angry", None, "happy", "others", "sad"] * 100


@pytest.mark.parametrize(
    "text",
    ["", "   ", "\x00\x01", "\ud800", "😀" * 10_000, "a" * 1_000_000, "<eos>", "a <eos>", "<eos><eos><eos>"],
    ids=["empty", "spaces", "control", "surrogate", "emoji", "1 MB", "only eos", "no last turn", "no turns"],
)
def test_no_text_raises(classifier: EmotionClassifier, text: str) -> None:
    began = time.perf_counter()
    message = parse(classifier, text, UserUttered(text), BotUttered(text))
    assert message.get("emotion")["label"] in {"others", "happy", "sad", "angry"}
    assert time.perf_counter() - began < 1


def test_no_text_at_all_is_left_alone(classifier: EmotionClassifier) -> None:
    assert parse(classifier, None).get("emotion") is None


def test_below_min_confidence_it_abstains(bundle: Path, tmp_path: Path) -> None:
    emotion = parse(create(bundle, tmp_path / "storage", min_confidence=0.99), "mad").get("emotion")
    assert (emotion["label"], emotion["abstained"]) == ("others", True)


def test_a_target_prior_moves_the_probabilities_of_this_component_alone(bundle: Path, tmp_path: Path) -> None:
    prior = {"others": 0.97, "happy": 0.01, "sad": 0.01, "angry": 0.01}
    plain = create(bundle, tmp_path / "storage")
    moved = create(bundle, tmp_path / "storage", target_prior=prior)
    assert parse(moved, "mad").get("emotion")["label"] == "others"
    assert parse(plain, "mad").get("emotion")["label"] == "angry"


def test_the_trained_component_needs_no_bundle_folder(bundle: Path, tmp_path: Path) -> None:
    trained = create(bundle, tmp_path / "storage")
    assert trained.train(TrainingData()) == RESOURCE
    shutil.rmtree(bundle)
    config = {**EmotionClassifier.get_default_config(), "model": str(bundle)}
    loaded = EmotionClassifier.load(config, LocalModelStorage(tmp_path / "storage"), RESOURCE, CONTEXT)
    assert parse(loaded, "glad").get("emotion")["label"] == "happy"


def test_the_fingerprint_follows_the_bundle(bundle: Path) -> None:
    before = EmotionClassifier.fingerprint_addon({"model": str(bundle)})
    wordmodel.write(bundle, version="2")
    assert EmotionClassifier.fingerprint_addon({"model": str(bundle)}) != before


def test_a_damaged_bundle_fails_the_training_in_a_sentence(bundle: Path) -> None:
    (bundle / "config.json").write_text("{}")
    with pytest.raises(InvalidConfigException, match=r"EmotionClassifier: .*config\.json is damaged"):
        EmotionClassifier.fingerprint_addon({"model": str(bundle)})


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"modle": "nelec-en"}, "unknown key modle"),
        ({"model": "no-such-model"}, "no-such-model"),
        ({"model": None}, "model"),
        ({"device": "gpu"}, "device is 'gpu'; give auto, cpu, cuda or cuda:N"),
        ({"device": 3}, "device is 3"),
        ({"device": None}, "device is None"),
        ({"min_confidence": 1.5}, "min_confidence is 1.5"),
        ({"min_confidence": "high"}, "min_confidence is 'high'"),
        ({"min_confidence": True}, "min_confidence is True"),
        ({"entities": "emotion"}, "entities"),
        ({"entities": ["emotion", "feeling"]}, "entities"),
        ({"entities": ["emotion", "emotion"]}, "each once"),
        ({"entities": [{"emotion": {"influence_conversation": False}}]}, "entities is [{'emotion'"),
        ({"entities": [["emotion"]]}, "entities is [['emotion']]"),
        ({"labels": [["angry"]]}, "labels is [['angry']]"),
        ({"negative": "sad"}, "negative is 'sad'; give a list"),
        ({"negative": [["sad"]]}, "negative is [['sad']]"),
        ({"negative": ["sad", "homesick"]}, "negative names homesick; the labels are others, happy, sad, angry"),
        ({"roles": "yes"}, "roles is 'yes'"),
        ({"target_prior": 0.5}, "target_prior"),
        ({"alert": True}, "alert is True"),
        ({"alert": {"times": 2}}, "labels has to be there"),
        ({"alert": {"labels": []}}, "labels are empty"),
        ({"alert": {"labels": ["cross"]}}, "Unknown label 'cross'"),
        ({"alert": {"labels": ["angry"], "confidence": 70}}, "confidence is 70"),
        ({"alert": {"labels": ["angry"], "confidence": True}}, "confidence is True"),
        ({"alert": {"labels": ["angry"], "times": 3, "of": 2}}, "3 of 2"),
        ({"alert": {"labels": ["angry"], "times": True}}, "True of 1"),
        ({"alert": {"labels": ["angry"], "of": True}}, "1 of True"),
        ({"alert": {1: 2, "x": 3, "labels": ["angry"]}}, "found {1: 2, 'x': 3, 'labels': ['angry']}"),
        ({"alert": {"labels": ["angry"], "minutes": 2}}, "minutes"),
        ({"target_prior": {"others": 0.5, "joy": 0.5}}, "joy"),
        ({"target_prior": {"others": 1, "happy": 0, "sad": 0, "angry": "x"}}, "target_prior"),
        ({"target_prior": {"others": 1, "happy": 0, "sad": 0, "angry": 0}}, "target_prior"),
        ({"target_prior": {"others": 0.8, "happy": 0.1, "sad": 0.1, "angry": 0.1}}, "sum to 1"),
        ({"target_prior": {"others": True, "happy": 0, "sad": 0, "angry": 0}}, "target_prior is {'others': True"),
    ],
)
def test_a_bad_configuration_is_told_in_one_sentence(
    bundle: Path, tmp_path: Path, config: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidConfigException) as error:
        create(bundle, tmp_path / "storage", **config)
    assert says in str(error.value)
    assert str(error.value).startswith("EmotionClassifier: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1"])
def test_devices(bundle: Path, tmp_path: Path, device: str) -> None:
    create(bundle, tmp_path / "storage", device=device)


@pytest.mark.parametrize("others", [0.69, 0.7, 0.71])
def test_the_shares_of_a_target_prior_may_be_rounded(bundle: Path, tmp_path: Path, others: float) -> None:
    create(bundle, tmp_path / "storage", target_prior={"others": others, "happy": 0.1, "sad": 0.1, "angry": 0.1})


def test_unknown_keys_need_not_be_text(bundle: Path, tmp_path: Path) -> None:
    config: dict[Any, Any] = {**EmotionClassifier.get_default_config(), "model": str(bundle), 1: 2, "modle": 3}
    with pytest.raises(InvalidConfigException, match="EmotionClassifier: unknown key 1, modle; the keys are"):
        EmotionClassifier.create(config, LocalModelStorage(tmp_path), RESOURCE, CONTEXT)


def test_a_prior_needs_the_training_prior(tmp_path: Path) -> None:
    bundle = wordmodel.write(tmp_path / "words", calibration=Calibration())
    even = {"others": 0.25, "happy": 0.25, "sad": 0.25, "angry": 0.25}
    with pytest.raises(InvalidConfigException, match="training prior is unknown"):
        create(bundle, tmp_path / "storage", target_prior=even)


def test_users_words_stay_out_of_the_log(classifier: EmotionClassifier, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        parse(classifier, "mad about my secret", UserUttered("secret"), BotUttered("secret"))
    assert "secret" not in caplog.text


def test_a_comment_stands_above_every_key() -> None:
    import inspect

    lines = inspect.getsource(EmotionClassifier.get_default_config).splitlines()
    for key in EmotionClassifier.get_default_config():
        (number,) = (number for number, line in enumerate(lines) if line.strip().startswith(f'"{key}":'))
        assert lines[number - 1].strip().startswith("#")
