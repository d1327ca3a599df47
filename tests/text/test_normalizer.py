from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from emoji import EMOJI_DATA, emoji_list
from emoplugin.errors import InputError
from emoplugin.text import STEPS, SURFACE_FEATURES, Normalizer, TextConfig
from emoplugin.text.emojis import emoji_name
from emoplugin.text.tables import tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NORMALIZER = Normalizer()
TABLES = tables()

FRAGMENTS = st.one_of(
    st.sampled_from(sorted(EMOJI_DATA)),
    st.sampled_from(sorted(TABLES.emoticons)),
    st.sampled_from(sorted({**TABLES.contractions, **TABLES.abbreviations, **TABLES.misspellings})),
    st.sampled_from(sorted(TABLES.ambiguous)),
    st.sampled_from(sorted({word for _, after in TABLES.ambiguous.values() for word in after})),
    st.sampled_from(
        [*" '!?.():_#@<>/-`’1ASO", "sooo", "12345", "www.", "http://", ".com", "\u200d", "\ufe0f", "\u20e3"]
    ),
    st.sampled_from(["\u0300\u0316" * 3, "\ud800", "\0", "\x1f", "<shouted>"]),
    st.text(max_size=3),
)
TEXTS = st.one_of(
    st.text(), st.lists(FRAGMENTS, max_size=12).map("".join), st.lists(FRAGMENTS, max_size=12).map(" ".join)
)
CONFIGS = st.builds(
    TextConfig,
    emoji_style=st.sampled_from(["name", "family", "keep"]),
    marks=st.booleans(),
    **{step: st.sampled_from([True, True, True, False]) for step in STEPS},
)
THOROUGH = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))


def features(text: str) -> dict[str, float]:
    found = NORMALIZER.analyze(text).features
    return {name: float(value) for name, value in zip(SURFACE_FEATURES, found, strict=True) if value}


def check(normalizer: Normalizer, text: str) -> str:
    result = normalizer.normalize(text)
    assert normalizer.normalize(result) == result
    assert len(result) <= 4 * len(text) + 16
    aligned = normalizer.align(text)
    assert aligned.text == result
    assert len(aligned.spans) == len(result)
    assert all(0 <= start <= end <= len(text) for start, end in aligned.spans)
    analysis = normalizer.analyze(text)
    assert analysis.text == result
    assert analysis.features.dtype == np.float32
    assert np.isfinite(analysis.features).all()
    return result


@THOROUGH
@given(TEXTS)
def test_any_text(text: str) -> None:
    assert check(NORMALIZER, text) == check(Normalizer(), text)


@THOROUGH
@given(TEXTS, CONFIGS)
def test_any_text_with_any_steps(text: str, config: TextConfig) -> None:
    check(Normalizer(config), text)


TONES = frozenset("🏻🏼🏽🏾🏿")
EMOJI = st.sampled_from(sorted(EMOJI_DATA.keys() - TONES))
SIGNS_WITH_EMOJI = st.sampled_from(sorted(sign for sign in TABLES.emoticons if emoji_list(sign)))
RUNS = st.tuples(EMOJI, st.integers(1, 40)).map(lambda run: run[0] * run[1])
ABBREVIATIONS = st.sampled_from(sorted(TABLES.abbreviations))


def lost_emoji(text: str, normalizer: Normalizer = NORMALIZER) -> list[str]:
    """The emoji of a text, as the package ``emoji`` reads them, that neither a name nor a family stands for."""
    result = f" {normalizer.normalize(text)} "
    return [
        found
        for found in dict.fromkeys(place["emoji"] for place in emoji_list(text))
        if f" {emoji_name(found)} " not in result and f" {TABLES.emoji_affect(found)[0]} " not in result
    ]


def families_fit(text: str) -> bool:
    families = {TABLES.emoji_affect(place["emoji"])[0] for place in emoji_list(text)}
    return len(" ".join(families)) <= 4 * len(text) + 16


def test_no_single_emoji_is_lost() -> None:
    texts = [text for sign in sorted(EMOJI_DATA) for text in (sign, sign * 2, sign * 30, f"so{sign}!")]
    assert [text for text in texts if lost_emoji(text)] == []


def test_a_joiner_that_joins_nothing_changes_nothing() -> None:
    texts = [f"so many of them {sign}" for sign in EMOJI_DATA]
    assert [text for text in texts if NORMALIZER.normalize(text + "\u200d") != NORMALIZER.normalize(text)] == []


@THOROUGH
@given(
    st.lists(
        st.one_of(EMOJI, RUNS, SIGNS_WITH_EMOJI, ABBREVIATIONS, st.sampled_from([" ", "so", ":(", "!", "ill", "its"])),
        max_size=15,
    )
)
def test_no_emoji_is_lost(parts: list[str]) -> None:
    text = "".join(parts)
    assert not families_fit(text) or lost_emoji(text) == []
    assert lost_emoji(text, Normalizer(TextConfig(emoji_style="family"))) == [] or not families_fit(text)


def test_emoji_whose_families_do_not_fit_are_cut_off() -> None:
    text = "🤮🙏😴💩👩🌳🍕🥳🎈😂😏😎"
    assert NORMALIZER.normalize(text)
    assert len(NORMALIZER.normalize(text)) <= 4 * len(text) + 16


def test_a_text_that_is_cut_off_keeps_the_emoji_at_its_end() -> None:
    text = "=$" * 20 + "😂 ill go" + "=$" * 20 + "❤"
    result = NORMALIZER.normalize(text)
    assert result.count("embarrassed") < 40
    assert result.endswith(" love")
    check(NORMALIZER, text)
    waiting = "=$" * 5 + " its ill go " + "=$" * 20 + "❤"
    for length in range(len(waiting)):
        check(NORMALIZER, waiting[length:])


@pytest.mark.parametrize(
    ("typed", "model_text"),
    [
        ("Then dont ask me", "then do not ask me"),
        ("Wont u ask my age ?", "will not you ask my age ?"),
        ("oops Brb", "oops be right back"),
        ("it is thooooo", "it is though"),
        ("what if i told you I'm not", "what if i told you i am not"),
        ("Let's change the subject", "let us change the subject"),
        ("luv u lotsss", "love you lots"),
        ("damn!!!!", "damn !!"),
        ("gr8 m8", "great mate"),
        ("dnt b lyk dat", "do not be like that"),
        ("whyyyy?!?!?!", "why ?!"),
        ("“curly” ｆｕｌｌ 𝓂𝒶𝓉𝒽 Z̸̡͊a̷l̵g̴o café", '" curly " full math zalgo cafe'),
        ("привет мир नमस्ते", "привет мир नमस्ते"),
        ("@bob see https://x.com/a?b=1 or a.b@c.com", "<user> see <url> or <user>"),
        ("#soHappy #thisisgreat", "so happy this is great"),
        ("0123456789 at 5:30", "<number> at 5:30"),
        ("good aaa www soooo gooood", "good aaa www so good"),
        ("hahahahaha", "haha"),
        ("ill go , im ill", "i will go , i am ill"),
        ("hell of a day", "hell of a day"),
        ("👨‍👩‍👧‍👦 👍🏽", "family man woman girl boy thumbs up"),
        ("lol 😂", "lol face with tears of joy"),
        ("so 😭😭😭", "so loudly crying face cry"),
        ("¯\\_(ツ)_/¯ :'( T_T ):", "shrug crying crying frowning"),
        ("1️⃣ 🇩🇪 🇹🇦", "keycap 1 germany flag"),
        ("a\0b\ud800c", "a be c"),
        ("so ( ͡° ͜ʖ ͡°) and (╯ °□°)╯", "so smirking and table flip"),
        ("(╯°□°)╯︵ ┻━┻ !", "table flip !"),
        ("shell shells ahell", "shell shells ahell"),
        ("hell call me", "he will call me"),
        ("im ill today , ill be late", "i am ill today , i will be late"),
        ("its great, the dog and its tail", "it is great , the dog and its tail"),
        ("were going , we were kids", "were going , we were kids"),
        ("id like that but my id is lost", "i would like that but my id is lost"),
        ("wed love to on wed", "we would love to on wed"),
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_examples(typed: str, model_text: str) -> None:
    assert NORMALIZER.normalize(typed) == model_text


def test_marks_are_written_and_survive() -> None:
    normalizer = Normalizer(TextConfig(marks=True))
    marked = normalizer.normalize("SOOOO cool")
    assert marked == "so <shouted> <elongated> cool" or marked == "so <elongated> <shouted> cool"
    assert normalizer.normalize(marked) == marked


def test_emoji_styles() -> None:
    assert Normalizer(TextConfig(emoji_style="family")).normalize("so 😭😭") == "so cry cry"
    assert Normalizer(TextConfig(emoji_style="keep")).normalize("so 😭😭😭") == "so 😭😭"


@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_a_switch_that_matters(step: str) -> None:
    text = "ILL go ㊗ ｓo @bob www.x.com 12345 #soHappy :( !!! whyyyy dont brb definately caf\u00e9"
    assert Normalizer(TextConfig(**{step: False})).normalize(text) != NORMALIZER.normalize(text)


def test_steps_end_with_the_model_text() -> None:
    steps = NORMALIZER.steps("Wont u b HAPPYYY :((((")
    assert [name for name, _ in steps] == list(STEPS)
    assert steps[-1][1] == NORMALIZER.normalize("Wont u b HAPPYYY :((((")


def test_spans_point_at_the_typed_words() -> None:
    typed = "ok, im soooo ｓad 😭"
    aligned = NORMALIZER.align(typed)
    pieces = {}
    for word in ("i am", "so", "sad", "crying"):
        start = aligned.text.index(word)
        spans = aligned.spans[start : start + len(word)]
        pieces[word] = typed[spans[0][0] : spans[-1][1]]
    assert pieces == {"i am": "im", "so": "soooo", "sad": "ｓad", "crying": "😭"}


def test_spans_of_an_emoticon_with_spaces() -> None:
    aligned = NORMALIZER.align("so ( ͡° ͜ʖ ͡°) u")
    assert aligned.text == "so smirking you"
    assert set(aligned.spans[3:11]) == {(3, 14)}


def test_features_of_a_turn() -> None:
    found = features("im not happy with u!!! WHY :(((")
    assert {"negation", "negated_positive", "second_person", "strong_exclamation", "shouted", "emoticons"} <= set(found)
    assert "negated_negative" not in found
    assert features("haha 😂😂").keys() >= {"laughter", "sign_laugh", "ends_sign"}
    assert features("what is it?").keys() >= {"starts_question", "ends_question"}
    assert features("( ͡° ͜ʖ ͡°)").keys() >= {"only_signs", "emoticons", "sign_smug", "ends_sign"}
    assert features("😂").keys() >= {"only_signs", "emoji"}
    assert features("") == {"is_empty": 1.0}


@pytest.mark.parametrize(
    ("text", "negated"),
    [("i am not happy", True), ("not today , happy", False), ("not a b c d happy", False), ("happy , not", False)],
)
def test_the_scope_of_a_negation(text: str, negated: bool) -> None:
    assert ("negated_positive" in features(text)) == negated


def test_features_follow_what_an_ambiguous_word_turns_out_to_be() -> None:
    assert "profanity" in features("hell of a day")
    assert "profanity" not in features("hell call me")


def test_a_batch_is_its_turns() -> None:
    texts = ["im not happy", "", "ill go :(", "😂" * 30]
    results, matrix = NORMALIZER.analyze_batch(texts)
    assert matrix.shape == (4, len(SURFACE_FEATURES))
    for text, result, row in zip(texts, results, matrix, strict=True):
        single = NORMALIZER.analyze(text)
        assert single.text == result
        assert np.array_equal(single.features, row)
    assert NORMALIZER.analyze_batch([])[1].shape == (0, len(SURFACE_FEATURES))


@pytest.mark.parametrize("sign", list(".,!?;:"))
def test_a_sign_behind_a_word_is_read_as_one_apart(sign: str) -> None:
    words = sorted(word for word in TABLES.words if word.isascii() and word.isalpha())[::20]
    texts, features = NORMALIZER.analyze_batch([f"{word}{sign}" for word in words])
    apart, features_apart = NORMALIZER.analyze_batch([f"{word} {sign}" for word in words])
    assert texts == apart
    assert np.array_equal(features, features_apart)
    assert NORMALIZER.align(f"so {words[0]}{sign}").spans[-1] == (3 + len(words[0]), 4 + len(words[0]))


def test_feature_names_are_unique() -> None:
    assert len(set(SURFACE_FEATURES)) == len(SURFACE_FEATURES)


@pytest.mark.parametrize("text", ["a" * 10**5, "\u0301\u0316" * 10**5, "🇦" * 30_000, "😂\u200d" * 10**4, "a." * 10**4])
def test_long_hostile_texts(text: str) -> None:
    assert len(NORMALIZER.normalize(text)) <= 4 * len(text) + 16


def test_configuration_round_trip() -> None:
    config = TextConfig(emoji=False, emoji_style="family", marks=True)
    assert TextConfig.from_json(config.to_json()) == config
    assert {*STEPS, "emoji_style", "marks"} == {field.name for field in dataclasses.fields(TextConfig)}


@pytest.mark.parametrize("data", [{"emojis": True}, {"emoji": "yes"}, {"emoji_style": "picture"}])
def test_bad_configurations_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match="emoji"):
        TextConfig.from_json(data)
