"""Plots as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

from emoplugin.evaluation.metrics import Floats, Reliability

_SIDE = 300.0
_LEFT, _TOP, _BOTTOM = 40.0, 8.0, 36.0
_STRIP = 36.0
_POINTS = 150


def reliability_diagram(bins: Reliability) -> str:
    """Accuracy over confidence as bars, the ideal as a dashed line, and how many rows each bar stands for below it."""
    count = len(bins.rows)
    width = _SIDE / count
    most = max(float(bins.rows.max()), 1.0)
    base = _TOP + _SIDE
    bars = []
    for number, (rows, accuracy) in enumerate(zip(bins.rows, bins.accuracy, strict=True)):
        if rows:
            x = _LEFT + number * width
            title = f"<title>{rows:.0f} rows, {accuracy:.0%} right</title>"
            bars.append(_rectangle("bar", x, base - accuracy * _SIDE, width, accuracy * _SIDE, title))
            bars.append(_rectangle("count", x, base + _BOTTOM, width, rows / most * _STRIP))
    height = base + _BOTTOM + _STRIP
    return _svg(
        _LEFT + _SIDE + 8,
        height,
        "Reliability diagram",
        _frame(_SIDE, "confidence", "share right")
        + "".join(bars)
        + f'<path class="ideal" d="M{_LEFT} {base}L{_LEFT + _SIDE} {_TOP}"/>',
    )


def precision_recall(label: str, precision: Floats, recall: Floats) -> str:
    """A label's precision over recall."""
    side = 150.0
    step = max(1, len(precision) // _POINTS)
    chosen = sorted({*range(0, len(precision), step), len(precision) - 1})
    points = " ".join(
        f"{_LEFT + recall[index] * side:.1f},{_TOP + (1 - precision[index]) * side:.1f}" for index in chosen
    )
    return _svg(
        _LEFT + side + 8,
        _TOP + side + _BOTTOM,
        f"Precision-recall curve of {label}",
        _frame(side, "recall", "precision") + f'<polyline class="curve" points="{points}"/>',
    )


def _frame(side: float, across: str, up: str) -> str:
    base, middle = _TOP + side, _TOP + side / 2
    lines = [
        f'<path class="grid" d="M{_LEFT} {_TOP + side * (1 - share)}h{side}M{_LEFT + side * share} {_TOP}v{side}"/>'
        for share in (0, 0.5, 1)
    ]
    ticks = [
        f'<text x="{_LEFT + side * share:.1f}" y="{base + 14}" text-anchor="middle">{share:g}</text>'
        f'<text x="{_LEFT - 5}" y="{_TOP + side * (1 - share) + 4:.1f}" text-anchor="end">{share:g}</text>'
        for share in (0, 0.5, 1)
    ]
    names = (
        f'<text x="{_LEFT + side / 2}" y="{base + 29}" text-anchor="middle">{across}</text>'
        f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">{up}</text>'
    )
    return "".join(lines) + "".join(ticks) + names


def _rectangle(name: str, x: float, y: float, width: float, height: float, content: str = "") -> str:
    box = f'x="{x + 0.5:.1f}" y="{y:.1f}" width="{width - 1:.1f}" height="{height:.1f}"'
    return f'<rect class="{name}" {box}>{content}</rect>'


def _svg(width: float, height: float, title: str, content: str) -> str:
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img"><title>{title}</title>{content}</svg>'
