from __future__ import annotations

import pytest
from emoplugin.text.repair import repair, repair_with_origin
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("“don’t” – ok…", '"don\'t" - ok...'),
        ("ＦＵＬＬ ｗｉｄｔｈ！", "FULL width!"),
        ("𝓈𝒸𝓇𝒾𝓅𝓉 𝟛", "script 3"),
        ("naïve Ærø ß ﬁ", "naive AEro ss fi"),
        ("e\u0301\u0302\u0303\u0304", "e"),
        ("д\u0301\u0302\u0303\u0304", "д\u0301\u0302"),
        ("a\u200bb\ufeffc\u00add\u202e", "abcd"),
        ("क्\u200dष", "क्\u200dष"),
        ("мир हिन्दी 漢字 العربية 한국어", "мир हिन्दी 漢字 العربية 한국어"),
        ("a\0b\ud800", "a b "),
        ("👩‍❤️‍👩 ❤️ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ™", "👩‍❤️‍👩 ❤️ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ™"),
    ],
)
def test_repair(typed: str, plain: str) -> None:
    assert repair(typed) == plain


@given(st.text())
def test_origin_rises_within_the_text(text: str) -> None:
    repaired, origin = repair_with_origin(text)
    assert repaired == repair(text)
    assert len(origin) == len(repaired) + 1
    assert origin == sorted(origin)
    assert origin[-1] == len(text)
