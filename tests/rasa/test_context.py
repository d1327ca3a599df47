from __future__ import annotations

from emoplugin.rasa.context import dialogue_of, earlier_emotions
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

USER = UserUttered("did you break my phone?", {"name": "ask"})
BOT = BotUttered("yes, it was me")


def turns(text: str, *events: object) -> tuple[str, ...]:
    return dialogue_of(text, DialogueStateTracker.from_events("sender", list(events))).turns


def test_three_turns_come_from_the_tracker() -> None:
    events = [ActionExecuted("action_listen"), USER, SlotSet("a", "b"), ActionExecuted("utter_yes"), BOT]
    assert turns("are you serious", *events) == ("did you break my phone?", "yes, it was me", "are you serious")


def test_only_the_last_exchange_counts() -> None:
    assert turns("c", UserUttered("a"), BotUttered("A"), UserUttered("b"), BotUttered("B")) == ("b", "B", "c")


def test_bot_messages_in_a_row_are_joined_and_those_without_text_left_out() -> None:
    said = [BotUttered("one."), BotUttered(None, {"image": "x"}), BotUttered("two.")]
    assert turns("b", USER, *said) == (USER.text, "one. two.", "b")


def test_a_silent_bot_is_an_empty_turn() -> None:
    assert turns("b", USER) == (USER.text, "", "b")


def test_the_bot_may_begin() -> None:
    assert turns("hi", BotUttered("welcome!")) == ("welcome!", "hi")


def test_a_first_message_stands_alone() -> None:
    assert turns("hi") == ("hi",)
    assert dialogue_of("hi", None).turns == ("hi",)


def test_restarts_and_session_starts_end_the_context() -> None:
    assert turns("hi", USER, BOT, Restarted()) == ("hi",)
    assert turns("hi", USER, BOT, ActionExecuted("action_session_start"), SessionStarted()) == ("hi",)
    assert turns("hi", USER, BOT, SessionStarted(), BotUttered("welcome back")) == ("welcome back", "hi")


def test_what_a_fallback_reverted_was_said_all_the_same() -> None:
    assert turns("b", UserUttered("what?!"), BotUttered("rephrase that"), UserUtteranceReverted()) == (
        "what?!",
        "rephrase that",
        "b",
    )


def test_triggered_intents_are_nobodys_turn_and_payloads_have_no_words() -> None:
    assert turns("b", USER, BOT, UserUttered.create_external("remind"), BotUttered("reminder")) == (
        USER.text,
        "yes, it was me reminder",
        "b",
    )
    for payload in ("/affirm", ' /inform{"city": "Rome"}', "a <eos> b <eos> /affirm"):
        assert turns("b", UserUttered(payload), BOT) == ("", BOT.text, "b")
    assert turns("c", UserUttered("/affirm <eos> b <eos> words"), BOT) == ("words", BOT.text, "c")


def test_eos_text_carries_its_own_context() -> None:
    assert turns("a <eos> b <EOS> c", USER, BOT) == ("a", "b", "c")
    assert turns("d", UserUttered("a <eos> b <eos> c"), BOT) == ("c", BOT.text, "d")


def test_a_text_without_eos_stays_as_it_is() -> None:
    assert turns("  spaced  ") == ("  spaced  ",)


def test_earlier_emotions_are_those_of_this_session_newest_first() -> None:
    def said(label: str) -> UserUttered:
        return UserUttered(label, parse_data={"emotion": {"label": label}})

    tracker = DialogueStateTracker.from_events(
        "sender",
        [said("old"), Restarted(), said("first"), UserUttered("/button"), said("/button"), BOT, said("second")],
    )
    assert [found["label"] for found in earlier_emotions(tracker)] == ["second", "first"]
    assert list(earlier_emotions(None)) == []
