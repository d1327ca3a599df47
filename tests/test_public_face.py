from __future__ import annotations

import subprocess
import sys

import pytest
from emoplugin import Dialogue, LabelSet
from emoplugin.errors import InputError
from hypothesis import given
from hypothesis import strategies as st

TURNS = st.lists(st.text(max_size=30), min_size=1, max_size=5)


def test_importing_pulls_in_nothing_heavy() -> None:
    heavy = ["rasa", "tensorflow", "torch", "transformers", "onnxruntime", "sklearn", "scipy", "numpy", "matplotlib"]
    code = f"import sys, emoplugin; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    code = "import emoplugin; [getattr(emoplugin, name) for name in emoplugin.__all__]; print(dir(emoplugin))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "EmotionClassifier" in result.stdout


def test_serving_needs_no_torch() -> None:
    code = (
        "import sys, emoplugin; emoplugin.load('nelec-en').predict(emoplugin.Dialogue(['hi'])); "
        "print([name for name in ('torch', 'sklearn', 'pandas', 'scipy', 'rasa', 'tensorflow') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@given(TURNS)
def test_eos_text_reads_back_as_the_same_turns(turns: list[str]) -> None:
    dialogue = Dialogue(turns)
    read = Dialogue.parse(dialogue.text)
    assert len(read.turns) == len(turns)
    assert Dialogue.parse(read.text) == read


@given(TURNS)
def test_window_is_the_last_three_turns(turns: list[str]) -> None:
    window = Dialogue(turns).window()
    assert len(window) == 3
    assert window[-1] == turns[-1]
    assert [turn for turn in window if turn] == [turn for turn in turns[-3:] if turn]


def test_eos_is_read_in_any_case_and_spacing() -> None:
    assert Dialogue.parse("a<EOS>b  <eos>\nc").turns == ("a", "b", "c")


def test_a_turn_with_its_own_eos_stays_one_turn() -> None:
    assert Dialogue.parse(Dialogue(["what is <eos>", "b"]).text).turns == ("what is < eos >", "b")


@pytest.mark.parametrize("turns", [[], "text", [1], [None], ["a", b"b"]])
def test_what_is_no_dialogue(turns: object) -> None:
    with pytest.raises(InputError):
        Dialogue(turns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "neutral"), [((), None), (("a", "a"), None), (("a", ""), None), (("a", "b"), "c"), ((1, 2), None)]
)
def test_what_is_no_label_set(names: tuple[str, ...], neutral: str | None) -> None:
    with pytest.raises(InputError):
        LabelSet(names, neutral)


def test_label_set_round_trip() -> None:
    labels = LabelSet(("others", "joy"), "others", multi_label=True)
    assert LabelSet.from_json(labels.to_json()) == labels
    assert labels.emotions == ("joy",)
