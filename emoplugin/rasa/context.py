"""From a Rasa tracker to the turns that a model reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.core.constants import IS_EXTERNAL
from rasa.shared.core.events import BotUttered, Event, Restarted, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from emoplugin.dialogue import EOS, Dialogue

EMOTION = "emotion"
"""The key under which a message, and its ``parse_data`` in the tracker, holds what the component found."""


def dialogue_of(text: str, tracker: DialogueStateTracker | None) -> Dialogue:
    """The turns around a user's message.

    Args:
        text: The message. With ``<eos>`` in it the text itself carries the turns, and the tracker is not asked.
        tracker: The conversation before the message.
    """
    if _has_context(text):
        return Dialogue.parse(text)
    return Dialogue((*turns_before(tracker), text) if tracker is not None else (text,))


def turns_before(tracker: DialogueStateTracker) -> tuple[str, ...]:
    """The previous user turn and what the bot said since, or what there is of them in the running session."""
    said: list[str] = []
    for event in latest_session(tracker):
        if isinstance(event, BotUttered) and event.text:
            said.append(event.text)
        elif is_user_turn(event):
            return (_words(event.text), " ".join(reversed(said)))
    return (" ".join(reversed(said)),) if said else ()


def earlier_emotions(tracker: DialogueStateTracker | None) -> Iterator[Mapping[str, Any]]:
    """What the component attached to the user's earlier messages of the running session, newest first."""
    for event in latest_session(tracker) if tracker is not None else ():
        found = event.parse_data.get(EMOTION) if is_user_turn(event) else None
        if isinstance(found, Mapping):
            yield found


def latest_session(tracker: DialogueStateTracker) -> Iterator[Event]:
    """Events since the last restart or session start, newest first.

    Reverted utterances stay in: a user who was asked to rephrase has still said what they said.
    """
    for event in reversed(tracker.events):
        if isinstance(event, Restarted | SessionStarted):
            return
        yield event


def is_user_turn(event: Event) -> bool:
    """Whether the user said it; an intent that a reminder or the API triggered is nobody's turn."""
    return isinstance(event, UserUttered) and not event.metadata.get(IS_EXTERNAL)


def _words(text: str | None) -> str:
    """What the user said; a button's payload such as ``/affirm`` has no words."""
    if not text or text.startswith(INTENT_MESSAGE_PREFIX):
        return ""
    return Dialogue.parse(text).last if _has_context(text) else text


def _has_context(text: str) -> bool:
    return EOS in text.lower()
