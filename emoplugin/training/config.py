"""Recipes read into checked configuration."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, Union

from emoplugin.errors import InputError
from emoplugin.labels import LabelSet
from emoplugin.training.data import Source
from emoplugin.training.limits import NOT_NEGATIVE, check

T = TypeVar("T")


@dataclass(frozen=True)
class LabelConfig:
    """The labels a model is trained for.

    Attributes:
        names: In the order of its outputs.
        neutral: The one that means no emotion; empty where none does.
        multi_label: Whether several can hold at once.
        target_prior: Share of each label where the model is used; empty leaves the training data's prior.
        thresholds: Least probability with which each label is reported; below its own the model abstains, or leaves the
            label out where several can hold. Empty sets none, or those fitted where several can hold.
    """

    names: tuple[str, ...] = ("others", "happy", "sad", "angry")
    neutral: str = "others"
    multi_label: bool = False
    target_prior: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()

    @property
    def label_set(self) -> LabelSet:
        return LabelSet(self.names, self.neutral or None, self.multi_label)


@dataclass(frozen=True)
class Recipe:
    """A training as data.

    Attributes:
        name: The model's name.
        version: The model's version.
        kind: Which trainer runs it.
        summary: One sentence about the model.
        seed: Every random choice follows from it.
        labels: What it decides between.
        train: What it is trained on.
        dev: What it is measured on; never trained on.
        model: The trainer's own configuration.
        expected: Scores of such a training, published or seen on ``dev``; a comment in the recipe says which. They are
            shown beside those reached.
    """

    name: str
    version: str = "1.0.0"
    kind: str = "nelec"
    summary: str = ""
    seed: int = 1
    labels: LabelConfig = field(default_factory=LabelConfig)
    train: tuple[Source, ...] = ()
    dev: tuple[Source, ...] = ()
    model: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self, seed=NOT_NEGATIVE)


def read_config(kind: type[T], data: Mapping[str, Any], where: str) -> T:
    """Builds a configuration dataclass from what a YAML file says.

    Args:
        kind: The dataclass.
        data: Its fields; nested dataclasses as mappings, tuples as lists.
        where: What errors call the place, such as the recipe's file name.

    Raises:
        InputError: An unknown or missing key, or a value of another type or outside its limits. The message names the
            key and what fits.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{where}: expected keys and values, found {data!r}.")
    hints = typing.get_type_hints(kind)
    known = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [key for key in data if key not in known]
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; expected one of {', '.join(known)}.")
    for name, item in known.items():
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and name not in data:
            raise InputError(f"{where}: the key {name!r} is missing.")
    values = {name: _value(hints[name], value, f"{where}, {name}") for name, value in data.items()}
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint):
        return read_config(typing.cast(type, hint), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise InputError(f"{where}: expected a list, found {value!r}.")
        inner = typing.get_args(hint)[0]
        return tuple(_value(inner, item, f"{where}, item {number}") for number, item in enumerate(value, 1))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: expected keys and values, found {value!r}.")
        inner = typing.get_args(hint)[1]
        return {str(key): _value(inner, item, f"{where}, {key}") for key, item in value.items()}
    if origin in (Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return None if value is None else _value(options[0], value, where)
    if hint is Any:
        return value
    if hint is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        value = _number(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InputError(f"{where}: expected {_NAMES.get(hint, hint.__name__)}, found {value!r}.")
    return value


def _number(value: int | str) -> float | int | str:
    """A finite number as a float, also one such as 1e-5, which YAML takes for text; anything else as it is."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return value
    return number if math.isfinite(number) else value


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
