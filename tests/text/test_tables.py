"""What must hold for every table, so that the steps end and end the same way."""

from __future__ import annotations

import pytest
from emoji import emoji_list
from emoplugin.text.emojis import emoji_key
from emoplugin.text.features import CUES, LEXICON_FAMILIES, SIGN_FAMILIES
from emoplugin.text.normalizer import Normalizer
from emoplugin.text.repair import repair
from emoplugin.text.steps import knowledge
from emoplugin.text.tables import read_table, tables
from emoplugin.text.tokens import Token, cut

WIDTHS = {
    "abbreviations.tsv": 2,
    "ambiguous.tsv": 3,
    "contractions.tsv": 2,
    "cues.tsv": 2,
    "emoji.tsv": 3,
    "emoticons.tsv": 5,
    "lexicon.tsv": 4,
    "misspellings.tsv": 2,
    "words.tsv": 1,
}
REPLACEMENTS = ("contractions.tsv", "abbreviations.tsv", "misspellings.tsv")
SEVERAL_ROWS_A_WORD = ("cues.tsv", "lexicon.tsv")


@pytest.mark.parametrize("name", WIDTHS)
def test_rows_are_sorted_and_unique(name: str) -> None:
    rows = [tuple(row) for row in read_table(name, WIDTHS[name])]
    keys = [row[:2] if name in SEVERAL_ROWS_A_WORD else row[:1] for row in rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert all(cell == cell.strip() and cell for row in rows for cell in row)


def test_no_word_is_replaced_by_two_tables() -> None:
    keys = [row[0] for name in REPLACEMENTS for row in read_table(name, 2)]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & set(tables().ambiguous)


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_replacements_are_not_replaced_again(name: str) -> None:
    replaced = {row[0] for table in REPLACEMENTS for row in read_table(table, 2)}
    again = [(short, long) for short, long in read_table(name, 2) if replaced & set(long.split())]
    assert again == []


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_replacements_are_model_text(name: str) -> None:
    normalizer = Normalizer()
    changed = [(short, long) for short, long in read_table(name, 2) if normalizer.normalize(long) != long]
    assert changed == []


def test_ambiguous_words_stand_for_words_that_are_not() -> None:
    ambiguous = tables().ambiguous
    for word, (expansion, after) in ambiguous.items():
        assert not set(expansion.split()) & set(ambiguous), word
        assert after, word


def test_the_tables_are_large_enough() -> None:
    found = tables()
    assert len(found.abbreviations) + len(found.misspellings) >= 600
    assert len(list(read_table("emoticons.tsv", 5))) >= 300
    assert len(found.emoji) >= 400


def test_emoji_have_a_family_and_a_valence() -> None:
    for emoji, family, valence in read_table("emoji.tsv", 3):
        assert emoji_key(emoji) == emoji
        assert family in SIGN_FAMILIES, emoji
        assert -1 <= float(valence) <= 1, emoji


def test_emoticons_have_a_style_a_family_a_valence_and_a_meaning() -> None:
    normalizer = Normalizer()
    for emoticon, style, family, valence, meaning in read_table("emoticons.tsv", 5):
        assert style in ("western", "eastern", "reversed"), emoticon
        assert family in SIGN_FAMILIES, emoticon
        assert -1 <= float(valence) <= 1, emoticon
        assert normalizer.normalize(meaning) == meaning, emoticon


def test_emoticons_with_spaces_never_stand_in_a_model_text() -> None:
    """One of their pieces is never a word of a result, so that a second pass finds none that the first did not."""
    known = knowledge()
    for emoticon in filter(lambda emoticon: " " in emoticon, known.tables.emoticons):
        assert emoticon.split() == emoticon.split(" "), emoticon
        pieces = [
            [list(cut(Token(form, 0, len(form)), known.pattern)) for form in (piece, repair(piece))]
            for piece in emoticon.split()
        ]
        assert any(all(len(tokens) > 1 or tokens[0].kind == "emoticon" for tokens in forms) for forms in pieces), (
            emoticon
        )


def test_emoji_in_emoticons_are_told_by_the_meaning_or_the_family() -> None:
    for emoticon, _, family, _, meaning in read_table("emoticons.tsv", 5):
        for place in emoji_list(emoticon):
            assert tables().emoji_affect(place["emoji"])[0] in (family, *meaning.split()), emoticon


def test_families_are_model_text() -> None:
    normalizer = Normalizer()
    assert [family for family in SIGN_FAMILIES if normalizer.normalize(family) != family] == []


def test_the_lexicon_and_the_cues_use_the_lists_of_kinds() -> None:
    for word, family, valence, intensity in read_table("lexicon.tsv", 4):
        assert family in LEXICON_FAMILIES, word
        assert -1 <= float(valence) <= 1, word
        assert 0 <= float(intensity) <= 1, word
    for word, kind in read_table("cues.tsv", 2):
        assert kind in CUES, word
