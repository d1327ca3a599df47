"""The slot type that holds an emotion."""

from __future__ import annotations

from typing import Any

from rasa.plugin import plugin_manager
from rasa.shared.core.slots import CategoricalSlot

from emoplugin.labels import THREE_TURN_LABELS
from emoplugin.rasa import validation


class EmotionSlot(CategoricalSlot):
    """A categorical slot whose neutral value looks unset to rules, stories and policies.

    An assistant that gains the slot behaves as before for every message without an emotion. In the domain::

        slots:
          emotion:
            type: emoplugin.EmotionSlot
            mappings:
            - type: from_entity
              entity: emotion
    """

    type_name = "emotion"

    def __init__(
        self,
        name: str,
        mappings: list[dict[str, Any]],
        values: list[str] | None = None,
        neutral: str = THREE_TURN_LABELS.neutral or "",
        **options: Any,
    ) -> None:
        """Creates the slot.

        Args:
            name: Name of the slot.
            mappings: Rasa's slot mappings.
            values: The emotions to tell apart; by default those of the shipped models.
            neutral: The value that features as unset.
            options: What every Rasa slot takes: ``initial_value``, ``influence_conversation``.
        """
        super().__init__(name, mappings, values or list(THREE_TURN_LABELS.emotions), **options)
        self.neutral = neutral

    def persistence_info(self) -> dict[str, Any]:
        return {**super().persistence_info(), "neutral": self.neutral}

    def _as_feature(self) -> list[float]:
        if self.value == self.neutral:
            return [0.0] * self.feature_dimensionality()
        features: list[float] = super()._as_feature()
        return features


plugin_manager().register(validation)
