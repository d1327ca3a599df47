"""Keeps ``rasa test`` reporting on the assistant's own entities.

Emotion entities cover whole messages and nobody annotates them, so Rasa would count every one as a false positive, and
every test story as failed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import rasa.core.test
import rasa.nlu.test
from rasa.shared.core.events import UserUttered
from rasa.shared.nlu.constants import ENTITIES, ENTITY_ATTRIBUTE_TYPE, EXTRACTOR


def leave_out(extractor: str) -> None:
    """Leaves an extractor's entities out of Rasa's reports, save where a test story annotates them."""
    # `rasa test nlu` drops what these extractors find; like Duckling, the component is not trained on annotations.
    rasa.nlu.test.PRETRAINED_EXTRACTORS.add(extractor)
    # `rasa test core` has no such list and no hook.
    rasa.core.test._collect_user_uttered_predictions = _without(
        extractor, rasa.core.test._collect_user_uttered_predictions
    )


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
