"""Limits of the numbers in a recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emoplugin.errors import InputError


@dataclass(frozen=True)
class Limit:
    """What a number has to be, in words and as a test."""

    words: str
    holds: Callable[[float], bool]


COUNT = Limit("be 1 or more", lambda value: value >= 1)
PAIR = Limit("be 2 or more", lambda value: value >= 2)
NOT_NEGATIVE = Limit("be 0 or more", lambda value: value >= 0)
POSITIVE = Limit("be more than 0", lambda value: value > 0)
SHARE = Limit("be 0 to 1", lambda value: 0 <= value <= 1)
PART = Limit("be 0 or more and less than 1", lambda value: 0 <= value < 1)
INSIDE = Limit("lie between 0 and 1", lambda value: 0 < value < 1)


def check(config: Any, **limits: Limit) -> None:
    """Checks fields of a configuration.

    Raises:
        InputError: A field is outside its limit; the message names it.
    """
    for name, limit in limits.items():
        value = getattr(config, name)
        if not limit.holds(value):
            raise InputError(f"{name} must {limit.words}, found {value}.")
