from __future__ import annotations

import json
import shutil

import pytest
from emoplugin.models.bundle import shipped

ROWS = "id\tturn1\tturn2\tturn3\tlabel\n" + "".join(
    f"{number}\thello\thi\t{text}\t{label}\n"
    for number, (text, label) in enumerate(
        [
            ("i am so happy today, i love it!", "happy"),
            ("i hate you, you idiot", "angry"),
            ("i miss her so much, i cannot stop crying", "sad"),
            ("what time is it?", "others"),
        ]
        * 5
    )
)


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text(ROWS)
    return path


def test_json_and_files_and_table_agree(emoplugin, rows, tmp_path):
    (printed,) = emoplugin("evaluate", "--input", rows, "--json").rows
    assert printed["rows"] == 20
    assert {"accuracy", "mcc", "macro_f1", "emotion_f1", "ece", "brier"} <= printed["scores"].keys()
    assert printed["classes"]["happy"]["support"] == 5
    outcome = emoplugin("evaluate", "--input", rows, "--dataset", "emocontext", "--output", tmp_path / "new" / "folder")
    saved = json.loads((tmp_path / "new" / "folder" / "scores.json").read_text())
    assert saved["scores"] == printed["scores"]
    assert f"{saved['scores']['emotion_f1']:.4f}" in outcome.out
    assert (tmp_path / "new" / "folder" / "report.html").read_text().startswith("<!doctype html>")


def test_a_model_is_as_good_as_itself(emoplugin, rows, tmp_path):
    copy = shutil.copytree(shipped()["nelec-en"], tmp_path / "copy")
    (printed,) = emoplugin("evaluate", "--input", rows, "--compare", copy, "--json").rows
    comparison = printed["comparison"]
    assert comparison["mcnemar_p"] == 1
    assert all(score["difference"] == 0 and score["p"] == 1 for score in comparison["differences"].values())
    assert "McNemar" in emoplugin("evaluate", "--input", rows, "--compare", copy).out


def test_the_package_brings_rows_of_its_own(emoplugin):
    (printed,) = emoplugin("evaluate", "--dataset", "emoturns", "--json").rows
    assert printed["split"] == "dev"
    assert printed["scores"]["accuracy"] > 0.5
    assert printed["whole_groups"]["groups"] > 10


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "Give --dataset NAME, --input FILE, or both."),
        (["--dataset", "none"], "Unknown data set 'none'"),
        (
            ["--dataset", "smile", "--input", "FOLDER/smile.csv"],
            "nelec-en decides between one of others, happy, sad, angry",
        ),
        (["--dataset", "emocontext", "--data", "FOLDER"], "dev.txt: no such file. emocontext comes from https://"),
        (
            ["--dataset", "emocontext", "--input", "FOLDER/rows.tsv", "--split", "dev"],
            "--split does not go with --input",
        ),
        (["--dataset", "smile", "--input", "FOLDER/smile.csv", "--split", "test"], "No split 'test'"),
        (["--input", "FOLDER/rows.tsv", "--split", "test"], "--split needs --dataset"),
        (["--input", "FOLDER"], "is a folder"),
        (["--input", "FOLDER/bare.tsv"], "bare.tsv, row 1: expected a column label, found text"),
        (["--input", "FOLDER/header.tsv"], "There are no rows to evaluate on"),
        (["--input", "FOLDER/spaces.tsv"], "spaces.tsv, row 1: expected the columns turn1, turn2, turn3 or the column"),
        (
            ["--dataset", "smile", "--input", "FOLDER/empty.csv"],
            "empty.csv is empty; expected rows of id text category between commas",
        ),
        (["--input", "FOLDER/rows.tsv", "--output", "FOLDER/rows.tsv"], "cannot be made: File exists"),
    ],
)
def test_bad_arguments_are_explained(emoplugin, rows, tmp_path, arguments, expected):
    (tmp_path / "bare.tsv").write_text("text\nhi\n")
    (tmp_path / "header.tsv").write_text("text\tlabel\n")
    (tmp_path / "spaces.tsv").write_text("turn1 turn2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "smile.csv").write_text("1,nice,happy\n")
    outcome = emoplugin("evaluate", *(argument.replace("FOLDER", str(tmp_path)) for argument in arguments))
    assert outcome.code == 2
    assert outcome.out == ""
    assert expected in outcome.err
