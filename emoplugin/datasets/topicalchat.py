"""Topical-Chat (Gopalakrishnan et al. 2019): every three utterances in a row, under the three-turn labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from emoplugin.datasets.example import Example
from emoplugin.datasets.files import TSV, read_table
from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.errors import InputError

COLUMNS = ("conversation", "turn", "agent", "sentiment", "message")
EMOTIONS = {
    "Happy": "happy",
    "Sad": "sad",
    "Angry": "angry",
    "Disgusted": "angry",
    "Neutral": "others",
    "Curious to dive deeper": "others",
    "Surprised": "others",
    "Fearful": "others",
}
"""The speaker's own sentiment to the three-turn label."""


def read(path: Path) -> Iterator[Example]:
    """One example an utterance, with up to two utterances before it in its conversation.

    The file is a TSV without quoting, with the header ``conversation turn agent sentiment message``, a conversation's
    utterances in order.
    """
    window: deque[str] = deque(maxlen=WINDOW)
    current = None
    for row in read_table(path, TSV, COLUMNS, headed=True):
        conversation, turn, agent, sentiment, message = row.columns.values()
        if sentiment not in EMOTIONS:
            raise InputError(f"{row.where}: unknown sentiment {sentiment!r}; expected one of {', '.join(EMOTIONS)}.")
        if conversation != current:
            window.clear()
            current = conversation
        window.append(message)
        fields = {"conversation": conversation, "turn": turn, "agent": agent, "sentiment": sentiment}
        yield Example(Dialogue(tuple(window)), (EMOTIONS[sentiment],), f"{conversation}:{turn}", fields=fields)
