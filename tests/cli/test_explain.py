from __future__ import annotations

import os
import re

import pytest
from emoplugin.cli.explain import explain

TURNS = ("Did you break my phone?", "Yes, it was me", "Are you serious")


def test_text_names_the_label_the_turns_and_the_strongest_words(emoplugin):
    outcome = emoplugin("explain", *TURNS, "--label", "angry", env={**os.environ, "COLUMNS": "80"})
    assert outcome.code == 0
    assert outcome.out.startswith("angry ")
    assert all(turn in outcome.out for turn in TURNS)
    assert re.search(r"[+-]\d\.\d\d serious\b", outcome.out)
    assert "\x1b" not in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_words_for_and_against_have_colours(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    explain(["i am not sad, i am so happy today!!!"], label="happy")
    assert re.search(r"\x1b\[(1;)?32mhappy", capsys.readouterr().out)
    explain(["i am not sad, i am so happy today!!!"], label="sad")
    assert re.search(r"\x1b\[(1;)?31mhappy", capsys.readouterr().out)


def test_json_adds_up(emoplugin):
    (row,) = emoplugin("explain", *TURNS, "--json", "--label", "happy").rows
    assert row["label"] == "happy"
    assert [turn["text"] for turn in row["turns"]] == list(TURNS)
    pieces = [piece["contribution"] for turn in row["turns"] for piece in turn["pieces"]]
    assert row["base"] + sum(pieces) == pytest.approx(row["score"], abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", "  ", "caf\udce9 \ud83d", "\u202e[red]\x1b[31m\x07 hi <eos> \U0001f469\u200d\U0001f467"]
)
def test_odd_texts_do_not_reach_the_terminal_raw(monkeypatch, capsys, text):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    explain([text])
    out = capsys.readouterr().out
    assert "score" in out
    assert not {"\x1b", "\x07", "\u202e", "\udce9"} & set(out)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a", "b", "c", "d"], "At most 3 turns, found 4"),
        (["a", "--label", "joy"], "Unknown label 'joy'"),
    ],
)
def test_bad_input_is_explained(emoplugin, arguments, reason):
    outcome = emoplugin("explain", *arguments)
    assert outcome.code == 2
    assert reason in outcome.err
