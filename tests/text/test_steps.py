from __future__ import annotations

import pytest
from emoplugin.text.config import TextConfig
from emoplugin.text.steps import TOKEN_STEPS, Context, ambiguous, knowledge, shorten_word
from emoplugin.text.tokens import Token, collapse, cut

CONTEXT = Context(TextConfig(), knowledge())
STEP = {step.name: step for step in TOKEN_STEPS}


def tokens(text: str) -> list[tuple[str, str]]:
    return [(token.text, token.kind) for token in cut(Token(text, 0, len(text)), CONTEXT.known.pattern)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("don't", "word"),
        ("goin'", "symbol_word"),
        ("w/", "symbol_word"),
        ("5:30", "number"),
        ("gr8", "word"),
        ("xDDD", "emoticon"),
        (":-(((", "emoticon"),
        ("T____T", "emoticon"),
        ("(^_^)", "emoticon"),
        ("hi:)", "word emoticon"),
        ("name:Dave", "word punctuation word"),
        ("(foo):", "punctuation word punctuation punctuation"),
        ("#1", "punctuation number"),
        ("#so1", "hashtag"),
        ("amazon.com.", "url punctuation"),
        ("ok.then", "word punctuation word"),
        ("<URL>", "mark"),
        ("12️⃣", "word emoji"),
        (":0️⃣", "punctuation emoji"),
        ("😂😂❤️", "emoji"),
    ],
)
def test_kinds_of_tokens(text: str, kinds: str) -> None:
    found = tokens(text)
    assert " ".join(kind for _, kind in found) == kinds
    assert "".join(part for part, _ in found) == text


@pytest.mark.parametrize(
    ("step", "typed", "result"),
    [
        ("links", "www.example.org/a", ["<url>"]),
        ("mentions", "@someone", ["<user>"]),
        ("numbers", "12,345", ["<number>"]),
        ("numbers", "1,234", ["1,234"]),
        ("hashtags", "#HTMLParser_42", ["HTML", "Parser", "42"]),
        ("emoji", "😂😂❤️", ["face with tears of joy laugh", "red heart"]),
        ("emoticons", "<33333333", ["love love"]),
        ("punctuation", "?????", ["??"]),
        ("punctuation", "!?", ["?!"]),
        ("punctuation", "....", ["..."]),
        ("punctuation", "----", ["--"]),
        ("case", "WHY", ["why"]),
        ("elongation", "heheheeee", ["hehe"]),
        ("elongation", "yaaaay", ["yay"]),
        ("contractions", "shouldve", ["should have"]),
        ("contractions", "don`t", ["do not"]),
        ("abbreviations", "brb", ["be right back"]),
        ("misspellings", "definately", ["definitely"]),
    ],
)
def test_steps_on_one_token(step: str, typed: str, result: list[str]) -> None:
    (token,) = cut(Token(typed, 0, len(typed)), CONTEXT.known.pattern)
    assert token.kind in STEP[step].kinds
    assert [found.text for found in STEP[step].apply(token, CONTEXT)] == result


def test_ambiguous_words_go_by_the_next_word() -> None:
    assert ambiguous(["ill", "go"], CONTEXT.known) == ["i will", "go"]
    assert ambiguous(["so", "ill", "today"], CONTEXT.known) == ["so", "ill", "today"]


@pytest.mark.parametrize(
    ("typed", "short"),
    [("soooo", "so"), ("gooood", "good"), ("soo", "so"), ("aaa", "aaa"), ("zzxxxx", "zzxx"), ("matt", "matt")],
)
def test_stretched_words(typed: str, short: str) -> None:
    assert shorten_word(typed, {"so", "good", "god", "mat"}) == short


def test_collapsed_emoticons() -> None:
    assert [collapse(sign) for sign in (":(((", "((:", "T__T", "^^^^", ":)")] == [":(", "(:", "T_T", "^^", ":)"]
