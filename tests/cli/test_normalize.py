from __future__ import annotations

import pytest
from emoplugin.text import STEPS, SURFACE_FEATURES, Normalizer

PUBLISHED = {
    "Then dont ask me": "then do not ask me",
    "Wont u ask my age ?": "will not you ask my age ?",
    "oops Brb": "oops be right back",
    "it is thooooo": "it is though",
    "what if i told you I'm not": "what if i told you i am not",
    "Let's change the subject": "let us change the subject",
}


@pytest.mark.parametrize("typed", PUBLISHED)
def test_published_pairs(emoplugin, typed):
    first, *steps = emoplugin("normalize", typed).out.splitlines()
    assert first == PUBLISHED[typed]
    assert steps[0].split(maxsplit=1) == ["typed", typed]
    assert steps[-1].split(maxsplit=1)[1] == PUBLISHED[typed]


def test_json(emoplugin):
    (row,) = emoplugin("normalize", "--json", "Wont u b HAPPY 😂").rows
    assert list(row) == ["text", "steps", "features"]
    assert row["text"] == "will not you be happy face with tears of joy"
    names = list(row["steps"])
    assert names[0] == "typed"
    assert names[1:] == [name for name in STEPS if name in row["steps"]]
    assert list(row["steps"].values())[-1] == row["text"]
    assert row["features"].keys() <= set(SURFACE_FEATURES)
    assert row["features"]["negation"] == pytest.approx(0.693)


def test_features(emoplugin):
    out = emoplugin("normalize", "--features", "im not happy :(").out
    text, _, features = out.partition("\nfeatures\n")
    assert text.startswith("i am not happy frowning\n")
    shown = {line.split()[0]: float(line.split()[1]) for line in features.splitlines()}
    assert {"negation", "negated_positive", "sign_sad", "emoticons"} <= shown.keys() <= set(SURFACE_FEATURES)
    assert all(shown.values())


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " \t\n",
        "-_-",
        "\x1b[31mred\x07",
        "a\nb\u2028c\x85d",
        "[bold]markup[/bold] :smile: %s {0} \\",
        "Z̸̡͊a̷l̵g̴o\u202e\u200d",
        "😂\u200d" * 500 + "🇩",
        ":(" * 5000 + "a" * 20000,
        b"caf\xe9 \xff\xfe",
    ],
    ids=ascii,
)
def test_hostile_text(emoplugin, typed):
    (row,) = emoplugin("normalize", "--json", "--", typed).rows
    if isinstance(typed, str):
        assert row["text"] == Normalizer().normalize(typed)
    assert emoplugin("normalize", "--features", "--", typed).code == 0


def test_terminal_codes_are_not_printed(emoplugin):
    out = emoplugin("normalize", "--", "\x1b[31mred\x07\x9b").out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)


def test_one_text_stays_on_one_line(emoplugin):
    first, *steps = emoplugin("normalize", "--", "so\nsad\x85:(").out.splitlines()
    assert first == "so sad frowning"
    assert all(line.startswith("  ") for line in steps)


def test_a_missing_text(emoplugin):
    outcome = emoplugin("normalize")
    assert outcome.code == 2
    assert "TEXT" in outcome.err
    assert outcome.out == ""
