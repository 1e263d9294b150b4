"""Captions: phrases people can read, timed over what is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.media.cards import theme
from integrations.media.compose.burn import draw_caption
from integrations.media.compose.captions import LINE_COLUMNS, LINES, MIN_CUE_S, columns, cues, phrases
from integrations.media.text.shape import clean

TEXTS = st.text(st.sampled_from("abcdeABC 0123.,;!?-₹%   कखतनिी्ेंर।"), max_size=300)


@settings(deadline=None, max_examples=80)
@given(TEXTS)
def test_phrases_are_short_and_say_everything(text: str) -> None:
    found = phrases(text)
    assert all(len(lines) <= LINES and all(columns(line) <= LINE_COLUMNS for line in lines) for lines in found)
    assert "".join("".join(lines) for lines in found).replace(" ", "") == clean(text).replace(" ", "")


def test_sentences_are_not_mixed_in_one_caption() -> None:
    assert phrases("RBI cut rates. The stance is neutral now.") == [
        ("RBI cut rates.",),
        ("The stance is neutral now.",),
    ]


@pytest.mark.parametrize("text", ["The rate is 5.5 per cent.", "The U.S. dollar fell.", "It costs Rs. 500 now."])
def test_numbers_and_small_words_do_not_end_a_sentence(text: str) -> None:
    assert "".join(" ".join(lines) for lines in phrases(text)).count(".") == text.count(".")


def test_hindi_sentences_end_at_the_danda() -> None:
    assert len(phrases("बैंक ने दर घटाई। समिति ने कहा।")) == 2


def test_a_long_sentence_breaks_at_its_comma() -> None:
    text = (
        "The Monetary Policy Committee voted for a cut of fifty points, the third in a row since February of this year."
    )
    assert phrases(text)[0][-1].endswith("points,")


def test_captions_do_not_end_with_a_word_that_leads_on() -> None:
    text = "The committee of the bank voted five to one for a cut of fifty points on the second day of its meeting"
    for lines in phrases(text)[:-1]:
        assert lines[-1].split()[-1] not in {"for", "of", "the", "a", "to", "on"}


def test_cues_fill_the_narration_in_order_without_overlap() -> None:
    text = "First sentence here. A second one that is rather longer than the first. And a third."
    found = cues(text, start_s=10.0, duration_s=9.0)
    assert found[0].start_s == pytest.approx(10.0)
    assert found[-1].end_s == pytest.approx(19.0)
    for one, two in itertools.pairwise(found):
        assert one.end_s == pytest.approx(two.start_s)
    lengths = {cue.lines: cue.end_s - cue.start_s for cue in found}
    assert max(lengths, key=lambda lines: lengths[lines])[0].startswith("A second")


def test_cues_too_short_to_read_share_the_screen() -> None:
    found = cues("No. Yes. The committee then voted on the whole of the bill.", start_s=0, duration_s=4)
    assert all(cue.end_s - cue.start_s >= MIN_CUE_S for cue in found)


@pytest.mark.parametrize("text", ["", "   ", "\u200b"])
def test_nothing_said_is_no_caption(text: str) -> None:
    assert cues(text, start_s=0, duration_s=3) == ()


@pytest.mark.parametrize("lines", [("W" * 42, "W" * 42), ("₹2.5 लाख करोड़",), ("i",)])
def test_caption_box_stays_in_the_band_below_the_card(lines: tuple[str, ...]) -> None:
    caption = draw_caption(lines)
    assert caption.x >= 40
    assert caption.x + caption.width <= theme.WIDTH - 40
    assert caption.y >= theme.CAPTION_TOP
    assert caption.y + caption.height <= theme.HEIGHT - 4
    assert not (caption.x % 2)
    assert not (caption.y % 2)
    assert not (caption.width % 2)
    assert not (caption.height % 2)


def test_caption_is_blended_into_its_place_only() -> None:
    caption = draw_caption(("Readable on white",))
    planes = np.full((theme.HEIGHT * 3 // 2, theme.WIDTH), 235, np.uint8)
    caption.blend(planes)
    luma = planes[: theme.HEIGHT].copy()
    box = luma[caption.y : caption.y + caption.height, caption.x : caption.x + caption.width]
    assert box.min() < 70
    assert box.max() > 225
    luma[caption.y : caption.y + caption.height, caption.x : caption.x + caption.width] = 235
    assert (luma == 235).all()
