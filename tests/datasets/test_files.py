from __future__ import annotations

import io
from pathlib import Path

import pytest
from emoplugin.datasets import read_turns
from emoplugin.datasets.files import MAX_ROW, read_rows
from emoplugin.errors import InputError
from emoplugin.labels import THREE_TURN_LABELS
from hypothesis import given
from hypothesis import strategies as st

HEADER = "id\tturn1\tturn2\tturn3\tlabel\n"


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(path):
    return [row.columns for row in read_rows(path)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "text\tnote\nhi\t1\n\t\n"),
        ("a.tsv", "\ufefftext\tnote\r\nhi\t1\r\n\t\r\n\r\n"),
        ("a.csv", 'text,note\nhi,1\n"",\n'),
        ("a.csv", '\ufeff"text","note"\r\n"hi","1"\r\n"",""\r\n'),
        ("a.jsonl", '{"text": "hi", "note": "1"}\n{"text": "", "note": ""}\n\n'),
        ("a.ndjson", '{"text": "hi", "note": "1"}\n{"text": "", "note": ""}'),
        ("a.txt", "text\tnote\nhi\t1\n\t"),
        ("a", "text,note\nhi,1\n,\n"),
        ("a", '{"text": "hi", "note": "1"}\n{"text": "", "note": ""}'),
    ],
)
def test_the_same_rows_from_every_format(tmp_path, name, content):
    assert columns(write(tmp_path, name, content)) == [{"text": "hi", "note": "1"}, {"text": "", "note": ""}]


def test_tab_separated_files_have_no_quoting(tmp_path):
    path = write(tmp_path, "a.tsv", 'text\tnote\n"hi\tsay "no"\n" "\t"\n')
    assert columns(path) == [{"text": '"hi', "note": 'say "no"'}, {"text": '" "', "note": '"'}]


def test_a_quoted_csv_field_may_hold_commas_quotes_and_lines(tmp_path):
    path = write(tmp_path, "a.csv", 'text,note\n"a, ""b""\nc",1\nd,2\n')
    rows = list(read_rows(path))
    assert [row.columns["text"] for row in rows] == ['a, "b"\nc', "d"]
    assert [row.number for row in rows] == [2, 4]


def test_a_quoted_csv_field_keeps_its_line_ends(tmp_path):
    path = write(tmp_path, "a.csv", 'text,note\r\n"a\r\nb\nc\rd\r",1\r\n')
    assert columns(path) == [{"text": "a\r\nb\nc\rd\r", "note": "1"}]


def test_an_empty_line_is_a_row_where_there_is_one_column(tmp_path):
    assert columns(write(tmp_path, "a.tsv", "text\n\nhi\n\n")) == [{"text": ""}, {"text": "hi"}, {"text": ""}]
    assert columns(write(tmp_path, "a.csv", "text\n\nhi\n")) == [{"text": ""}, {"text": "hi"}]


def test_only_line_feeds_end_a_row(tmp_path):
    text = "a\u2028b\x85c\x0bd\re"
    assert columns(write(tmp_path, "a.tsv", f"text\tnote\n{text}\t1\n")) == [{"text": text, "note": "1"}]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tsv", "", "is empty; expected a header or JSON lines"),
        ("a.tsv", "a\tb\n1\n", "row 2: expected 2 fields (a, b) between tabs, found 1"),
        ("a.tsv", "\n\r\n", "is empty; expected a header or JSON lines"),
        ("a.csv", "\ufeff", "is empty; expected a header or JSON lines"),
        ("a.jsonl", "\n \n", "is empty; expected a header or JSON lines"),
        ("a.tsv", "\na\tb\n1\t2\n", "row 1: the row is empty"),
        ("a.tsv", "a\tb\n1\t2\n\n3\t4\n", "row 3: the row is empty"),
        ("a.tsv", "a\ta\n", "row 1: columns are named twice: a"),
        ("a.csv", 'a,b\n"1,2\n', "row 2: not valid CSV"),
        ("a.csv", 'a,b\n1,2\n"x"y,2\n', "row 3: not valid CSV"),
        ("a.jsonl", '{"a": 1}\n{"a"\n', "row 2: not valid JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', "row 2: expected a JSON object, found list"),
        ("a.jsonl", '{"a": NaN}\n', "row 1: not valid JSON"),
        ("a.jsonl", '{"a": 1e999}\n', "row 1: not valid JSON"),
        ("a.jsonl", "[" * 100_000, "row 1: not valid JSON"),
        ("a.jsonl", '{"a": 1}\n\n{"a": 1}\n', "row 2: the row is empty"),
        ("a.tsv", b"a\tb\nok\tok\ncaf\xe9\t1\n", "row 3, byte 4: 0xe9 is not UTF-8"),
        ("a.tsv", "a\tb\n1\t2\n".encode("utf-16"), "row 1, byte 1: 0xff is not UTF-8. It looks like UTF-16"),
        ("a.tsv", b"a\n" + b"x" * (MAX_ROW + 1), "row 2 is longer than 16 MiB"),
    ],
)
def test_a_fault_is_named_by_file_and_row(tmp_path, name, content, expected):
    path = write(tmp_path, name, content)
    with pytest.raises(InputError) as caught:
        list(read_rows(path))
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)


def test_files_that_cannot_be_opened(tmp_path):
    for path, expected in ((tmp_path, "is a folder"), (tmp_path / "none.tsv", "no such file"), (Path("a\0b"), "null")):
        with pytest.raises(InputError, match=expected):
            list(read_rows(path))


@given(st.binary(max_size=300), st.sampled_from(["a.tsv", "a.csv", "a.jsonl", "a"]))
def test_any_bytes_give_rows_or_an_input_error(content, name):
    try:
        for example in read_turns(Path(name), handle=io.BytesIO(content)):
            assert example.dialogue.turns
    except InputError as error:
        assert name in str(error)  # noqa: PT017


def test_turns_with_label_group_and_other_columns(tmp_path):
    path = write(tmp_path, "a.tsv", "id\tturn1\tturn2\tturn3\tlabel\tgroup\tsource\nx\thi\tyo\tyay\thappy\tg-1\tchat\n")
    (example,) = read_turns(path, THREE_TURN_LABELS)
    assert example.dialogue.turns == ("hi", "yo", "yay")
    assert (example.labels, example.id, example.group, example.fields) == (("happy",), "x", "g-1", {"source": "chat"})


def test_text_with_eos_without_id_or_label(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "hi <eos> yo <EOS> yay", "n": 3}\n{"text": "bare"}\n')
    first, second = read_turns(path)
    assert first.dialogue.turns == ("hi", "yo", "yay")
    assert (first.labels, first.id, first.group, first.fields) == ((), "1", None, {"n": 3})
    assert second.dialogue.turns == ("bare",)


def test_several_labels(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "a", "label": "x|y"}\n{"text": "a", "label": ["x", "y"]}\n')
    assert [example.labels for example in read_turns(path)] == [("x", "y")] * 2


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tsv", "turn1\tturn2\tlabel\na\tb\tsad\n", "expected the columns turn1, turn2, turn3 or the column text"),
        (
            "a.tsv",
            HEADER + "1\ta\tb\tc\tglad\n",
            "row 2: unknown label 'glad'; expected one of others, happy, sad, angry",
        ),
        ("a.tsv", HEADER + "1\ta\tb\tc\t\n", "row 2: expected one label, found 0"),
        ("a.tsv", HEADER + "1\ta\tb\tc\tsad|angry\n", "row 2: expected one label, found 2"),
        ("a.tsv", "text\nhi\n", "row 1: expected a column label, found text"),
        (
            "a.tsv",
            "turn1 turn2\n",
            "row 1: expected the columns turn1, turn2, turn3 or the column text, found turn1 turn2",
        ),
        ("a.jsonl", '{"text": "a", "label": "sad"}\n{"text": "a"}\n', "row 2: expected a column label, found text"),
        ("a.jsonl", '{"text": 3, "label": "sad"}\n', "row 1: text is int; expected text"),
        ("a.jsonl", '{"text": "a", "label": 3}\n', "row 1: label is int"),
    ],
)
def test_faults_of_three_turn_files(tmp_path, name, content, expected):
    with pytest.raises(InputError) as caught:
        list(read_turns(write(tmp_path, name, content), THREE_TURN_LABELS))
    assert expected in str(caught.value)
