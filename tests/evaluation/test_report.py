from __future__ import annotations

from html.parser import HTMLParser

import pytest
from emoplugin.evaluation.evaluate import compare, evaluate
from emoplugin.evaluation.report import render

VOID = {"meta", "br", "path", "rect", "polyline"}


class Page(HTMLParser):
    """Checks that every element is closed, and keeps what the tests look at."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.addresses = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def report(model, rows, other=None):
    evaluations = [evaluate(each, rows, model.labels) for each in (model, other) if each is not None]
    summary = {"dataset": "a <set>", "file": "rows.tsv", **evaluations[0].summary()}
    if other is not None:
        summary |= {"compared_with": evaluations[1].summary(), "comparison": compare(*evaluations)}
    return render(summary, evaluations)


@pytest.fixture
def rows(example):
    return [
        example("happy <script>alert(1)</script>", "happy", group="g-1"),
        example("sad & sorry", "happy", group="g-1"),
        example("others " + "x" * 5000, "angry", id="<b>"),
        example("angry 😀", "angry"),
    ]


def test_one_file_that_needs_nothing_else(single, rows):
    text = report(single, rows)
    page = Page(text)
    assert page.addresses == []
    assert "url(" not in text
    assert "http" not in text
    assert 'name="viewport"' in text
    for title in ("Scores", "Labels", "Confusion", "Reliability", "Precision and recall", "Most confident errors"):
        assert f"<h2>{title}</h2>" in text


def test_texts_are_escaped_and_shortened(single, rows):
    text = report(single, rows)
    assert "script" not in Page(text).seen
    assert "sad &amp; sorry" in text
    assert "row &lt;b&gt;" in text
    assert "x" * 1000 not in text
    assert "a &lt;set&gt; rows.tsv" in text


def test_only_errors_are_listed_surest_first(single, rows):
    text = report(single, rows)
    assert text.count('class="error"') == 2
    assert "The 2 surest of 2 errors." in text


def test_two_models_side_by_side(single, rows):
    text = report(single, rows, single)
    Page(text)
    assert "<h2>Compared with single</h2>" in text


def test_multi_label(multi, example):
    text = report(multi, [example("joy", "joy"), example("joy fear", "fear"), example("neutral", "joy", "neutral")])
    assert Page(text).seen.count("polyline") == 3
    assert "Confusion" not in text
    assert "threshold" in text


def test_no_errors_no_section(single, example):
    assert "Most confident errors" not in report(single, [example("sad", "sad"), example("happy", "happy")])
