"""Has ``rasa test`` report on emotions, and on the assistant's own entities as if there were none.

Emotion entities cover whole messages and nobody annotates them, so Rasa would count every one as a false positive, and
every test story as failed. What is annotated is the emotion of NLU examples, in their metadata.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasa.core.test
import rasa.nlu.test
from rasa.shared.core.events import UserUttered
from rasa.shared.nlu.constants import ENTITIES, ENTITY_ATTRIBUTE_TYPE, EXTRACTOR, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.cli import print_info
from rasa.shared.utils.io import dump_obj_as_json_to_file

from emoplugin.rasa.context import EMOTION

if TYPE_CHECKING:
    from rasa.core.processor import MessageProcessor

    from emoplugin.rasa.component import EmotionClassifier

REPORT = "emotion_report.json"


def take_part(component: type[EmotionClassifier]) -> None:
    """Has ``rasa test`` report on a component as it should, from now on."""
    name = component.__name__
    # `rasa test nlu` drops what these extractors find; like Duckling, the component is not trained on annotations.
    rasa.nlu.test.PRETRAINED_EXTRACTORS.add(name)
    # `rasa test core` has no such list and no hook.
    rasa.core.test._collect_user_uttered_predictions = _without(name, rasa.core.test._collect_user_uttered_predictions)
    rasa.nlu.test.get_eval_data = _with_report(component, rasa.nlu.test.get_eval_data)


def emotion_report(component: EmotionClassifier, test_data: TrainingData) -> dict[str, Any] | None:
    """Scores on the examples whose metadata name an emotion, in the form of Rasa's reports; None without any.

    ``accuracy`` is the share of examples with exactly the right labels.

    Raises:
        InvalidConfigException: Wrong metadata, in one sentence that names the example.
    """
    from emoplugin.evaluation.metrics import counts_of_sets

    examples = component.labelled(test_data.nlu_examples)
    if not examples:
        return None
    messages = component.process([Message({TEXT: dialogue.text}) for dialogue, _ in examples])
    names = component.model.labels.names
    truth = np.array([[name in right for name in names] for _, right in examples])
    found = np.array([[name in message.get(EMOTION)["labels"] for name in names] for message in messages])
    counts = counts_of_sets(truth, found)
    scores = {"precision": counts.precision, "recall": counts.recall, "f1-score": counts.f1}
    seen = counts.support + counts.extras > 0

    def averaged(weights: Any) -> dict[str, float]:
        return {key: float(np.average(values, weights=weights)) for key, values in scores.items()}

    return {
        **{
            name: {
                **{key: float(values[index]) for key, values in scores.items()},
                "support": int(counts.support[index]),
            }
            for index, name in enumerate(names)
            if seen[index]
        },
        "accuracy": float((truth == found).all(axis=1).mean()),
        "macro avg": {**averaged(seen), "support": len(examples)},
        "weighted avg": {**averaged(counts.support), "support": len(examples)},
    }


def _with_report(component: type[EmotionClassifier], evaluate: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(evaluate)
    async def evaluate_emotions_too(processor: MessageProcessor, test_data: TrainingData) -> Any:
        # Only Rasa's function that asks for the predictions knows the folder, and it is called before the component is
        # loaded. A cross-validation has no folder here, and no report.
        folder = sys._getframe(1).f_locals.get("output_directory")
        loaded = component.loaded_in(processor)
        report = emotion_report(loaded, test_data) if folder and loaded else None
        results = await evaluate(processor, test_data)
        if folder and report:
            dump_obj_as_json_to_file(Path(folder) / REPORT, report)
            print_info(
                f"Emotion: accuracy {report['accuracy']:.3f}, macro F1 {report['macro avg']['f1-score']:.3f} on "
                f"{report['macro avg']['support']} labelled examples; {Path(folder) / REPORT} has the rest."
            )
        return results

    return evaluate_emotions_too


def _without(extractor: str, collect: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(collect)
    def collect_others(event: UserUttered, predicted: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        annotated = {entity.get(ENTITY_ATTRIBUTE_TYPE) for entity in event.entities}
        entities = [
            entity
            for entity in predicted.get(ENTITIES) or []
            if entity.get(EXTRACTOR) != extractor or entity.get(ENTITY_ATTRIBUTE_TYPE) in annotated
        ]
        return collect(event, {**predicted, ENTITIES: entities}, *args, **kwargs)

    return collect_others
