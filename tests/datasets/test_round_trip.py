"""Every reader finds just the rows that were written: none is lost, none merged, none made up."""

from __future__ import annotations

import pytest
from emoplugin.datasets import DATASETS
from emoplugin.datasets.goemotions import LABELS
from emoplugin.errors import InputError
from hypothesis import given
from hypothesis import strategies as st


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


RAW = ",".join(["text", "id", *LABELS.names])
HEADERS = {
    "emoturns": ["turn1\tturn2\tturn3\tlabel"],
    "emocontext": ["id\tturn1\tturn2\tturn3\tlabel"],
    "goemotions-raw": [RAW],
    "topicalchat": ["conversation\tturn\tagent\tsentiment\tmessage"],
}
ROWS = {
    "emoturns": "hi\t\t{}\tsad",
    "emocontext": "{number}\thi\t\t{}\tsad",
    "goemotions": "{}\t2,17\tid{number}",
    "goemotions-raw": "{},id{number}" + ",0" * len(LABELS),
    "emotion6": "{};joy",
    "smile": "{number},{},happy",
    "topicalchat": "c{number}\t0\ta\tHappy\t{}",
}
"""How each format writes a text."""
QUOTING = ("goemotions-raw", "smile")
ENDS = st.sampled_from(["\n", "\r\n"])
TRAILING = st.sampled_from(["", "\n", "\r\n", "\n\n", "\r\n\n\r\n"])
MARK = st.sampled_from(["", "\ufeff"])
# The csv module of Python 3.10 takes no NUL, and a file may begin with a byte order mark.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff") | st.sampled_from('"\r\n\t,; ')
QUOTABLE = st.text(CHARACTERS, max_size=8)
PLAIN = QUOTABLE.map(lambda text: text.replace("\t", " ").replace("\n", " ").rstrip("\r"))
"""What fits a format without quoting: no tab, no line feed, and nothing that could belong to a CRLF."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def read(name, folder, content):
    dataset = DATASETS[name]
    path = folder / next(iter(dataset.splits.values()))[0]
    path.write_bytes(content.encode())
    return list(dataset.read(path))


def lines(name, texts):
    write = quoted if name in QUOTING else str
    return [*HEADERS.get(name, []), *(ROWS[name].format(write(text), number=n) for n, text in enumerate(texts))]


def refused(name, folder, content):
    with pytest.raises(InputError) as caught:
        read(name, folder, content)
    assert str(caught.value).startswith(str(folder))
    return str(caught.value)


@pytest.mark.parametrize("name", ROWS)
@given(data=st.data(), end=ENDS, trailing=TRAILING, mark=MARK)
def test_what_is_written_is_read(name, folder, data, end, trailing, mark):
    texts = data.draw(st.lists(QUOTABLE if name in QUOTING else PLAIN, min_size=1, max_size=5))
    examples = read(name, folder, mark + end.join(lines(name, texts)) + trailing)
    assert [example.dialogue.last for example in examples] == texts


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_empty_line_among_the_rows_is_named(name, folder, end):
    first, *rest = lines(name, ["a", "b"])
    content = end.join([first, "", "", *rest, ""])
    assert "row 2: the row is empty though rows follow it" in refused(name, folder, content)
    assert "row 1: the row is empty though rows follow it" in refused(name, folder, end + first + end)


@pytest.mark.parametrize("content", ["", "\ufeff", "\n", "\r\n\n"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("emoturns", "a header or JSON lines."),
        ("emocontext", "the header id turn1 turn2 turn3 label between tabs."),
        ("goemotions", "rows of text label-ids comment-id between tabs."),
        ("goemotions-raw", "a header or JSON lines."),
        ("emotion6", "rows of text label between semicolons."),
        ("smile", "rows of id text category between commas."),
        ("topicalchat", "the header conversation turn agent sentiment message between tabs."),
    ],
)
def test_an_empty_file_is_named_and_told_what_it_lacks(name, expected, folder, content):
    assert f" is empty; expected {expected}" in refused(name, folder, content)


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("emoturns", "turn1 turn2", "the columns turn1, turn2, turn3 or the column text, found turn1 turn2"),
        ("emoturns", "text", "a column label, found text"),
        ("emocontext", "id turn1", "the header id turn1 turn2 turn3 label between tabs, found id turn1"),
        ("topicalchat", "a\tb", "the header conversation turn agent sentiment message between tabs, found a b"),
        ("goemotions-raw", RAW.removesuffix(",neutral"), "the columns neutral are missing; found text, id"),
    ],
)
def test_a_wrong_header_is_refused_even_without_rows(name, header, expected, folder):
    message = refused(name, folder, header + "\n")
    assert ", row 1: " in message
    assert expected in message
