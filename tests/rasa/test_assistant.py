"""The demo assistant as its users meet it: trained, tested and served by Rasa itself."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from emoplugin.cli.chat import fingerprint
from running import PROJECT, Server, Terminal, rasa

pytestmark = pytest.mark.xdist_group("assistant")

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "use-over-http.md"
BRANCHING = HOW_TO.with_name("branch-on-emotion.md")
TRAJECTORY = HOW_TO.with_name("follow-the-trajectory.md")
PHONE = ["Did you break my phone?", "Yes, it was me", "Are you serious"]


@pytest.mark.parametrize("page", [BRANCHING, TRAJECTORY], ids=lambda page: page.stem)
def test_the_examples_of_a_page_are_the_demos(page: Path) -> None:
    demo: dict[str, set[str]] = defaultdict(set)
    shown: dict[str, set[str]] = defaultdict(set)
    for path in PROJECT.rglob("*.yml"):
        _names(yaml.safe_load(path.read_text()), demo)
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        _names(yaml.safe_load(block), shown)
    assert set(shown) == {"rule", "story", "text", "slot", "form", "key"}
    for kind, names in shown.items():
        assert names <= demo[kind], kind


def _names(content: Any, found: dict[str, set[str]]) -> None:
    """Collects what rules, stories, texts, slots, forms and keys of the component are called in a file of Rasa."""
    if not isinstance(content, dict):
        return
    for kind, section in (("rule", "rules"), ("story", "stories")):
        found[kind] |= {entry[kind] for entry in content.get(section, [])}
    for kind, section in (("slot", "slots"), ("form", "forms")):
        found[kind] |= set(content.get(section, {}))
    found["text"] |= {text["text"] for texts in content.get("responses", {}).values() for text in texts}
    for component in content.get("pipeline", []):
        if component["name"] == "emoplugin.EmotionClassifier":
            found["key"] |= set(component)


def test_rasas_own_tests_pass(assistant: Path) -> None:
    tested = rasa(assistant, "test", "core", "--stories", "tests", "--fail-on-prediction-errors")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    failed = (assistant / "results" / "failed_test_stories.yml").read_text()
    assert "None of the test stories failed" in failed


def test_the_model_carries_its_bundle(assistant: Path) -> None:
    with tarfile.open(assistant / "models" / "demo.tar.gz") as archive:
        assert any(name.endswith("EmotionClassifier0/bundle/manifest.json") for name in archive.getnames())


def test_a_text_with_eos_is_parsed_in_its_context(server: Server) -> None:
    parsed = server.call("/model/parse", {"text": " <eos> ".join(PHONE)})
    assert parsed["text"] == "Are you serious"
    assert parsed["intent"]["name"] == "react"
    assert parsed["emotion"]["turns"] == PHONE
    assert parsed["emotion"]["label"] == "angry"
    (emotion,) = (entity for entity in parsed["entities"] if entity["entity"] == "emotion")
    assert emotion["value"] == "angry"
    assert (emotion["start"], emotion["end"]) == (0, len("Are you serious"))
    assert emotion["confidence_entity"] == parsed["emotion"]["confidence"]


def test_the_how_to_shows_a_real_answer(server: Server) -> None:
    request, shown = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", HOW_TO.read_text(), re.DOTALL)[:2]
    )
    answer = server.call("/model/parse", request)
    assert shown["text"] == answer["text"]
    assert shown["intent"]["name"] == answer["intent"]["name"]
    assert shown["emotion"].keys() == answer["emotion"].keys()
    for key in ("label", "turns", "model"):
        assert shown["emotion"][key] == answer["emotion"][key]
    assert [entity.keys() for entity in shown["entities"]] == [entity.keys() for entity in answer["entities"]]


@pytest.mark.parametrize("mode", ["luis", "wit", "dialogflow"])
def test_rasas_emulation_modes_still_answer(server: Server, mode: str) -> None:
    assert "angry" in json.dumps(server.call(f"/model/parse?emulation_mode={mode}", {"text": " <eos> ".join(PHONE)}))


def test_the_channel_takes_the_turns_from_the_tracker(server: Server) -> None:
    refusal = server.say("channel", "I would like a refund")
    assert "can not be refunded" in refusal
    assert "connect you with a person" in server.say("channel", "Are you serious")
    turns = ["I would like a refund", refusal, "Are you serious"]
    heard = server.heard("channel")[-1]
    assert heard["turns"] == turns
    parsed = server.call("/model/parse", {"text": " <eos> ".join(turns)})["emotion"]
    assert parsed["label"] == heard["label"] == "angry"
    assert parsed["probabilities"] == heard["probabilities"]
    assert server.slots("channel")["last_emotion"] == "angry"
    assert "made you angry" in server.say("channel", "yes please")
    assert server.slots("channel")["emotion"] == "others"


def test_the_same_words_after_good_news_are_not_angry(server: Server) -> None:
    assert "won a voucher" in server.say("voucher", "do I have a voucher?")
    assert "connect you with a person" not in server.say("voucher", "Are you serious")
    assert "arrives tomorrow" in server.say("order", "where is order 1001")
    assert "connect you with a person" not in server.say("order", "Are you serious")


def test_a_conversation_that_turns_sour_and_is_handed_over(server: Server) -> None:
    said = [
        ("hi", "Hello"),
        ("where is my order?", "order number"),
        ("1002", "Order 1002 is late"),
        ("I want a refund for order 1002", "can not be refunded"),
        ("Are you serious", "angry"),
        ("how do I sound?", "You sound angry to me (confidence 0."),
    ]
    for text, answer in said:
        assert answer in server.say("sour", text), text
    assert server.heard("sour")[4]["trend"] == "escalating"
    assert "not going well" in server.say("sour", "this is ridiculous!!! I am so angry with you")
    assert server.heard("sour")[-1]["alert"]
    assert "not going well" not in server.say("sour", "where is my order?")
    assert server.slots("sour")["emotion_alert"] is False


def test_the_trajectory_fills_its_slots(server: Server) -> None:
    slots = []
    for text in (
        "hello",
        "you stupid idiots, I hate you",
        "I am so angry with you, I hate you",
        "thank you so much, I love it, you are the best!",
    ):
        server.say("trajectory", text)
        slots.append(server.slots("trajectory"))
    assert [(held["emotion_streak"], held["emotion_trend"], held["emotion_alert"]) for held in slots] == [
        (1, "steady", False),
        (1, "escalating", False),
        (2, "escalating", True),
        (1, "recovering", True),
    ]
    assert slots[2]["emotion_mood"] == "angry"
    for held, heard in zip(slots, server.heard("trajectory"), strict=True):
        assert (held["emotion_streak"], held["emotion_trend"]) == (heard["streak"], heard["trend"])
        assert held["emotion_mood"] == max(heard["mood"], key=heard["mood"].get)
        assert held["emotion_alert"] is heard["alert"]


def test_a_person_asked_for_while_it_gets_worse_comes_with_an_apology(server: Server) -> None:
    angry = "let me talk to a human, I am so angry with you"
    server.say("worse", "hello")
    answer = server.say("worse", angry)
    assert answer.index("sorry for the trouble") < answer.index("connecting you now")
    assert server.slots("worse")["handover_trend"] == "escalating"
    server.say("worse", "you stupid idiots, I hate you")
    assert server.slots("worse")["handover_trend"] == "steady"
    assert "sorry for the trouble" not in server.say("first", angry)
    assert server.slots("first")["handover_trend"] == "steady"
    for text in ("hello", "where is my order?"):
        server.say("form", text)
    answer = server.say("form", angry)
    assert "connecting you now" in answer
    assert "sorry for the trouble" not in answer
    assert server.slots("form")["requested_slot"] is None


def test_anger_that_passes_in_between_is_offered_a_person_again(server: Server) -> None:
    for text in ("I would like a refund", "Are you serious", "no", "hello"):
        server.say("passing", text)
    assert "Shall I connect you" in server.say("passing", "you are useless")
    assert [(heard["label"], heard["alert"]) for heard in server.heard("passing")] == [
        ("others", False),
        ("angry", False),
        ("others", False),
        ("others", False),
        ("angry", False),
    ]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("where is my order?", "Sure"),
        ("where the hell is my order", "at once"),
        ("my order has not arrived :(", "sorry"),
    ],
)
def test_the_form_asks_by_emotion(server: Server, text: str, question: str) -> None:
    answer = server.say(text, text)
    assert question in answer
    assert "order number" in answer


def test_a_story_remembers_the_anger_that_a_rule_forgets(server: Server) -> None:
    said = [("1002", "is late"), ("what a terrible company!", "Shall I connect you")]
    for text, answer in said:
        assert answer in server.say("patient", text), text
    assert "patience" in server.say("patient", "ok, I'll wait")
    assert "is late" in server.say("calm", "1002")
    assert "patience" not in server.say("calm", "ok, I'll wait")


def test_sadness_is_comforted_and_joy_asked_for_a_review(server: Server) -> None:
    assert "so sorry" in server.say("sad", "I'm so sad, it was a gift for my daughter's birthday")
    assert "review" in server.say("happy", "I love it, you made my day!")


def test_an_empty_message_is_asked_to_be_put_another_way(server: Server) -> None:
    assert "another way" in server.say("empty", "")


def test_two_senders_at_once_never_see_each_others_turns(server: Server) -> None:
    def talk(sender: str) -> list[list[str]]:
        turns: list[list[str]] = []
        before: list[str] = []
        for number in range(8):
            text = f"hello from {sender}, message {number}"
            turns.append([*before, text])
            before = [text, server.say(sender, text)]
        return turns

    senders = [f"sender-{number}" for number in range(4)]
    with ThreadPoolExecutor(len(senders)) as pool:
        for sender, turns in zip(senders, pool.map(talk, senders), strict=True):
            assert [heard["turns"] for heard in server.heard(sender)] == turns


def test_a_restart_empties_the_context(server: Server) -> None:
    server.say("restart", "this is ridiculous, I am so angry with you")
    server.say("restart", "/restart")
    server.say("restart", "hello")
    heard = server.heard("restart")[-1]
    assert (heard["turns"], heard["streak"], heard["trend"]) == (["hello"], 1, "steady")


@pytest.mark.parametrize(
    "text",
    ["", "   ", "\x00\x07", "\ud800", "😀" * 10_000, "word " * 20_000, "a <eos> b <eos>"],
    ids=["empty", "spaces", "control", "surrogate", "emoji", "long", "no last turn"],
)
def test_no_text_breaks_the_server(server: Server, text: str) -> None:
    assert server.call("/model/parse", {"text": text})["emotion"]["label"] in {"others", "happy", "sad", "angry"}


def test_the_log_holds_no_words_of_a_user(server: Server) -> None:
    server.say("private", "my password is xyzzyplugh and I am so angry")
    server.call("/model/parse", {"text": "my password <eos> is <eos> xyzzyplugh"})
    assert "xyzzyplugh" not in server.log.read_text()


def test_the_terminal_shows_a_chat_and_no_log(assistant: Path) -> None:
    shutil.copy(assistant / "models" / "demo.tar.gz", assistant / "models" / f"chat-{fingerprint(assistant)}.tar.gz")
    with Terminal([str(Path(sys.executable).with_name("emoplugin")), "chat", str(assistant)]) as terminal:
        terminal.wait_for("Your input ->")
        terminal.type("I would like a refund")
        terminal.wait_for("can not be refunded")
        terminal.type("Are you serious")
        terminal.wait_for("connect you with a person")
        terminal.type("/stop")
        assert terminal.wait() == 0
    lowered = terminal.shown.lower()
    for noise in ("warning", "tensorflow", "info", "traceback", "sanic", "deprecat"):
        assert noise not in lowered, terminal.shown
