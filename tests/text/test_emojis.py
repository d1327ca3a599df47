from __future__ import annotations

import pytest
from emoji import EMOJI_DATA, emoji_list
from emoplugin.text.emojis import emoji_name, split_emoji
from hypothesis import given
from hypothesis import strategies as st


def test_every_emoji_has_a_name_and_is_one() -> None:
    for emoji in EMOJI_DATA:
        assert emoji_name(emoji), emoji
        assert split_emoji(emoji) == [emoji]


def test_names_leave_skin_tones_out() -> None:
    assert emoji_name("👍🏿") == "thumbs up"
    assert emoji_name("🏿") == "dark skin tone"


@pytest.mark.parametrize(
    ("run", "parts"),
    [
        ("😂❤️", ["😂", "❤️"]),
        ("👩‍🍕", ["👩", "🍕"]),
        ("🇩🇪🇦🇦", ["🇩🇪", "🇦", "🇦"]),
        ("©🏻", ["©", "🏻"]),
        ("🇩🇨🇦", ["🇩", "🇨🇦"]),
        ("🏋🏻🏻", ["🏋🏻", "🏻"]),
        ("❤\u200d🇫🇯", ["❤", "🇫🇯"]),
        ("👩\u200d", ["👩"]),
        ("👨\u200d🦼\u200d", ["👨\u200d🦼"]),
        ("1️⃣2⃣", ["1️⃣", "2⃣"]),
    ],
)
def test_runs_come_apart(run: str, parts: list[str]) -> None:
    assert split_emoji(run) == parts


@given(st.lists(st.sampled_from(sorted(EMOJI_DATA.keys() - set("🏻🏼🏽🏾🏿")))).map("".join))
def test_runs_come_apart_as_the_package_emoji_reads_them(run: str) -> None:
    assert split_emoji(run) == [place["emoji"] for place in emoji_list(run)]
