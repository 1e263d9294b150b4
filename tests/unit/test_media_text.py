"""Fonts, shaping and line breaking."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.media.text import fonts
from integrations.media.text.fonts import Weight, font_data, glyph_addressable, stack
from integrations.media.text.shape import clean, runs, shape
from integrations.media.text.typeset import Style, clusters, split_word, width_of, wrap

BODY = Style(Weight.REGULAR, 30)
HINDI = "भारतीय रिज़र्व बैंक ने क्षेत्रीय राष्ट्रीय विज्ञान"
WORDS = st.text(st.sampled_from("abcdefghijWMil.,-/%₹0123456789 कखगघचजटतदनपबमयरलवशसहािीुूेैोौ्ंँ़ऋक्षज्ञäßŁ"), max_size=200)


@pytest.mark.parametrize("weight", Weight)
@pytest.mark.parametrize("text", ["The quick brown fox, 5.5% – “x” & (y)", "₹2,000 करोड़", HINDI + "।", "ÄÖÜ ß ñ é Ł ő"])
def test_first_font_has_what_briefs_are_written_with(weight: Weight, text: str) -> None:
    first = next(stack(weight))
    assert {char for char in clean(text) if ord(char) not in first.coverage} == set()


@pytest.mark.parametrize("weight", Weight)
def test_other_scripts_come_from_the_fallback_font(weight: Weight) -> None:
    names = [font.name for font, _ in runs("RBI Привет → Ελλάδα", weight)]
    assert names[0].startswith("Mukta")
    assert any(name.startswith("DejaVu") for name in names)
    assert all(glyph.number for glyph in shape("RBI Привет → Ελλάδα", weight).glyphs)


def test_a_font_that_nobody_comes_to_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "STACKS", {Weight.BOLD: ("Mukta-Bold.ttf", "no-such-font.ttf")})
    assert [font.name for font, _ in runs("RBI 5.5% भारत", Weight.BOLD)] == ["Mukta-Bold.ttf"] * 2
    with pytest.raises(FileNotFoundError):
        list(runs("Привет", Weight.BOLD))


def test_scripts_are_shaped_apart_and_marks_stay_with_their_letter() -> None:
    assert [piece for _, piece in runs("RBI ने कहा 5% ok", Weight.REGULAR)] == ["RBI ", "ने कहा 5% ", "ok"]


@pytest.mark.parametrize(
    ("text", "glyphs"),
    [("क्ष", 1), ("ज्ञ", 1), ("त्र", 1), ("श्र", 1), ("कि", 2), ("र्क", 2)],
)
def test_conjuncts_become_one_glyph(text: str, glyphs: int) -> None:
    assert len(shape(text, Weight.REGULAR).glyphs) == glyphs


def test_short_i_matra_stands_before_its_consonant() -> None:
    matra, consonant = shape("कि", Weight.REGULAR).glyphs
    alone = shape("क", Weight.REGULAR).glyphs[0]
    assert consonant.number == alone.number
    assert matra.x < consonant.x


def test_width_is_the_same_for_composed_and_decomposed_letters() -> None:
    assert width_of(clean("cafe\u0301"), BODY) == width_of(clean("café"), BODY)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  a \n\t b\u00a0c ", "a b c"),
        ("bell\x07 \x1b[31mred", "bell [31mred"),
        ("a\u202eb\u200b", "ab"),
        ("क्\u200dष", "क्\u200dष"),
        ("heart \u2764\ufe0f", "heart \u2764"),
        ("", ""),
    ],
)
def test_clean_leaves_what_can_be_set(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@settings(deadline=None, max_examples=60)
@given(WORDS, st.integers(80, 900))
def test_no_line_is_wider_than_its_measure_and_no_letter_is_lost(text: str, width: int) -> None:
    lines = wrap(text, BODY, width)
    assert all(width_of(line, BODY) <= width for line in lines)
    assert "".join(lines).replace(" ", "").replace("-", "") == clean(text).replace(" ", "").replace("-", "")


def test_long_word_breaks_after_a_mark_where_it_has_one() -> None:
    pieces = split_word("https://example.org/first-part/secondpartwhichislong", BODY, 420)
    assert pieces[0].endswith(("/", "-", "."))


def test_long_plain_word_is_hyphenated_between_letters() -> None:
    pieces = split_word("Donaudampfschifffahrtsgesellschaft", BODY, 200)
    assert all(piece.endswith("-") for piece in pieces[:-1])


def test_devanagari_syllables_are_not_torn() -> None:
    assert list(clusters("क्षेत्रीय")) == ["क्षे", "त्री", "य"]


def test_heading_lines_are_balanced_without_adding_one() -> None:
    text = "RBI cuts the repo rate by fifty basis points to five and a half per cent now"
    style = Style(Weight.BOLD, 50)
    plain, balanced = wrap(text, style, 980), wrap(text, style, 980, balance=True)
    assert len(plain) == len(balanced)
    spread = [max(width_of(line, style) for line in lines) for lines in (plain, balanced)]
    assert spread[1] <= spread[0]


def test_a_last_line_of_one_short_word_gets_company() -> None:
    lines = wrap(
        "The bridge stands 359 metres above the river and is 1,315 metres long.", Style(Weight.REGULAR, 35), 958
    )
    assert len(lines) == 2
    assert len(lines[1].split()) > 1


def test_fonts_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="TrueType"):
        glyph_addressable(b"<!doctype html><title>404</title>")


def test_glyph_map_covers_every_glyph() -> None:
    data = font_data("Mukta-Regular.ttf")
    assert len(glyph_addressable(data)) > len(data)
