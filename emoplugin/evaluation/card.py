"""Model cards, generated from what a training did (after Mitchell et al. 2019)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emoplugin.datasets import Dataset, find_dataset

SECTIONS = ("Intended use", "Training data", "Figures", "Limits", "Bias", "Cost", "Reproduce")
"""The headings every card has, in order."""

RESEARCH_ONLY = "**Trained on data for research only: neither the model nor its weights may be shipped.**"
"""What stands in the card of a model that may not be shipped."""

PACKAGED = "all-MiniLM-L6-v2 (Apache-2.0)"
"""The encoder of a recipe that names none."""

_SCORES = {
    "accuracy": "Accuracy",
    "emotion_precision": "Micro-precision without the neutral label",
    "emotion_recall": "Micro-recall without the neutral label",
    "emotion_f1": "Micro-F1 without the neutral label",
    "macro_f1": "Macro-F1",
    "micro_f1": "Micro-F1",
    "weighted_f1": "Weighted F1",
    "hamming_loss": "Hamming loss",
    "subset_accuracy": "Rows with exactly the right labels",
    "mean_average_precision": "Mean average precision",
    "ece": "Expected calibration error",
    "brier": "Brier score",
}


def model_card(
    config: Mapping[str, Any],
    recipe: Mapping[str, Any],
    metrics: Mapping[str, Any],
    sources: Sequence[Dataset],
    trained_from: str,
) -> str:
    """A card in Markdown.

    Args:
        config: The bundle's configuration.
        recipe: The recipe as plain values.
        metrics: What ``metrics.json`` holds.
        sources: The data sets trained on, in the order of the recipe's ``train``.
        trained_from: What ``emoplugin train`` takes to train it anew: the name of a shipped recipe, or a file in the
            folder of the training.
    """
    labels = config["labels"]
    names = ", ".join(f"`{name}`" for name in labels["names"])
    members, teachers = metrics.get("members", []), metrics.get("teachers", [])
    shippable = all(source.shippable for source in sources) and not any(
        model["research_only"] for model in (*members, *teachers)
    )
    parts = [
        f"# {config['name']} {config['version']}\n\n{recipe['summary']}",
        _section(
            "Intended use",
            f"Decides between {names} for the last turn of a dialogue, read with the two turns before it, so that an "
            "assistant can answer in a fitting way. Not meant for judging people, for hiring, policing or diagnosis, "
            "or for any decision about a person that nobody looks at again.",
            "" if shippable else RESEARCH_ONLY,
        ),
        _section("Training data", _data_table(recipe, sources), _start(recipe), _teachers(teachers), _members(members)),
        _section("Figures", _figures(recipe, metrics)),
        _section(
            "Limits",
            "English chat. Only the text of the last three turns is seen: no voice, no face, no earlier history. "
            "Irony, quotations and in-jokes are often read at face value. The confidence is calibrated on data like "
            "the training data; check it on your own conversations before you act on a threshold.",
        ),
        _section(
            "Bias",
            "People show feelings in different ways by culture, age and dialect. What the model has learnt from: "
            f"{'; '.join(dict.fromkeys(source.speakers for source in sources))}. Varieties of English and ways to talk "
            "that are rare there are read less well, and names of groups of people can carry associations from there.",
        ),
        _section(
            "Cost",
            f"Trained on {metrics['train_examples']:,} examples in {metrics['seconds'] / 60:.0f} minutes on "
            f"{metrics['device']}.",
        ),
        _section("Reproduce", f"```\n{_command(recipe, trained_from)}\n```", _where(recipe, trained_from)),
    ]
    return "\n\n".join(parts) + "\n"


def _command(recipe: Mapping[str, Any], trained_from: str) -> str:
    """How to train the model anew, with a data folder where one of the recipe's sets is not in the package."""
    read = [find_dataset(used["dataset"]) for used in (*recipe["train"], *recipe["dev"])]
    data = " --data DIR" if any(dataset.folder is not None for dataset in read) else ""
    return f"emoplugin train {trained_from}{data} --output DIR"


def _where(recipe: Mapping[str, Any], trained_from: str) -> str:
    if trained_from == recipe["name"]:
        return ""
    return f"`{trained_from}`, in the folder of the training, holds the recipe with everything that was set."


def _section(title: str, *paragraphs: str) -> str:
    return "\n\n".join([f"## {title}", *(paragraph for paragraph in paragraphs if paragraph)])


def _data_table(recipe: Mapping[str, Any], sources: Sequence[Dataset]) -> str:
    rows = ["| data | split | terms | source |", "|---|---|---|---|"]
    for used, source in zip(recipe["train"], sources, strict=True):
        share = ", ".join([str(used["split"]), *_limits(used)])
        rows.append(f"| {source.name}: {source.summary} | {share} | {source.terms} | {source.source} |")
    return "\n".join(rows)


def _limits(used: Mapping[str, Any]) -> list[str]:
    """How much of a split was used, and how often."""
    said = {
        "limit": (0, "at most {} a label"),
        "words": (0, "turns of at most {} words"),
        "copies": (1, "{} times"),
    }
    return [text.format(used[key]) for key, (default, text) in said.items() if used.get(key, default) != default]


def _start(recipe: Mapping[str, Any]) -> str:
    """The pre-trained encoder whose weights, or whose word vectors, the training began with."""
    model = recipe["model"]
    vectors = model.get("vectors", {})
    if recipe["kind"] == "bert":
        encoder = model.get("encoder", "")
    elif vectors.get("source") == "encoder":
        encoder = vectors.get("path", "")
    else:
        return ""
    # Of a folder the last part only: where it lies on somebody's machine is nobody's business.
    name = f"the encoder {Path(encoder).name}, whose terms hold as well" if encoder else PACKAGED
    return f"Training began with {name}."


def _teachers(teachers: Sequence[Mapping[str, Any]]) -> str:
    """Which models a distilled one has learnt from."""
    if not teachers:
        return ""
    counts = Counter(f"{teacher['name']} {teacher['version']}" for teacher in teachers)
    names = " and ".join(name if count == 1 else f"{name} ({count} trainings)" for name, count in counts.items())
    unknown = any(teacher["research_only"] is None for teacher in teachers)
    doubt = " On what terms that may be shipped is not known: a teacher has no card." if unknown else ""
    return f"A part of the targets is what {names} said of these dialogues.{doubt}"


def _members(members: Sequence[Mapping[str, Any]]) -> str:
    """What an ensemble is made of; each member was trained on data that the recipe does not name."""
    if not members:
        return ""
    rows = [
        "The data above weigh the members; each was trained on data of its own, whose terms hold for the whole:",
        "",
    ]
    rows += ["| member | weight | terms of its data |", "|---|---|---|"]
    for member in members:
        card = member["card"]
        terms = f"[its card]({card})" if card else "not known: it has no card"
        rows.append(f"| {member['name']} {member['version']} | {member['weight']:.3f} | {terms} |")
    return "\n".join(rows)


def _figures(recipe: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    dev = metrics.get("dev")
    if dev is None:
        return "Not measured: the recipe names no dev data."
    named = ", ".join(f"{source['dataset']} ({source['split']})" for source in recipe["dev"])
    rows = [f"On {named}, {dev['rows']:,} examples, never trained on; 95% intervals by bootstrap:", ""]
    rows += ["| figure | value | interval |", "|---|---|---|"]
    for key, name in _SCORES.items():
        if key in dev["scores"]:
            low, high = dev["intervals"].get(key, (None, None))
            interval = "" if low is None else f"{low:.3f} to {high:.3f}"
            rows.append(f"| {name} | {dev['scores'][key]:.3f} | {interval} |")
    columns = {"precision": "precision", "recall": "recall", "f1": "F1"}
    if all(scores["threshold"] is not None for scores in dev["classes"].values()):
        columns |= {"average_precision": "average precision", "threshold": "threshold"}
    rows += ["", f"| label | {' | '.join(columns.values())} | examples |", "|---" * (len(columns) + 2) + "|"]
    for label, scores in dev["classes"].items():
        values = " | ".join("" if scores[key] is None else f"{scores[key]:.3f}" for key in columns)
        rows.append(f"| {label} | {values} | {scores['support']} |")
    return "\n".join(rows)
