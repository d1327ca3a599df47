"""``rasa test nlu`` reports on the emotions that NLU examples name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tinyproject
import wordmodel
from rasa.model_testing import test_nlu as run_nlu_test
from rasa.shared.exceptions import InvalidConfigException
from running import rasa

NLU = """
nlu:
- intent: greet
  examples:
  - text: are you serious
    metadata: {emotion: angry, turns: [did you break my phone, "yes, it was me"]}
  - text: are you serious
    metadata: {emotion: happy, turns: [did i win, yes you won the big prize]}
  - text: what are the opening hours
    metadata: {emotion: others}
  - text: i feel so lonely and sad
    metadata: {emotion: sad}
  - text: hello
- intent: bye
  examples:
  - text: you are a liar and i hate you
    metadata: {emotion: sad}
  - text: bye
"""

PLAIN = {"disable_plotting": True, "errors": False, "successes": False}


@pytest.fixture(autouse=True)
def no_cache_of_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_command_writes_a_report_beside_rasas_own(tmp_path: Path) -> None:
    tinyproject.write(tmp_path)
    tinyproject.train(tmp_path)
    (tmp_path / "test.yml").write_text(NLU)
    tested = rasa(tmp_path, "test", "nlu", "--nlu", "test.yml", "--no-plot")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    report = json.loads((tmp_path / "results" / "emotion_report.json").read_text())
    # The last example is labelled wrongly.
    assert report["accuracy"] == 0.8
    assert report["angry"] == {"precision": 0.5, "recall": 1.0, "f1-score": pytest.approx(2 / 3), "support": 1}
    assert report["sad"] == {"precision": 1.0, "recall": 0.5, "f1-score": pytest.approx(2 / 3), "support": 2}
    assert report["macro avg"]["f1-score"] == pytest.approx((1 + 1 + 2 / 3 + 2 / 3) / 4)
    assert report["weighted avg"]["support"] == 5
    assert "Emotion: accuracy 0.800, macro F1 0.833 on 5 labelled examples" in tested.stdout
    assert {"intent_report.json", "emotion_report.json"} <= {path.name for path in (tmp_path / "results").iterdir()}


async def results(project: Path, nlu: str, *, multi_label: bool = False) -> Path:
    """What `rasa test nlu` leaves of an assistant that decides emotions by words."""
    tinyproject.write(project, {"model": str(wordmodel.write(project / "words", multi_label=multi_label))})
    (project / "test.yml").write_text(nlu)
    await run_nlu_test(tinyproject.train(project), str(project / "test.yml"), str(project / "results"), PLAIN)
    return project / "results"


async def test_several_emotions_of_an_example(tmp_path: Path) -> None:
    nlu = """
nlu:
- intent: greet
  examples:
  - text: hello, glad to be mad
    metadata: {emotion: [angry, happy]}
  - text: hello, mad and [blue](colour)
    metadata: {emotion: angry}
"""
    folder = await results(tmp_path, nlu, multi_label=True)
    report = json.loads((folder / "emotion_report.json").read_text())
    assert report["accuracy"] == 0.5
    assert report["angry"]["f1-score"] == 1
    assert report["sad"] == {"precision": 0.0, "recall": 0.0, "f1-score": 0.0, "support": 0}
    assert "others" not in report
    assert not list(folder.glob("EmotionClassifier*"))


async def test_without_labels_there_is_no_report(tmp_path: Path) -> None:
    folder = await results(tmp_path, f"nlu:{tinyproject.NLU}")
    assert [path.name for path in folder.glob("*_report.json")] == ["intent_report.json"]


async def test_a_wrong_label_names_the_example(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigException, match="the example 'are you serious' of the NLU data: Unknown label"):
        await results(tmp_path, NLU.replace("angry", "furious"))
