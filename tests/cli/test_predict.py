from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

LABELS = {"others", "happy", "sad", "angry"}


def check(row):
    assert row["label"] in LABELS
    assert set(row["probabilities"]) == LABELS
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert row["confidence"] == row["probabilities"][row["label"]]
    assert row["labels"] == [row["label"]]
    assert row["abstained"] is False


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_three_turns_decide(emoplugin):
    (row,) = emoplugin("predict", "Did you break my phone?", "Yes, it was me", "Are you serious").rows
    check(row)
    assert row["text"] == "Did you break my phone? <eos> Yes, it was me <eos> Are you serious"
    assert row["label"] == "angry"


def test_turns_and_text_are_the_same(emoplugin):
    turns = emoplugin("predict", "i got the job", "wow", "i am so happy").out
    assert emoplugin("predict", "i got the job <eos> wow <eos> i am so happy").out == turns


@pytest.mark.parametrize("text", ["", "   ", b"caf\xe9 \xff", "\U0001f62d" * 20, "-- -_- \u2028 \x07"])
def test_odd_texts_on_the_command_line(emoplugin, text):
    (row,) = emoplugin("predict", "--", text).rows
    check(row)


def test_an_input_file_of_hostile_texts(emoplugin, tmp_path):
    texts = [
        "",
        "   ",
        "\t\r\n\v\f",
        "\0\0 nul",
        "".join(map(chr, range(32))),
        "\ud83d",
        "\ude00\ud83d i am lost",
        "\U0001f600" * 10_000,
        "a" * 1_000_000,
        "so sad " * 150_000,
        "e\u0301\u0301" + "\u0301" * 5000,
        "\u202e\u200b\ufeff\u2028\x85",
        "<eos>" * 50,
        "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 100,
        "\U0010ffff\ufffe",
    ]
    rows = [{"n": number, "turn1": "hi", "turn2": text, "turn3": text} for number, text in enumerate(texts)]
    path = write(tmp_path, "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "out.jsonl"
    outcome = emoplugin("predict", "--input", path, "--output", output)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    lines = output.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == len(output.read_text(encoding="utf-8").splitlines()) == len(rows)
    for given, line in zip(rows, lines, strict=True):
        predicted = json.loads(line)
        check(predicted)
        assert {key: predicted[key] for key in given} == given


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.tsv", 'id\tturn1\tturn2\tturn3\tlabel\r\n7\thi\t"\tyay\tsad\r\n8\t\t\t\t\r\n'),
        ("rows.csv", '\ufeffid,turn1,turn2,turn3,label\n7,hi,"""",yay,sad\n8,,,,\n'),
    ],
)
def test_other_columns_are_carried_through(emoplugin, tmp_path, name, content):
    first, second = emoplugin("predict", "--input", write(tmp_path, name, content)).rows
    check(first)
    assert (first["id"], first["turn2"], first["input_label"]) == ("7", '"', "sad")
    assert (second["id"], second["turn3"], second["input_label"]) == ("8", "", "")


def test_standard_input_and_many_rows(emoplugin):
    rows = b"".join(b'{"text": "row %d", "n": %d}\n' % (number, number) for number in range(3000))
    predicted = emoplugin("predict", "--input", "-", stdin=rows).rows
    assert [row["n"] for row in predicted] == list(range(3000))


def test_a_header_alone_gives_no_rows(emoplugin, tmp_path):
    assert emoplugin("predict", "--input", write(tmp_path, "a.tsv", "turn1\tturn2\tturn3\n")).rows == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"turn1\tturn2\tlabel\na\tb\tsad\n", "row 1: expected the columns turn1, turn2, turn3 or the column text"),
        (
            b"turn1\tturn2\tturn3\na\tb\tc\na\tb\n",
            "row 3: expected 3 fields (turn1, turn2, turn3) between tabs, found 2",
        ),
        (b"turn1\tturn2\tturn3\na\tb\tcaf\xe9\n", "row 2, byte 8: 0xe9 is not UTF-8"),
        ("text\nhi\n".encode("utf-16"), "UTF-16"),
        (b'{"text": "hi"}\n{"text": null}\n', "row 2: text is NoneType"),
    ],
)
def test_bad_input_names_the_row_and_leaves_no_output(emoplugin, tmp_path, content, expected):
    path, output = write(tmp_path, "bad.txt", content), tmp_path / "out.jsonl"
    outcome = emoplugin("predict", "--input", path, "--output", output)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith(f"emoplugin: {path}")
    assert expected in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_points_to_is_written(emoplugin, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target.jsonl", tmp_path / "latest.jsonl"
    target.write_text("old")
    link.symlink_to(target)
    assert emoplugin("predict", "hi", "--output", link).code == 0
    assert link.is_symlink()
    assert '"label"' in target.read_text(encoding="utf-8")
    assert list(target.parent.iterdir()) == [target]


def test_an_output_may_replace_its_input(emoplugin, tmp_path):
    path = write(tmp_path, "rows.jsonl", '{"text": "hi"}\n')
    emoplugin("predict", "--input", path, "--output", path)
    check(json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "Give either one to three turns, or --input FILE."),
        (["a", "--input", "b"], "Give either"),
        (["a", "b", "c", "d"], "At most 3 turns, found 4"),
        (["--input", "FOLDER"], "is a folder; a file is expected"),
        (["--input", "FOLDER/none.tsv"], "no such file"),
        (["a", "--output", "FOLDER"], "cannot be written: Is a directory"),
        (["a", "--output", "FOLDER/none/out"], "cannot be written: No such file or directory"),
        (["a", "--model", "none"], "No bundle 'none'"),
        (["a", "--model", "FOLDER"], "is not an emoplugin bundle"),
    ],
)
def test_bad_arguments_are_explained(emoplugin, tmp_path, arguments, expected):
    outcome = emoplugin("predict", *(argument.replace("FOLDER", str(tmp_path)) for argument in arguments))
    assert outcome.code == 2
    assert outcome.out == ""
    assert expected in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_failure(emoplugin, script):
    outcome = emoplugin("predict", "hi", "--output", "/dev/full")
    assert (outcome.code, outcome.err) == (1, "emoplugin: No space left on device\n")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([script, "predict", "hi"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"emoplugin: No space left on device\n")


def test_a_broken_pipe_is_quiet(script, tmp_path):
    path = write(tmp_path, "rows.jsonl", '{"text": "hi"}\n' * 5000)
    with subprocess.Popen(
        [script, "predict", "--input", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_any_locale_will_do(emoplugin):
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    (row,) = emoplugin("predict", "caf\u00e9 \U0001f600".encode(), env=environment).rows
    check(row)


def test_a_bar_on_the_terminal_keeps_out_of_the_results(script, tmp_path):
    path = write(tmp_path, "rows.jsonl", '{"text": "hi"}\n' * 50)
    terminal, end = os.openpty()
    with subprocess.Popen([script, "predict", "--input", path], stdout=subprocess.PIPE, stderr=end) as process:
        rows = [json.loads(line) for line in process.stdout]
    os.close(end)
    assert len(rows) == 50
    assert b"Predicting" in os.read(terminal, 10_000)
    os.close(terminal)
