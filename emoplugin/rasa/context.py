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
            last = _last(event.text)
            # A button was pressed there: that was a turn, but one without words.
            return ("" if is_payload(last) else last, " ".join(reversed(said)))
    return (" ".join(reversed(said)),) if said else ()


def earlier_emotions(tracker: DialogueStateTracker | None) -> Iterator[Mapping[str, Any]]:
    """What the component attached to the user's earlier messages of the running session, newest first.

    Payloads are left out, also where an earlier version of the component attached something to them.
    """
    for event in latest_session(tracker) if tracker is not None else ():
        if is_user_turn(event) and not is_payload(_last(event.text)):
            found = event.parse_data.get(EMOTION)
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


def is_payload(text: str) -> bool:
    """Whether a message is what a button sends, such as ``/affirm``: Rasa reads an intent there, and no words."""
    return text.strip().startswith(INTENT_MESSAGE_PREFIX)


def _last(text: str | None) -> str:
    """A message without the context that it may carry."""
    return Dialogue.parse(text).last if text and _has_context(text) else text or ""


def _has_context(text: str) -> bool:
    return EOS in text.lower()
