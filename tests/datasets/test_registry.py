from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from emoplugin.datasets import DATASETS, load_dataset, split_rows
from emoplugin.datasets.goemotions import GROUPS, LABELS
from emoplugin.errors import InputError

DATA = os.environ.get("EMOPLUGIN_DATA")
SMILE = "smile-annotations-final.csv"
TOPICAL = "conversation\tturn\tagent\tsentiment\tmessage\n"


def put(root, folder, name, content):
    path = root / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode())


def refused(root, name, split="train"):
    with pytest.raises(InputError) as caught:
        load_dataset(name, root, split)
    return str(caught.value)


def test_emocontext(tmp_path):
    put(
        tmp_path,
        "emocontext",
        "dev.txt",
        'id\tturn1\tturn2\tturn3\tlabel\r\n0\ta "b\t c\td"\tangry\r\n1\te\tf\t\tothers',
    )
    first, second = load_dataset("emocontext", tmp_path, "dev")
    assert (first.dialogue.turns, first.labels, first.id) == (('a "b', " c", 'd"'), ("angry",), "0")
    assert second.dialogue.turns == ("e", "f", "")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "train.txt is empty; expected the header id turn1 turn2 turn3 label between tabs"),
        (
            "id\tturn1\tturn2\tturn3\n",
            "row 1: expected the header id turn1 turn2 turn3 label between tabs, found id turn1 turn2 turn3.",
        ),
        (
            "id\tturn1\tturn2\tturn3\tlabel\n0\ta\tb\tc\n",
            "row 2: expected 5 fields (id, turn1, turn2, turn3, label) between tabs, found 4",
        ),
        ("id\tturn1\tturn2\tturn3\tlabel\nx\ta\tb\tc\tsad\n", "row 2: expected a number as id, found 'x'"),
        ("id\tturn1\tturn2\tturn3\tlabel\n0\ta\tb\tc\tjoy\n", "row 2: unknown label 'joy'"),
    ],
)
def test_emocontext_faults(tmp_path, content, expected):
    put(tmp_path, "emocontext", "train.txt", content)
    assert expected in refused(tmp_path, "emocontext")


def test_goemotions_and_its_groups(tmp_path):
    content = "joy\t17\ta\nboth\t17,25\tb\njoy and surprise\t17,26\tc\nplain\t27\td\nangry twice\t2,3\te\n"
    content += "polite\t0,15\tf\npolite and joyful\t15,17\tg\n"
    put(tmp_path, "goemotions", "train.tsv", content)
    assert [example.labels for example in load_dataset("goemotions", tmp_path)] == [
        ("joy",),
        ("joy", "sadness"),
        ("joy", "surprise"),
        ("neutral",),
        ("anger", "annoyance"),
        ("admiration", "gratitude"),
        ("gratitude", "joy"),
    ]
    grouped = load_dataset("goemotions-grouped", tmp_path)
    assert [(example.id, example.labels) for example in grouped] == [
        ("a", ("happy",)),
        ("c", ("happy",)),
        ("d", ("others",)),
        ("e", ("angry",)),
        ("g", ("happy",)),
    ]


def test_the_goemotions_labels():
    assert len(LABELS) == 28
    assert {name for members in GROUPS.values() for name in members} < set(LABELS.names)


@pytest.mark.parametrize(
    ("row", "found"), [("a\t28\tx", "'28'"), ("a\t1,\tx", "''"), ("a\t-1\tx", "'-1'"), ("a\t²\tx", "'²'")]
)
def test_goemotions_label_ids(tmp_path, row, found):
    put(tmp_path, "goemotions", "train.tsv", f"fine\t0\tx\n{row}\n")
    assert f"row 2: expected label ids from 0 to 27 between commas, found {found}" in refused(tmp_path, "goemotions")


def test_the_large_goemotions_files(tmp_path):
    def row(number, *labels):
        ones = ",".join("1" if name in labels else "0" for name in LABELS.names)
        return f'"text, {number}",id{number},author,sub,t3_a,t1_b,1.5e9,7,{not labels},{ones}\n'

    header = "text,id,author,subreddit,link_id,parent_id,created_utc,rater_id,example_very_unclear," + ",".join(
        LABELS.names
    )
    for file in range(3):
        rows = "".join(row(file * 10 + number, *(["joy", "love"] if number else [])) for number in range(10))
        put(tmp_path, "goemotions", f"goemotions_{file + 1}.csv", f"{header}\n{rows}")
    train, dev = (load_dataset("goemotions-raw", tmp_path, split) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (24, 6)
    examples = {example.id: example for example in train + dev}
    assert len(examples) == 30
    assert examples["id3"].labels == ("joy", "love")
    assert examples["id10"].labels == ()
    assert examples["id10"].fields["example_very_unclear"] == "True"
    put(tmp_path, "goemotions", "goemotions_2.csv", f"{header}\n" + row(1, "joy").replace(",0,", ",2,", 1))
    assert "goemotions_2.csv, row 2: admiration is '2'; expected 0 or 1" in refused(tmp_path, "goemotions-raw")
    put(tmp_path, "goemotions", "goemotions_2.csv", "text,id\na,b\n")
    assert "the columns admiration, amusement" in refused(tmp_path, "goemotions-raw")


def test_emotion6(tmp_path):
    put(tmp_path, "emotion6", "val.txt", "i feel; so well;joy\n")
    (example,) = load_dataset("emotion6", tmp_path, "dev")
    assert (example.dialogue.turns, example.labels) == (("i feel; so well",), ("joy",))
    put(tmp_path, "emotion6", "train.txt", "fine;joy\nno label\n")
    assert "row 2: expected 2 fields (text, label) between semicolons, found 1" in refused(tmp_path, "emotion6")


def test_the_emotion6_pool_takes_the_test_file_where_it_is(tmp_path):
    for name, rows in (("train.txt", 16), ("val.txt", 4)):
        put(tmp_path, "emotion6", name, "".join(f"{name} {row};joy\n" for row in range(rows)))
    parts = [load_dataset("emotion6-pool", tmp_path, split) for split in ("train", "dev")]
    assert [len(part) for part in parts] == [18, 2]
    assert len({example.dialogue for part in parts for example in part}) == 20
    assert parts[0] == load_dataset("emotion6-pool", tmp_path, "train")
    put(tmp_path, "emotion6", "test.txt", "more;joy\n" * 10)
    assert len(load_dataset("emotion6-pool", tmp_path, "train")) == 27


def test_smile_leaves_out_what_the_published_trainings_left_out(tmp_path):
    rows = [f'{number},"tweet, {number}",happy' for number in range(20)]
    rows += ["30,x,nocode", "31,x,happy|sad", *(f"{number},x,sad" for number in range(40, 60))]
    put(tmp_path, "smile", SMILE, "\n".join(rows))
    train, dev = (load_dataset("smile", tmp_path, split) for split in ("train", "dev"))
    assert Counter(example.labels for example in train) == {("happy",): 17, ("sad",): 17}
    assert Counter(example.labels for example in dev) == {("happy",): 3, ("sad",): 3}
    put(tmp_path, "smile", SMILE, "1,x,happy\n2,x,glad\n")
    assert "row 2: unknown label 'glad'" in refused(tmp_path, "smile")
    put(tmp_path, "smile", SMILE, "1,x,happy\n2,x,sad\n")
    assert "cannot be split" in refused(tmp_path, "smile")


def test_topicalchat_windows_end_at_conversations(tmp_path):
    sentiments = ["Curious to dive deeper", "Happy", "Disgusted", "Fearful", "Sad"]
    rows = "".join(f"c1\t{turn}\ta\t{name}\tm{turn}\n" for turn, name in enumerate(sentiments))
    for name in ("valid_freq.tsv", "test_freq.tsv"):
        put(tmp_path, "topicalchat", name, TOPICAL)
    put(tmp_path, "topicalchat", "valid_rare.tsv", TOPICAL + rows + "c2\t0\ta\tAngry\tn0\n")
    examples = load_dataset("topicalchat", tmp_path, "dev")
    assert [example.dialogue.turns for example in examples] == [
        ("m0",),
        ("m0", "m1"),
        ("m0", "m1", "m2"),
        ("m1", "m2", "m3"),
        ("m2", "m3", "m4"),
        ("n0",),
    ]
    assert [example.labels[0] for example in examples] == ["others", "happy", "angry", "others", "sad", "angry"]
    assert examples == load_dataset("topicalchat", tmp_path, "all")
    put(tmp_path, "topicalchat", "valid_rare.tsv", TOPICAL + "c\t0\ta\tGlad\tm\n")
    assert "row 2: unknown sentiment 'Glad'" in refused(tmp_path, "topicalchat", "dev")


def test_emoturns_comes_with_the_package(monkeypatch):
    monkeypatch.delenv("EMOPLUGIN_DATA", raising=False)
    train, dev = (load_dataset("emoturns", split=split) for split in ("train", "dev"))
    assert len(train) + len(dev) >= 600
    assert all(len(example.dialogue.turns) == 3 and example.group for example in train + dev)
    assert not {example.group for example in train} & {example.group for example in dev}
    assert split_rows(DATASETS["emoturns"]) == {"train": len(train), "dev": len(dev)}


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("EMOPLUGIN_DATA", raising=False)
    assert "set EMOPLUGIN_DATA" in refused(None, "smile")
    assert "Unknown data set 'nothing'; expected one of emoturns, emocontext" in refused(tmp_path, "nothing")
    assert "smile has no split 'all'; expected one of train, dev" in refused(tmp_path, "smile", "all")
    assert f"{SMILE}: no such file. smile comes from https://" in refused(tmp_path, "smile")


@pytest.mark.skipif(not DATA, reason="needs EMOPLUGIN_DATA")
@pytest.mark.parametrize("name", [name for name, dataset in DATASETS.items() if dataset.folder])
def test_the_published_counts(name):
    dataset, root = DATASETS[name], Path(DATA)
    for split, rows in dataset.rows.items():
        files = [root / dataset.folder / file for file in dataset.splits[split]]
        if all(file.exists() for file in files):
            assert len(load_dataset(name, root, split)) == rows


@pytest.mark.skipif(not DATA, reason="needs EMOPLUGIN_DATA")
def test_the_published_smile_split():
    dev = Counter(example.labels[0] for example in load_dataset("smile", Path(DATA), "dev"))
    assert dev == {"happy": 171, "not-relevant": 32, "angry": 9, "sad": 5, "surprise": 5, "disgust": 1}


@pytest.mark.skipif(not DATA, reason="needs EMOPLUGIN_DATA")
def test_the_published_emocontext_labels():
    train = Counter(example.labels[0] for example in load_dataset("emocontext", Path(DATA), "train"))
    assert train == {"others": 14948, "angry": 5506, "sad": 5463, "happy": 4243}
