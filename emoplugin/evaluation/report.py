"""An evaluation as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from emoplugin.evaluation import charts
from emoplugin.evaluation.evaluate import Evaluation
from emoplugin.evaluation.metrics import Floats, precision_recall_curve

ERRORS = 25
TURN_CHARACTERS = 400


def render(summary: Mapping[str, Any], evaluations: Sequence[Evaluation]) -> str:
    """The report.

    Args:
        summary: What ``emoplugin evaluate --json`` prints: `Evaluation.summary` with the data set and file, and with a
            second model's summary and the comparison where there is one.
        evaluations: The model's evaluation. The plots and errors are those of the first.
    """
    evaluation = evaluations[0]
    origin = " ".join(str(summary[key]) for key in ("dataset", "split", "file") if summary.get(key))
    title = f"{summary['model']} on {origin}"
    style = (resources.files("emoplugin.evaluation") / "report.css").read_text(encoding="utf-8")
    sections = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">Version {escape(str(summary["version"]))}, {summary["rows"]} rows.</p>',
        _scores(summary),
        _comparison(summary),
        _classes(summary),
        _confusion(evaluation),
        _reliability(evaluation),
        _curves(evaluation),
        _slices(summary),
        _errors(evaluation),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _scores(summary: Mapping[str, Any]) -> str:
    rows = [
        [_words(name), _number(value), _range(summary["intervals"][name])] for name, value in summary["scores"].items()
    ]
    return _section(
        "Scores", _table(["score", "value", "95% interval"], rows), "Intervals are bootstrapped over the rows."
    )


def _comparison(summary: Mapping[str, Any]) -> str:
    if "comparison" not in summary:
        return ""
    other = summary["compared_with"]
    rows = [
        [
            _words(name),
            _number(summary["scores"][name]),
            _number(other["scores"][name]),
            f"{change['difference']:+.4f}",
            _range(change["interval"]),
            f"{change['p']:.3f}",
        ]
        for name, change in summary["comparison"]["differences"].items()
    ]
    header = ["score", summary["model"], other["model"], "difference", "95% interval", "p"]
    note = (
        "Paired bootstrap over the rows. McNemar's test that both are right equally often: "
        f"p {p_value(summary['comparison']['mcnemar_p'])}."
    )
    return _section(f"Compared with {other['model']}", _table(header, rows), note)


def _classes(summary: Mapping[str, Any]) -> str:
    columns = {
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "average_precision": "AP",
        "threshold": "threshold",
    }
    classes: Mapping[str, Mapping[str, Any]] = summary["classes"]
    shown = [key for key in columns if any(scores[key] is not None for scores in classes.values())]
    rows = [
        [name, *(_number(scores[key]) for key in shown), str(scores["support"])] for name, scores in classes.items()
    ]
    table = _table(["label", *(columns[key] for key in shown), "rows"], rows)
    return _section("Labels", table, "AP: average precision, the area under the curve further down.")


def _confusion(evaluation: Evaluation) -> str:
    if evaluation.labels.multi_label:
        return ""
    names = evaluation.labels.names
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(map(_cell, row, _shares(row)))}</tr>"
        for name, row in zip(names, evaluation.confusion(), strict=True)
    )
    table = f'<div class="wide"><table class="heat"><tr><th></th>{head}</tr>{body}</table></div>'
    return _section("Confusion", table, "Down: the right label. Across: the reported one. Percent of the row's label.")


def _shares(row: Floats) -> Floats:
    shares: Floats = row / max(float(row.sum()), 1.0)
    return shares


def _cell(rows: float, share: float) -> str:
    name = ' class="dark"' if share > 0.5 else ""
    return f'<td{name} style="background: rgba(var(--mark), {share:.2f})">{rows:.0f}<small>{share:.0%}</small></td>'


def _reliability(evaluation: Evaluation) -> str:
    if evaluation.labels.multi_label:
        return ""
    figure = f'<figure class="large">{charts.reliability_diagram(evaluation.reliability)}</figure>'
    note = "Bars: share right among predictions of that confidence; calibrated ones reach the line. Grey: how many."
    return _section("Reliability", figure, note)


def _curves(evaluation: Evaluation) -> str:
    figures = [
        f"<figure>{charts.precision_recall(escape(name), *precision_recall_curve(truth, scores))}"
        f"<figcaption>{escape(name)}, average precision {precise:.3f}</figcaption></figure>"
        for name, truth, scores, precise in zip(
            evaluation.labels.names,
            evaluation.truth.T,
            evaluation.probabilities.T,
            evaluation.average_precision,
            strict=True,
        )
        if truth.any()
    ]
    return _section("Precision and recall", f'<div class="charts">{"".join(figures)}</div>')


def _slices(summary: Mapping[str, Any]) -> str:
    shown = [name for name in ("accuracy", "micro_f1", "macro_f1", "emotion_f1") if name in summary["scores"]]
    if "accuracy" in shown:
        shown.remove("micro_f1")  # the same figure where each row has one label
    tables = [
        _table(
            [name, "rows", *map(_words, shown)],
            [[part, str(scores["rows"]), *(_number(scores[key]) for key in shown)] for part, scores in parts.items()],
        )
        for name, parts in summary["slices"].items()
    ]
    whole = summary["whole_groups"]
    note = "Macro-F1 is over the labels of all rows: one that a part lacks counts as 0 there."
    if whole:
        note += f" Of {whole['groups']} groups of several rows, {whole['all_right']:.1%} are right in every row."
    return _section("Where it is good, and where not", "".join(tables), note) if tables else ""


def _errors(evaluation: Evaluation) -> str:
    wrong = np.flatnonzero(~evaluation.right)
    worst = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:ERRORS]
    if not len(worst):
        return ""
    names = np.array(evaluation.labels.names)
    cards = []
    for index in worst:
        example = evaluation.examples[index]
        *before, last = (escape(_shorten(turn)) for turn in example.dialogue.window())
        turns = "".join(f'<li class="before">{turn or "&nbsp;"}</li>' for turn in before) + f"<li>{last}</li>"
        said, right = _listed(names[evaluation.predicted[index]]), _listed(names[evaluation.truth[index]])
        verdict = (
            f'<b class="said">{said}</b> at {evaluation.confidence[index]:.0%}, right: <b class="right">{right}</b>'
        )
        cards.append(f'<div class="error"><ol>{turns}</ol>{verdict} <small>row {escape(example.id)}</small></div>')
    note = f"The {len(worst)} surest of {len(wrong)} errors."
    return _section("Most confident errors", "".join(cards), note)


def _section(title: str, content: str, note: str = "") -> str:
    remark = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{remark}{content}</section>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _shorten(turn: str) -> str:
    return turn if len(turn) <= TURN_CHARACTERS else turn[:TURN_CHARACTERS] + "…"


def _listed(names: Iterable[str]) -> str:
    return escape(", ".join(names)) or "no label"


_NAMES = {"mcc": "Matthews correlation", "ece": "calibration error", "brier": "Brier score"}


def _words(name: str) -> str:
    return _NAMES.get(name, name.replace("_", " ").replace("f1", "F1"))


def p_value(value: float) -> str:
    """A p-value behind the letter, in four digits."""
    return f"= {value:.4f}" if value >= 0.0001 else "< 0.0001"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _range(interval: Sequence[float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
