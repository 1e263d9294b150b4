from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from integrations.content.feeds.compose import Window, compose, cut, sentences_of, window_of
from integrations.content.feeds.entries import Entry
from integrations.content.feeds.same import canonical_url, same_story, words_of
from integrations.content.inline import brief_of_object
from scheduler.domain.codec import brief_to_json
from scheduler.domain.content import Headline

DAY = date(2026, 11, 20)
KOLKATA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(hours=24), NOON)


def entry(title: str, html: str = "It is so.", *, feed: str = "PIB", url: str | None = None, hours: float = 1) -> Entry:
    return Entry(feed, title, html, url, NOON - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.pib.gov.in/a/", "http://pib.gov.in/a", True),
        ("https://x.in/a?utm_source=rss&id=1", "https://x.in/a?id=1#top", True),
        ("https://x.in/a?b=2&a=1", "https://x.in/a?a=1&b=2", True),
        ("https://x.in/a/amp", "https://x.in/a", True),
        ("https://X.in:443/a", "https://x.in/a", True),
        ("https://x.in/a?id=1", "https://x.in/a?id=2", False),
        ("https://x.in/A", "https://x.in/a", False),
        ("https://x.in:8080/a", "https://x.in/a", False),
    ],
)
def test_addresses_of_one_page_are_one(one: str, other: str, *, same: bool) -> None:
    assert (canonical_url(one) == canonical_url(other)) is same


@pytest.mark.parametrize("url", ["ftp://x.in/a", "javascript:alert(1)", "", "http://[", "/a", "http://x.in:port/"])
def test_what_is_no_address_has_no_form(url: str) -> None:
    assert canonical_url(url) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("RBI cuts repo rate by 50 basis points to 5.50%", "RBI cuts the repo rate by 50 basis points, to 5.50%", True),
        ("RBI cuts repo rate by 50 basis points", "RBI cuts repo rate by 25 basis points", False),
        ("Cabinet approves new rail corridor in Assam", "New rail corridor in Assam approved by Cabinet", True),
        ("Cabinet approves rail corridor", "Cabinet approves steel policy", False),
        ("India's exports rise in October", "India’s Exports Rise in October!", True),
        ("Parliament meets", "Parliament meets", True),
        ("Parliament meets", "Parliament rises", False),
        ("आरबीआई ने रेपो दर घटाई", "आरबीआई ने रेपो दर घटाई।", True),
        ("आरबीआई ने रेपो दर घटाई", "संसद का सत्र आज शुरू हुआ", False),
        ("", "", False),
    ],
)
def test_headlines_of_one_story(one: str, other: str, *, same: bool) -> None:
    assert same_story(words_of(one), words_of(other)) is same
    assert same_story(words_of(other), words_of(one)) is same


@pytest.mark.parametrize(
    ("now", "run_date", "start", "end"),
    [
        # The nightly run at 03:00 in Kolkata tells of the day and night before.
        ("2026-11-19T21:30:00+00:00", DAY, "2026-11-19T03:00:00+05:30", "2026-11-20T03:00:00+05:30"),
        # A day that is over is told of to its end, whenever it is made.
        ("2026-11-25T00:00:00+00:00", DAY, "2026-11-20T00:00:00+05:30", "2026-11-21T00:00:00+05:30"),
        # The zone decides where a day ends: 20:00 UTC is the next day there.
        ("2026-11-20T20:00:00+00:00", DAY, "2026-11-20T00:00:00+05:30", "2026-11-21T00:00:00+05:30"),
    ],
)
def test_the_window_is_the_run_dates_in_its_time_zone(now: str, run_date: date, start: str, end: str) -> None:
    window = window_of(run_date, zone=KOLKATA, now=datetime.fromisoformat(now), hours=24)
    assert (window.start, window.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_entries_outside_of_the_window_and_without_a_time_are_left_out() -> None:
    undated = Entry("PIB", "Undated thing happens", "x", None, None)
    feed = [entry("Old thing happened here", hours=30), entry("Thing of tomorrow comes", hours=-5), undated]
    assert compose([feed], run_date=DAY, window=WINDOW, told=[], most=6) is None


def test_feeds_take_turns_newest_first_and_nothing_twice() -> None:
    one = [
        entry("Older story of one", hours=5, url="https://one.in/1"),
        entry("RBI cuts repo rate by 50 basis points", hours=1, url="https://one.in/2"),
    ]
    two = [
        entry("RBI cuts the repo rate by 50 basis points", feed="The Hindu", hours=2, url="https://two.in/9"),
        entry("Chenab bridge is opened today", feed="The Hindu", hours=3, url="https://two.in/8"),
        entry("Entirely other words stand here", feed="The Hindu", hours=4, url="https://www.one.in/1?utm_medium=x"),
    ]
    brief = compose([one, two], run_date=DAY, window=WINDOW, told=[], most=6)
    assert brief is not None
    assert [(h.title, h.source) for h in brief.headlines] == [
        ("RBI cuts repo rate by 50 basis points", "PIB, 20 November 2026"),
        ("Older story of one", "PIB, 20 November 2026"),
        ("Chenab bridge is opened today", "The Hindu, 20 November 2026"),
    ]
    assert brief.title == "The news of 20 November 2026"
    assert brief.headlines[0].source_url == "https://one.in/2"


def test_what_the_days_before_told_is_not_told_again() -> None:
    told = [Headline("Chenab bridge is opened today", (), ""), Headline("x", (), "", "https://one.in/5")]
    feed = [
        entry("The Chenab Bridge is opened today"),
        entry("Same page, other words", url="https://one.in/5/"),
        entry("Fresh news about the monsoon session"),
    ]
    brief = compose([feed], run_date=DAY, window=WINDOW, told=told, most=6)
    assert brief is not None
    assert [h.title for h in brief.headlines] == ["Fresh news about the monsoon session"]


def test_one_language_to_a_video_the_one_of_most_headlines() -> None:
    feed = [entry("आरबीआई ने रेपो दर घटाई", "पचास आधार अंक की कटौती हुई।"), entry("संसद का सत्र शुरू हुआ"), entry("One more")]
    brief = compose([feed], run_date=DAY, window=WINDOW, told=[], most=6)
    assert brief is not None
    assert brief.language == "hi"
    assert [h.title for h in brief.headlines] == ["आरबीआई ने रेपो दर घटाई", "संसद का सत्र शुरू हुआ"]
    assert brief.headlines[0].sentences == ("पचास आधार अंक की कटौती हुई।",)
    assert brief.headlines[0].source == "PIB, 20 नवंबर 2026"
    assert brief.title == "20 नवंबर 2026 की मुख्य ख़बरें"


def test_a_brief_of_monsters_is_a_good_brief() -> None:
    feeds = [
        [
            entry("W" * 500 + f" number{n}", "<p>" + "word " * 500 + ".</p>" * 20, feed="F" * 300, url="javascript:x")
            for n in range(3)
        ],
        [
            entry(f"http://a.b/{n} story{n} with unlike{n} words{n} only{n}", "See https://x.in/a?b. Fine. Fine.")
            for n in range(30)
        ],
    ]
    brief = compose(feeds, run_date=DAY, window=WINDOW, told=[], most=12)
    assert brief is not None
    assert brief_of_object(brief_to_json(brief), origin="x") == brief
    assert len(brief.headlines) == 12


@pytest.mark.parametrize(
    ("html", "title", "sentences"),
    [
        ("<p>One. Two.</p><p>Three. Four.</p>", "T", ("One.", "Two.", "Three.")),
        ("", "The headline stands alone", ("The headline stands alone",)),
        ("The headline stands alone", "The headline stands alone", ("The headline stands alone",)),
        ("The headline stands alone. And goes on.", "The headline stands alone", ("And goes on.",)),
        ("It costs Rs. 500 at most. Yes.", "T", ("It costs Rs. 500 at most.", "Yes.")),
        ("More at https://x.in/abc now.", "T", ("More at now.",)),
    ],
)
def test_sentences_of_an_entry(html: str, title: str, sentences: tuple[str, ...]) -> None:
    assert sentences_of(html, title) == sentences


def test_cut_between_words() -> None:
    assert cut("one two three", 9) == "one two…"
    assert cut("one two", 7) == "one two"
    assert cut("x" * 20, 10) == "x" * 9 + "…"
