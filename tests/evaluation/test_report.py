from __future__ import annotations

import shutil
from html.parser import HTMLParser

import pytest
from emoplugin.evaluation.evaluate import compare, evaluate
from emoplugin.evaluation.report import render
from playwright.sync_api import sync_playwright

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


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        # Machines that build run as root, where Chromium has no sandbox.
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


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


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_without_network_shows_it_on_a_phone_and_on_a_desk(
    browser, single, multi, rows, example, tmp_path, width
):
    tags = [example("joy and fear", "joy", "fear"), example("joy", "joy"), example("none", "neutral")]
    for name, text in (("single", report(single, rows, single)), ("multi", report(multi, tags))):
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.context.set_offline(True)
        asked, complaints = [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda line, complaints=complaints: complaints.append(line.text))
        page.goto((tmp_path / f"{name}.html").as_uri())
        assert len(asked) == 1
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for drawing in page.locator("svg").all():
            box = drawing.bounding_box()
            assert box["width"] > 50
            assert box["height"] > 50
        page.close()
