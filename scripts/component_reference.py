"""Writes docs/reference/component.md from the code: comments above the keys, defaults, and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import yaml
from emoplugin.rasa.channel import KEYS
from emoplugin.rasa.component import VALUES, EmotionClassifier
from emoplugin.rasa.slots import EmotionSlot
from emoplugin.rasa.trajectory import Alert

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "component.md"

ALLOWED = {
    "model": ("text", "a shipped bundle's name, or a folder"),
    "device": ("text", "`auto`, `cpu`, `cuda`, `cuda:N`"),
    "min_confidence": ("number", "0 to 1"),
    "target_prior": ("mapping or null", "a share above 0 for each label of the model, 1 together"),
    "labels": ("list of text or null", "names, the model's neutral label among them"),
    "negative": ("list of text or null", "labels of the model"),
    "alert": ("mapping or null", "the keys [below](#alert)"),
    "entities": ("list of text", ", ".join(f"`{name}`" for name in VALUES)),
    "roles": ("true or false", "`true`, `false`"),
}
ALERT_ALLOWED = {
    "labels": ("text or list of text", "labels of the model, at least one"),
    "confidence": ("number", "0 to 1"),
    "times": ("whole number", "1 to `of`"),
    "of": ("whole number", "`times` or more"),
}
SLOT_ALLOWED = {
    "values": ("list of text", "the model's emotions, without the neutral label"),
    "neutral": ("text", "the model's neutral label"),
}

HEAD = """\
# Component

`scripts/component_reference.py` writes this page from the code. A wrong value in
`config.yml` fails `rasa train` with one sentence.

## EmotionClassifier

In `config.yml`, first in the `pipeline`, as `emoplugin.EmotionClassifier`.
"""

CHANNEL_MEANINGS = {
    "model": "A shipped bundle's name, or a bundle's folder, looked for from the folder that the server is started in. "
    "It has to stay there.",
    "target_prior": "Share of each label that your users' messages have, to correct the probabilities by; null leaves "
    "them. It names the bundle's labels.",
}

CHANNEL = """\
In `credentials.yml`, as `emoplugin.EmotionChannel`. Without keys the component in the loaded assistant answers; with
any of these a model for the channel alone does. [Use it over HTTP](../how-to/use-over-http.md) describes the answers.
"""


def render() -> str:
    """The page's text."""
    config = EmotionClassifier.get_default_config()
    meanings = _comments(inspect.getsource(EmotionClassifier.get_default_config))
    channel = {key: config[key] for key in KEYS}
    alert = {field.name: field.default for field in dataclasses.fields(Alert)}
    slot = {
        name: parameter.default
        for name, parameter in inspect.signature(EmotionSlot.__init__).parameters.items()
        if name in SLOT_ALLOWED
    }
    slot_entry = "In `domain.yml`, as `emoplugin.EmotionSlot`: a categorical slot with these keys beside Rasa's own.\n"
    return (
        "\n".join(
            [
                HEAD,
                _table(config, ALLOWED, meanings),
                "### alert\n",
                _table(alert, ALERT_ALLOWED, _described(Alert)),
                "## EmotionChannel\n",
                CHANNEL,
                _table(channel, ALLOWED, meanings | CHANNEL_MEANINGS),
                "## EmotionSlot\n",
                slot_entry,
                _table(slot, SLOT_ALLOWED, _described(EmotionSlot.__init__)),
            ]
        ).rstrip("\n")
        + "\n"
    )


def _table(defaults: dict[str, Any], allowed: dict[str, tuple[str, str]], meanings: dict[str, str]) -> str:
    rows = ["| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    rows += [
        f"| `{key}` | {allowed[key][0]} | {_shown(default)} | {allowed[key][1]} | {meanings[key]} |"
        for key, default in defaults.items()
    ]
    return "\n".join(rows) + "\n"


def _shown(default: Any) -> str:
    if default is dataclasses.MISSING:
        return "has to be given"
    return f"`{yaml.safe_dump(default, default_flow_style=True, width=1000).splitlines()[0]}`"


def _comments(source: str) -> dict[str, str]:
    """The comment above each key of a dictionary in source code."""
    found = re.findall(r'((?:^ *# .*\n)+) *"(\w+)":', source, re.MULTILINE)
    return {key: " ".join(line.strip().removeprefix("# ") for line in lines.splitlines()) for lines, key in found}


def _described(documented: Any) -> dict[str, str]:
    """What the Args or Attributes of a Google-style docstring say, by name."""
    section = re.split(r"^(?:Args|Attributes):\n", inspect.getdoc(documented) or "", flags=re.MULTILINE)[-1]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
