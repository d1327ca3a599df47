"""The Rasa component that decides each user message's emotion."""

from __future__ import annotations

import copy
import dataclasses
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional  # noqa: UP035  # Rasa's graph validation compares against these

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import ENTITY_ATTRIBUTE_CONFIDENCE_TYPE
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_ROLE,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.emotion import Emotion
from emoplugin.errors import EmopluginError, InputError
from emoplugin.labels import LabelSet
from emoplugin.models.adapter import AdaptedModel, Adapter, fit
from emoplugin.models.base import EmotionModel
from emoplugin.models.bundle import find, load, open_bundle
from emoplugin.models.runtime import DEVICE, DEVICES
from emoplugin.rasa.context import EMOTION, dialogue_of, earlier_emotions, is_payload
from emoplugin.rasa.evaluation import take_part
from emoplugin.rasa.examples import labelled
from emoplugin.rasa.metrics import PREDICTIONS, SECONDS
from emoplugin.rasa.trajectory import Alert, Trajectory, is_share, negative_labels

if TYPE_CHECKING:
    from rasa.core.processor import MessageProcessor

logger = logging.getLogger(__name__)

BUNDLE = "bundle"

REPLAY = "emoturns"
REPLAYED = 1000
"""How many dialogues keep the model where it is while it learns the assistant's own examples."""

VALUES: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    # The most probable label stands last, because a slot that holds one value takes the last.
    EMOTION: lambda found: found["labels"][::-1],
    "emotion_confidence": lambda found: [round(found["confidence"], 2)],
    "emotion_trend": lambda found: [found["trend"]],
    "emotion_streak": lambda found: [found["streak"]],
    "emotion_mood": lambda found: [max(found["mood"], key=found["mood"].__getitem__)],
    # Only an alert is attached, not its absence: a boolean slot that is set to false no longer looks unset to policies.
    "emotion_alert": lambda found: [True] if found["alert"] else [],
}
"""The entities the component can attach, and their values by what ``message["emotion"]`` holds."""


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    # A model that runs on the CPU whatever it says would never look at it.
    "device": (lambda value: isinstance(value, str) and DEVICE.fullmatch(value) is not None, DEVICES),
    "min_confidence": (is_share, "a number from 0 to 1"),
    "target_prior": (
        lambda value: value is None or isinstance(value, Mapping),
        "a mapping such as the one in its description, or null",
    ),
    "labels": (lambda value: value is None or _is_names(value), "a list of names, or null"),
    "negative": (lambda value: value is None or _is_names(value), "a list of labels, or null"),
    "alert": (
        lambda value: value is None or isinstance(value, Mapping),
        "a mapping such as the one in its description, or null",
    ),
    "entities": (
        lambda value: _is_names(value) and set(value) <= set(VALUES) and len(set(value)) == len(value),
        f"a list of any of {', '.join(VALUES)}, each once",
    ),
    "roles": (lambda value: isinstance(value, bool), "true or false"),
}
"""What each key may hold, and how to say so. What a value has to do with the model is checked when that is there."""

PRIOR_SLACK = 0.01
"""How far the shares of a target prior may be from a sum of 1, because people round them."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class EmotionClassifier(GraphComponent, EntityExtractorMixin):
    """Attaches the emotion of the user's last turn, read with the two turns before it.

    Stands first in the pipeline, so that the components after it see a message without the context that an ``<eos>``
    text carries. Each message gets ``message["emotion"]`` and entities over its whole text.

    Attributes:
        model: The model that decides, with what NLU examples taught it.
        roles: Whether the entity ``emotion`` has its label as role.
    """

    @staticmethod
    def get_default_config() -> Dict[str, Any]:  # noqa: UP006
        """The component's configuration and its defaults."""
        return {
            # A shipped bundle's name, or a bundle's folder. It is copied into the Rasa model when that is trained.
            "model": "nelec-en",
            # Where a BERT model runs: auto, cpu, cuda or cuda:N. NELEC models run on the CPU whatever this says.
            "device": "auto",
            # Below this probability a message counts as neutral, and `abstained` is true.
            "min_confidence": 0.0,
            # Share of each label that your users' messages have, such as {others: 0.8, happy: 0.1, sad: 0.05,
            # angry: 0.05}, to correct the bundle's probabilities by; null leaves them. It names the bundle's labels,
            # with shares that sum to 1, give or take 0.01; what NLU examples teach comes on top of it.
            "target_prior": None,
            # What NLU examples may name as `emotion` in their metadata; null takes the bundle's labels. A list such as
            # [others, angry, homesick] takes their place; the bundle's neutral label has to be in it.
            "labels": None,
            # Labels that count as negative for the trend, such as [sad, angry, homesick]; null takes the names known
            # as such, among them sad, angry, fear and negative. The probability of the most probable one is compared
            # with that in the mood before: 0.2 or more above it the trend is escalating, as much below it recovering,
            # else steady.
            "negative": None,
            # When the conversation calls for a person: {labels: [angry], confidence: 0.7, times: 2, of: 3} is two of
            # the user's last three messages angry with at least that confidence; null is never.
            "alert": None,
            # Which entities a message gets: any of emotion, emotion_confidence, emotion_trend, emotion_streak,
            # emotion_mood and emotion_alert. Each has to stand in the domain.
            "entities": ["emotion", "emotion_confidence", "emotion_trend"],
            # Whether the entity emotion has its label as role too, for slot mappings, rules and stories by role. A
            # slot mapping of it then has to name a role.
            "roles": False,
        }

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,  # noqa: ARG003
    ) -> EmotionClassifier:
        """Makes the component for training, from the bundle that the configuration names."""
        return cls(config, model_storage, resource, _find(config["model"]))

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,  # noqa: ARG003
        **kwargs: Any,  # noqa: ARG003
    ) -> EmotionClassifier:
        """Makes the component from the bundle inside a trained Rasa model."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, Path(folder) / BUNDLE, learned=Path(folder))

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:  # noqa: UP006, UP045
        """The bundle's content, so that Rasa trains anew where a bundle changed behind an unchanged name."""
        folder = _find({**cls.get_default_config(), **config}["model"])
        try:
            return open_bundle(folder).digest
        except EmopluginError as error:
            raise InvalidConfigException(f"EmotionClassifier: {error}") from None

    def __init__(
        self,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        bundle: Path,
        learned: Path | None = None,
    ) -> None:
        """Checks the configuration and loads the model.

        Args:
            config: The component's configuration.
            model_storage: Where Rasa keeps the trained model.
            resource: The component's place in it.
            bundle: The bundle's folder.
            learned: The folder with what a training on NLU examples left, if it left anything.

        Raises:
            InvalidConfigException: An unknown key, a bad value or a bundle that cannot be loaded, in one sentence.
        """
        self._model_storage = model_storage
        self._resource = resource
        self._bundle = bundle
        _check(config, self.get_default_config())
        self._entities: list[str] = list(config["entities"])
        self.roles: bool = config["roles"]
        self._min_confidence = float(config["min_confidence"])
        try:
            model = _with_prior(load(bundle, device=config["device"]), config["target_prior"])
            labels = _label_set(config["labels"], model)
            adapter = Adapter.read(learned) if learned is not None else None
            self._untaught = [] if adapter else [name for name in labels.names if name not in model.labels.names]
            if adapter is None and labels != model.labels:
                adapter = Adapter.blank(labels, model)
            self.model = AdaptedModel(model, adapter) if adapter is not None else model
            self._negative = negative_labels(config["negative"], self.model.labels)
            self._alert = Alert.read(config["alert"], self.model.labels) if config["alert"] is not None else None
        except EmopluginError as error:
            raise InvalidConfigException(f"EmotionClassifier: {error}") from None

    @classmethod
    def loaded_in(cls, processor: MessageProcessor) -> EmotionClassifier | None:
        """The component that a loaded assistant has, if it has one."""
        for node in processor.graph_runner._instantiated_nodes.values():
            if isinstance(node._component, cls):
                return node._component
        return None

    def train(self, training_data: TrainingData) -> Resource:
        """Puts the bundle into the Rasa model, with what the examples whose metadata name an emotion teach.

        Raises:
            InvalidConfigException: Wrong metadata, or a new label without examples, in one sentence.
        """
        examples = self.labelled(training_data.training_examples)
        missing = [name for name in self._untaught if not any(name in names for _, names in examples)]
        if missing:
            raise InvalidConfigException(
                f"EmotionClassifier: labels has {', '.join(missing)}, which {self.model.name} does not know and no NLU "
                "example teaches; name it as emotion in the metadata of some examples, or take it out of labels."
            )
        if examples:
            self._learn(examples)
        with self._model_storage.write_to(self._resource) as folder:
            target = Path(folder) / BUNDLE
            if target != self._bundle:  # It is where it was loaded from when a trained model is trained on.
                shutil.copytree(self._bundle, target)
            if isinstance(self.model, AdaptedModel):
                self.model.adapter.write(Path(folder))
        return self._resource

    def labelled(self, messages: Iterable[Message]) -> list[tuple[Dialogue, tuple[str, ...]]]:
        """The dialogues and labels of the NLU examples whose metadata name an emotion.

        Raises:
            InvalidConfigException: Wrong metadata, in one sentence that names the example.
        """
        try:
            return labelled(messages, self.model.labels)
        except EmopluginError as error:
            raise InvalidConfigException(f"EmotionClassifier: {error}") from None

    def _learn(self, examples: list[tuple[Dialogue, tuple[str, ...]]]) -> None:
        from emoplugin.datasets import load_dataset

        current = self.model
        if not isinstance(current, AdaptedModel):
            current = AdaptedModel(current, Adapter.blank(current.labels, current))
        replay = load_dataset(REPLAY)
        adapter = fit(current, examples, [example.dialogue for example in replay[:: max(1, len(replay) // REPLAYED)]])
        self.model = AdaptedModel(current.model, adapter)
        logger.info("EmotionClassifier learned from %d labelled examples.", len(examples))

    def process(self, messages: List[Message], tracker: Optional[DialogueStateTracker] = None) -> List[Message]:  # noqa: UP006, UP045
        """Attaches the emotion to each message and takes the context off an ``<eos>`` text.

        Args:
            messages: What the user said, in one conversation. A button's payload such as ``/affirm`` gets nothing.
            tracker: That conversation before the messages. Without one nobody pressed a button, so every text counts.
        """
        spoken = []
        for message in messages:
            if isinstance(message.get(TEXT), str):
                dialogue = dialogue_of(message.get(TEXT), tracker)
                message.set(TEXT, dialogue.last, add_to_output=True)
                if tracker is None or not is_payload(dialogue.last):
                    spoken.append((message, dialogue))
        if spoken:
            with SECONDS.time():
                self._decide(spoken, tracker)
        return messages

    def _decide(self, spoken: list[tuple[Message, Dialogue]], tracker: DialogueStateTracker | None) -> None:
        emotions = self.model.predict_batch([dialogue for _, dialogue in spoken], min_confidence=self._min_confidence)
        earlier = list(islice(earlier_emotions(tracker), self._alert.of if self._alert is not None else 1))
        for (message, dialogue), emotion in zip(spoken, emotions, strict=True):
            self._attach(message, dialogue, self._describe(dialogue, emotion, earlier))
            PREDICTIONS.labels(emotion.label).inc()
        logger.debug("Emotion of %d message(s): %s", len(spoken), [emotion.label for emotion in emotions])

    def _describe(self, dialogue: Dialogue, emotion: Emotion, earlier: list[Mapping[str, Any]]) -> dict[str, Any]:
        trajectory = Trajectory.after(emotion, earlier[0] if earlier else None, self._negative)
        found = {
            **emotion.to_json(),
            "confidence": round(emotion.confidence, 4),
            "probabilities": _rounded(emotion.probabilities),
            "turns": list(dialogue.turns[-WINDOW:]),
            "streak": trajectory.streak,
            "trend": trajectory.trend,
            "mood": _rounded(trajectory.mood),
            "model": {"name": self.model.name, "version": self.model.version},
        }
        return {**found, "alert": self._alert is not None and self._alert.holds([found, *earlier])}

    def _attach(self, message: Message, dialogue: Dialogue, found: dict[str, Any]) -> None:
        message.set(EMOTION, found, add_to_output=True)
        entities = [
            {
                ENTITY_ATTRIBUTE_TYPE: name,
                ENTITY_ATTRIBUTE_VALUE: value,
                ENTITY_ATTRIBUTE_START: 0,
                ENTITY_ATTRIBUTE_END: len(dialogue.last),
                ENTITY_ATTRIBUTE_CONFIDENCE_TYPE: (
                    found["probabilities"][value] if name == EMOTION else found["confidence"]
                ),
                **({ENTITY_ATTRIBUTE_ROLE: value} if name == EMOTION and self.roles else {}),
            }
            for name in self._entities
            for value in VALUES[name](found)
        ]
        message.set(ENTITIES, message.get(ENTITIES, []) + self.add_extractor_name(entities), add_to_output=True)


def _check(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    def fail(sentence: str) -> None:
        raise InvalidConfigException(f"EmotionClassifier: {sentence}")

    unknown = [str(key) for key in config if key not in defaults]
    if unknown:
        fail(f"unknown key {', '.join(unknown)}; the keys are {', '.join(defaults)}.")
    for key, (fits, wanted) in CHECKS.items():
        if not fits(config[key]):
            fail(f"{key} is {config[key]!r}; give {wanted}.")


def _find(model: Any) -> Path:
    if not isinstance(model, str):
        raise InvalidConfigException(f"EmotionClassifier: model is {model!r}; give a bundle's name or folder.")
    try:
        return find(model)
    except EmopluginError as error:
        raise InvalidConfigException(f"EmotionClassifier: {error}") from None


def _label_set(names: list[str] | None, model: EmotionModel) -> LabelSet:
    neutral = model.labels.neutral
    if names is None:
        return model.labels
    if neutral is not None and neutral not in names:
        raise InputError(f"labels lacks {neutral}, the neutral label of {model.name}; add it.")
    return LabelSet(tuple(names), neutral, model.labels.multi_label)


def _with_prior(model: EmotionModel, prior: Mapping[str, float] | None) -> EmotionModel:
    """The model with its probabilities corrected to a prior. Others may share the one given, so it stays as it is."""
    if prior is None:
        return model
    names = model.labels.names
    if set(prior) != set(names):
        raise InputError(f"target_prior names {', '.join(map(str, prior))}; {model.name} has {', '.join(names)}.")
    # Rounded, because 0.99 is a little more than 0.01 away from 1 in binary.
    if not all(map(is_share, prior.values())) or round(abs(sum(prior.values()) - 1), 6) > PRIOR_SLACK:
        raise InputError(f"target_prior is {dict(prior)}; give shares from 0 to 1 that sum to 1.")
    if model.calibration.train_prior is None:
        raise InputError(f"target_prior cannot correct {model.name}, whose training prior is unknown; leave it out.")
    shares = tuple(float(prior[name]) for name in names)
    corrected = copy.copy(model)
    corrected.calibration = dataclasses.replace(model.calibration, target_prior=shares)
    corrected.calibration.check(model.labels)
    return corrected


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


take_part(EmotionClassifier)
