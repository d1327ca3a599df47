"""Fails ``rasa train`` where the domain's emotion slots do not fit the component's labels.

The component sees no domain while it is trained, so the training graph gets a node that sees both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Dict  # noqa: UP035  # Rasa's graph validation compares against these

from pluggy import HookimplMarker
from rasa.engine.graph import ExecutionContext, GraphComponent, SchemaNode
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.importers.importer import TrainingDataImporter

from emoplugin.rasa.context import EMOTION

if TYPE_CHECKING:
    from emoplugin.rasa.component import EmotionClassifier
    from emoplugin.rasa.slots import EmotionSlot

NODE = "emotion_slot_validator"


class EmotionSlotValidator(GraphComponent):
    """Checks the configuration of each emotion component, and the emotion slots against its labels."""

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],  # noqa: ARG003, UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EmotionSlotValidator:
        return cls(model_storage, resource, execution_context)

    def __init__(self, *place: Any) -> None:
        self._place = place

    def validate(self, importer: TrainingDataImporter) -> TrainingDataImporter:
        """Hands the training data on.

        Raises:
            InvalidConfigException: One sentence that says what to change.
        """
        from emoplugin.rasa.component import EmotionClassifier
        from emoplugin.rasa.slots import EmotionSlot

        slots = [slot for slot in importer.get_domain().slots if isinstance(slot, EmotionSlot)]
        for config in _configurations(importer.get_config(), EmotionClassifier):
            component = EmotionClassifier.create({**EmotionClassifier.get_default_config(), **config}, *self._place)
            for slot in slots:
                _check(slot, component)
        return importer


def _configurations(config: Mapping[str, Any], component: type[EmotionClassifier]) -> Iterator[dict[str, Any]]:
    # The names under which Rasa finds it; a class of that name elsewhere is somebody else's.
    modules = ("", "emoplugin.", f"{component.__module__}.")
    names = [module + component.__name__ for module in modules]
    for entry in config.get("pipeline") or []:
        if entry["name"] in names:
            yield {key: value for key, value in entry.items() if key != "name"}


def _check(slot: EmotionSlot, component: EmotionClassifier) -> None:
    def fail(sentence: str) -> None:
        raise InvalidConfigException(f"EmotionSlot: the slot {slot.name} {sentence}")

    labels = component.model.labels
    roles = [mapping.get("role") for mapping in slot.mappings if mapping.get("entity") == EMOTION]
    for role in roles:
        if component.roles and role not in labels.names:
            fail(
                f"maps the entity {EMOTION} with {f'the role {role}' if role else 'no role'}, so that it is never "
                f"filled; with roles: true give its mapping one of the roles {', '.join(labels.names)}."
            )
        if role and not component.roles:
            fail(
                f"maps the entity {EMOTION} with the role {role}, so that it is never filled; set roles: true for the "
                "EmotionClassifier in config.yml, or take the role out."
            )
    coming = roles if component.roles and roles else labels.names
    unknown = [name for name in coming if name != slot.neutral and name.lower() not in slot.values]
    if unknown:
        changes = {name: f"add {name} to its values" for name in unknown}
        if labels.neutral in unknown:
            changes[labels.neutral] = f"set its neutral to {labels.neutral}"
        fail(
            f"does not know {', '.join(unknown)} among the labels of the EmotionClassifier "
            f"({', '.join(labels.names)}); {' and '.join(changes.values())} in the domain."
        )


@HookimplMarker("rasa")
def modify_default_recipe_graph_train_nodes(train_nodes: Dict[str, SchemaNode]) -> None:  # noqa: UP006
    """Puts the check between the two that Rasa begins every training with. Rasa calls this for NLU and for core."""
    train_nodes[NODE] = SchemaNode(
        needs={"importer": "schema_validator"},
        uses=EmotionSlotValidator,
        constructor_name="create",
        fn="validate",
        config={},
        is_input=True,
    )
    train_nodes["finetuning_validator"].needs["importer"] = NODE
