"""Finds recipes, follows ``extends`` and applies overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from emoplugin.errors import InputError
from emoplugin.training.config import Recipe, read_config

FOLDER = "recipes"


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.yml"))


def load_recipe(recipe: str, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe.

    Args:
        recipe: A name in ``recipe_names()`` or a YAML file.
        overrides: ``key=value`` pairs; dots step into nested keys, numbers into lists, values are YAML.

    Raises:
        InputError: No such recipe, or one that is not as expected; the message names the key and what is allowed.
    """
    data = _read(_find(recipe), ())
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or not key:
            raise InputError(f"--set {override}: expected key=value.")
        try:
            _set(data, key.split("."), _value(override, value))
        except (TypeError, ValueError, IndexError):
            raise InputError(f"--set {override}: the recipe has no place {key!r}.") from None
    return read_config(Recipe, data, recipe)


def _value(override: str, text: str) -> Any:
    try:
        return yaml.safe_load(text) if text else ""
    except (yaml.YAMLError, ValueError):
        raise InputError(f"--set {override}: the value is not YAML.") from None


def _folder() -> Path:
    return Path(str(resources.files("emoplugin.training") / FOLDER))


def _find(recipe: str) -> Path:
    shipped = _folder() / f"{recipe}.yml"
    if "/" not in recipe and shipped.is_file():
        return shipped
    if Path(recipe).is_file():
        return Path(recipe)
    raise InputError(f"No recipe {recipe!r}: give a YAML file or one of {', '.join(recipe_names())}.")


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise InputError(f"{path}: extends itself.")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    # A value that looks like a date and is none gives a ValueError.
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not a YAML file: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected keys and values.")
    extends = data.pop("extends", None)
    if not extends:
        return data
    name = str(extends)
    base = _read(_find(str(path.parent / name) if name.endswith(".yml") else name), (*seen, path.resolve()))
    # Scores are those of one training, not of what extends it.
    base.pop("expected", None)
    return _merged(base, data)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _set(data: Any, path: list[str], value: Any) -> None:
    step: Any = int(path[0]) if isinstance(data, list) else path[0]
    if len(path) == 1:
        data[step] = value
        return
    if isinstance(data, dict):
        data.setdefault(step, {})
    _set(data[step], path[1:], value)
