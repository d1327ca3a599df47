"""What a trainer hands back, whatever it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

Progress = Callable[[dict[str, Any]], None]
"""Called with the figures of a stage or an epoch."""

Advance = Callable[[str, int, int], None]
"""Called with the stage, its steps done and its steps in all."""


@dataclass(frozen=True)
class Trained:
    """A trained model's bundle content.

    Attributes:
        config: What goes into ``config.json`` beside name and version.
        files: The bundle's other files.
        device: What it was trained on, in words.
        metrics: What the trainer measured by itself, for ``metrics.json``.
    """

    config: dict[str, Any]
    files: dict[str, bytes]
    device: str
    metrics: dict[str, Any] = field(default_factory=dict)


def device_name(device: str, processes: int = 1) -> str:
    """The torch devices of so many processes in words."""
    if device == "cuda":
        name = str(torch.cuda.get_device_name())
        return name if processes == 1 else f"{processes} x {name}"
    cores = torch.get_num_threads() * processes
    return f"{cores} CPU core{'' if cores == 1 else 's'}"
