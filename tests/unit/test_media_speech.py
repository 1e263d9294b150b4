"""What is said for what is written, and in which voice."""

from __future__ import annotations

import pytest

from integrations.media.speech.narrate import ends_sentence
from integrations.media.speech.words import speakable, voices


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("₹2.5 lakh crore boost", "2.5 lakh crore rupees boost"),
        ("₹ 500, paid", "500 rupees, paid"),
        ("Rs. 1,315 each", "1,315 rupees each"),
        ("a 5–1 vote", "a 5 to 1 vote"),
        ("one – two — three", "one, two, three"),
        ("price in ₹", "price in rupees"),
        ("tab\tand\nline", "tab and line"),
        ("₹2 करोड़ का", "2 करोड़ रुपये का"),
    ],
)
def test_english_text_is_written_out_for_the_voice(written: str, spoken: str) -> None:
    assert speakable(written, hindi=False) == spoken


def test_hindi_text_names_the_currency_in_hindi() -> None:
    assert speakable("₹2,000 करोड़ और ₹5", hindi=True) == "2,000 करोड़ रुपये और 5 रुपये"


@pytest.mark.parametrize(
    ("text", "voice", "parts"),
    [
        ("All English 5%", "en-us", [("en-us", "All English 5%")]),
        ("RBI ने कहा 5% thank you", "en-us", [("en-us", "RBI "), ("hi", "ने कहा 5% "), ("en-us", "thank you")]),
        ("RBI ने कहा", "hi", [("en", "RBI "), ("hi", "ने कहा")]),
        ("5.5 % दर", "en", [("hi", "5.5 % दर")]),
        ("2026", "en-gb-x-rp", [("en-gb-x-rp", "2026")]),
        ("", "en", []),
    ],
)
def test_voice_follows_the_script(text: str, voice: str, parts: list[tuple[str, str]]) -> None:
    assert list(voices(text, voice)) == parts


@pytest.mark.parametrize(("text", "ends"), [("Done. ", True), ("“Done.” ", True), ("हुआ। ", True), ("and then ", False)])
def test_sentence_ends_are_seen(text: str, *, ends: bool) -> None:
    assert ends_sentence(text) is ends
