"""From raw chat text to model text and surface features."""

from __future__ import annotations

from emoplugin.text.config import TextConfig
from emoplugin.text.features import SURFACE_FEATURES
from emoplugin.text.normalizer import AlignedText, Analysis, Normalizer
from emoplugin.text.steps import STEPS

__all__ = ["STEPS", "SURFACE_FEATURES", "AlignedText", "Analysis", "Normalizer", "TextConfig"]
