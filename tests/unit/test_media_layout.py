"""Cards: whatever the text, it stands whole between header and captions."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.media.cards import theme, words
from integrations.media.cards.backdrop import backdrop
from integrations.media.cards.clip import page_seconds
from integrations.media.cards.layout import Page, Role, elide, lay_out
from integrations.media.cards.paint import bars, ease, regions, sprites, stage
from integrations.media.text.shape import clean
from integrations.media.text.typeset import width_of
from scheduler.domain.content import Segment, SegmentKind
from scheduler.ports.media import CardContext

CONTEXT = CardContext("Daily Current Affairs", date(2025, 6, 6), 5)
HINDI = "भारतीय रिज़र्व बैंक ने रेपो दर घटाकर 5.5% की और ₹2.5 लाख करोड़ जारी किए"
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFWMI 0123456789.,;:-–—/%₹'()&     कखगघचजटतदनपबमयरलवशसहािीुूेैोौ्ंँ़।ΩЖäß中🙂"
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=260)


def segment(**changes: Any) -> Segment:
    values: dict[str, Any] = {
        "index": 1,
        "kind": SegmentKind.POINT,
        "heading": "RBI cuts the repo rate",
        "lines": ("First sentence.", "Second sentence."),
        "narration": "x",
        "duration_s": 10.0,
        "source": "RBI",
        "number": 2,
    }
    return Segment(**(values | changes))


def assert_inside(page: Page) -> None:
    for block in page.blocks:
        if block.role is Role.RULE:
            continue
        assert block.x >= theme.MARGIN, block
        assert block.x + block.width <= theme.WIDTH - theme.MARGIN + 1, block
        assert block.y >= theme.HEADER_BASELINE, block
        assert block.y + block.height <= theme.CAPTION_TOP, block


def set_text(pages: tuple[Page, ...], role: Role) -> str:
    text = "".join("".join(b.lines) for page in pages for b in page.blocks if b.role is role)
    return text.replace(" ", "").replace("-", "")


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(SegmentKind),
    TEXTS,
    st.lists(TEXTS, max_size=8),
    st.none() | TEXTS,
    st.none() | st.integers(1, 999),
)
def test_text_never_leaves_its_area_and_is_never_cut(
    kind: SegmentKind, heading: str, lines: list[str], source: str | None, number: int | None
) -> None:
    card = segment(kind=kind, heading=heading, lines=tuple(lines), source=source, number=number)
    pages = lay_out(card, CONTEXT)
    assert pages
    for page in pages:
        assert_inside(page)
    assert set_text(pages, Role.HEADING) == clean(heading).replace(" ", "").replace("-", "")
    assert set_text(pages, Role.BODY) == "".join(map(clean, lines)).replace(" ", "").replace("-", "")
    assert sum(page.weight for page in pages) == pytest.approx(1.0) or len(pages) == 1


@pytest.mark.parametrize(
    "card",
    [
        segment(heading="Donaudampfschifffahrtsgesellschaftskapitän" * 4, lines=("x" * 400,)),
        segment(heading=HINDI * 3, lines=(HINDI,) * 8),
        segment(heading="word " * 300, lines=("word " * 300,)),
    ],
)
def test_what_does_not_fit_flows_over_pages_that_say_so(card: Segment) -> None:
    pages = lay_out(card, CONTEXT)
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert_inside(page)
        marks = [block.lines[0] for block in page.blocks if block.role is Role.PAGE]
        assert marks == [f"{number} / {len(pages)}"]


def test_blocks_of_a_page_do_not_overlap() -> None:
    for card in (segment(), segment(heading=HINDI, lines=(HINDI, HINDI)), segment(kind=SegmentKind.INTRO, number=None)):
        for page in lay_out(card, CONTEXT):
            column = [b for b in page.blocks if b.role not in {Role.NUMERAL, Role.PAGE}]
            for above, below in itertools.pairwise(column):
                assert above.y + above.height <= below.y + 1


def test_short_text_is_set_large_and_long_text_smaller() -> None:
    def heading_size(text: str) -> int:
        return next(b.style.size for b in lay_out(segment(heading=text), CONTEXT)[0].blocks if b.role is Role.HEADING)

    assert heading_size("India wins the cup") > heading_size("word " * 30) >= theme.POINT_STEPS[-1].heading.size


@pytest.mark.parametrize("kind", SegmentKind)
def test_ink_of_a_painted_card_stays_off_the_captions_and_the_margins(kind: SegmentKind) -> None:
    number = 4 if kind is SegmentKind.POINT else None
    card = segment(kind=kind, heading=HINDI + " gjpqy", lines=(HINDI, "Quickly gjpqy " * 12), number=number)
    for page in lay_out(card, CONTEXT):
        base = stage(card, CONTEXT)
        painted = base.copy()
        for sprite in sprites(page, seconds=10):
            sprite.paint(painted, 1e6)
        changed = np.abs(np.asarray(painted, np.int16) - np.asarray(base, np.int16)).max(axis=2) > 12
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert rows.min() > theme.HEADER_BASELINE
        assert rows.max() < theme.CAPTION_TOP
        assert columns.min() >= theme.MARGIN - 4
        assert columns.max() <= theme.WIDTH - theme.MARGIN + 4


def test_programme_and_date_stay_within_the_margins_however_long() -> None:
    context = CardContext("P" * 60, date(2025, 9, 24), 300, "hi")
    card = segment(number=123)
    difference = np.abs(np.asarray(stage(card, context), np.int16) - np.asarray(backdrop(0.34), np.int16)).max(axis=2)
    columns = np.flatnonzero((difference > 12).any(axis=0))
    assert columns.min() >= theme.MARGIN - 4
    assert columns.max() <= theme.WIDTH - theme.MARGIN + 4


def luminance(colour: tuple[float, ...]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("warmth", [0.34, 0.62])
@pytest.mark.parametrize("colour", [theme.WHITE, theme.SOFT, theme.MUTED, theme.AMBER])
def test_contrast_meets_wcag_aa_where_text_stands(colour: theme.Colour, warmth: float) -> None:
    area = np.asarray(backdrop(warmth), np.float64)[: theme.CAPTION_TOP]
    brightest = tuple(np.percentile(area.reshape(-1, 3), 99.9, axis=0))
    assert (luminance(colour) + 0.05) / (luminance(brightest) + 0.05) >= 4.5


def test_elided_text_fits_and_shows_that_it_was_cut() -> None:
    shown = elide("a long programme name " * 20, theme.HEADER, 300)
    assert shown.endswith("…")
    assert width_of(shown, theme.HEADER) <= 300
    assert elide("short", theme.HEADER, 300) == "short"


def test_progress_mark_has_a_bar_a_story_until_there_are_too_many() -> None:
    assert len(bars(5)) == 5
    assert len(bars(theme.MAX_BARS + 1)) == 1
    assert bars(7)[0][0] == theme.MARGIN
    assert bars(7)[-1][1] == theme.WIDTH - theme.MARGIN


def test_lines_enter_one_after_another() -> None:
    page = lay_out(segment(lines=("One.", "Two.", "Three.")), CONTEXT)[0]
    starts = [sprite.starts_s for sprite in sprites(page, seconds=9) if sprite.role in {Role.HEADING, Role.BODY}]
    assert starts == sorted(starts)
    assert len(set(starts)) == 4


def test_pages_share_the_duration_but_are_never_shorter_than_reading_takes() -> None:
    pages = (Page((), 0.25), Page((), 0.75))
    assert page_seconds(pages, 100, 40.0) == [10.0, 30.0]
    assert page_seconds(pages, 2200, 4.0) == [26.5, 76.5]


def test_overlapping_regions_are_joined() -> None:
    assert regions([(0, 0, 4, 4), (10, 10, 12, 12), (2, 2, 11, 11)]) == [(0, 0, 12, 12)]
    assert regions([(0, 0, 4, 4), (4, 0, 8, 4)]) == [(0, 0, 4, 4), (4, 0, 8, 4)]


def test_entrance_is_eased_out() -> None:
    assert [ease(x) for x in (-1, 0, 1, 2)] == [0, 0, 1, 1]
    assert ease(0.5) > 0.8


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "Friday, 6 June 2025"), ("hi-IN", "शुक्रवार, 6 जून 2025"), ("fr", "Friday, 6 June 2025")],
)
def test_dates_in_the_language_of_the_brief(language: str, shown: str) -> None:
    assert words.long_date(date(2025, 6, 6), language) == shown


def test_stories_are_counted_in_words() -> None:
    assert [words.stories(n, "en") for n in (1, 5)] == ["1 story", "5 stories"]
    assert words.stories(5, "hi") == "5 ख़बरें"
