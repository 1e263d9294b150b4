"""The filter language: what is read out of a text, and what is said of one that cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.filter import Field, Filter
from scheduler.domain.job import JobStatus
from scheduler.filters import FilterError, complete, parse
from scheduler.filters.words import words

INDIA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
"""03:00 of the 21st in India."""


def read(text: str) -> Filter:
    return parse(text, now=NOW, zone=INDIA)


def terms(text: str) -> list[tuple[str, Any, bool, bool]]:
    return [(term.field.value, term.value, term.negated, term.prefix) for term in read(text).terms]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   ", []),
        ("status:failed", [("status", "failed", False, False)]),
        ("STATUS:Failed", [("status", "failed", False, False)]),
        ("status:pending", [("status", "queued", False, False)]),
        ("priority:high", [("priority", "high", False, False)]),
        ("-tag:test", [("tag", "test", True, False)]),
        ("NOT tag:test", [("tag", "test", True, False)]),
        ("NOT -tag:test", [("tag", "test", False, False)]),
        ("type:daily_ca AND stage:manim", [("type", "daily_ca", False, False), ("stage", "manim", False, False)]),
        ("type:daily*", [("type", "daily", False, True)]),
        ('type:"daily*"', [("type", "daily*", False, False)]),
        ('error:"timed out"', [("error", "timed out", False, False)]),
        ('"free text"', [("text", "free text", False, False)]),
        ("free text", [("text", "free", False, True), ("text", "text", False, True)]),
        ('text:"a \\"b\\" \\\\ c"', [("text", 'a "b" \\ c', False, False)]),
        ("-word", [("text", "word", True, True)]),
        ("degraded:yes", [("degraded", True, False, False)]),
        ("degraded:no", [("degraded", False, False, False)]),
        ("id:3F2A", [("id", "3f2a", False, True)]),
        ("key:daily_ca:2026-11-20", [("key", "daily_ca:2026-11-20", False, False)]),
        ("date:2026-11-20", [("date", date(2026, 11, 20), False, False)]),
        ("date:today", [("date", date(2026, 11, 21), False, False)]),
        ("date:yesterday", [("date", date(2026, 11, 20), False, False)]),
        ('"NOT" "OR"', [("text", "NOT", False, False), ("text", "OR", False, False)]),
    ],
)
def test_what_is_read(text: str, expected: list[tuple[str, Any, bool, bool]]) -> None:
    assert terms(text) == expected


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=INDIA)  # pyright: ignore[reportArgumentType] - year to minute


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("after:-2h", NOW - timedelta(hours=2)),
        ("after:-90s", NOW - timedelta(seconds=90)),
        ("before:-1w", NOW - timedelta(weeks=1)),
        ("before:06:00", local(2026, 11, 21, 6, 0)),
        ("after:02:00", local(2026, 11, 21, 2, 0)),
        ("after:22:00", local(2026, 11, 20, 22, 0)),
        ("before:22:00", local(2026, 11, 21, 22, 0)),
        ("after:2026-11-01", local(2026, 11, 1)),
        ("after:2026-11-01T12:30", local(2026, 11, 1, 12, 30)),
        ("after:2026-11-01T12:30Z", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
        ("after:today", local(2026, 11, 21)),
    ],
)
def test_times_of_day_and_dates_are_the_zones_own(text: str, at: datetime) -> None:
    (term,) = read(text).terms
    assert term.value == at
    assert isinstance(term.value, datetime)
    assert term.value.tzinfo is UTC


def test_console_example_is_read_whole() -> None:
    found = read(
        "status:failed type:daily_ca priority:high stage:manim error:timeout after:-2h before:06:00 degraded:yes "
        '-tag:test "free text"'
    )
    assert [term.field for term in found.terms] == [
        Field.STATUS,
        Field.TYPE,
        Field.PRIORITY,
        Field.STAGE,
        Field.ERROR,
        Field.AFTER,
        Field.BEFORE,
        Field.DEGRADED,
        Field.TAG,
        Field.TEXT,
    ]
    assert [term.field for term in found.unwanted] == [Field.TAG]


@pytest.mark.parametrize(
    ("text", "position", "words_of_it"),
    [
        ("type:daily_ca statsu:failed", 15, "unknown field 'statsu', did you mean 'status'?"),
        ("http://x", 1, "put it in quotes"),
        ("status:faild", 8, "unknown status 'faild', did you mean 'failed'?"),
        ("status:zzz", 8, "it is one of queued, processing"),
        ("priority:urgent", 10, "it is one of high, normal, low"),
        ("degraded:maybe", 10, "yes"),
        ("after:soon", 7, "'soon' is no time; write it like -2h"),
        ("after:25:00", 7, "is no time"),
        ("after:-999999w", 7, "too long ago"),
        ("before:0001-01-01", 8, "is no time"),
        ("date:06:00", 6, "is no date"),
        ("status:", 8, "nothing follows 'status:'"),
        ("status: failed", 8, "nothing follows 'status:'"),
        ('status:""', 8, "nothing follows 'status:'"),
        (":failed", 1, "without a field"),
        ('a "b', 3, "does not end"),
        ('error:"b', 7, "does not end"),
        ("a -", 3, "nothing follows the '-'"),
        ("NOT", 1, "nothing follows the NOT"),
        ("status:failed OR status:queued", 15, "repeat a field"),
        ("!!!", 1, "there is no word"),
        ("type:*", 6, "says nothing"),
        ("x " * 101, 201, "at most 100 terms"),
        ("x" * 4001, 4001, "at most 4000 characters"),
        ("ab\0", 3, "NUL"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, position: int, words_of_it: str) -> None:
    with pytest.raises(FilterError) as caught:
        read(text)
    assert words_of_it in str(caught.value)
    assert caught.value.position == position
    assert str(caught.value).startswith(f"error at {position}: ")


@given(st.text(alphabet=st.sampled_from('ab-:"\\* \tNOT0.'), max_size=30) | st.text(max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    refused: FilterError | None = None
    found = Filter()
    try:
        found = read(text)
    except FilterError as error:
        refused = error
    assert len(found.terms) <= len(text)
    assert refused is None or 1 <= refused.position <= max(len(text), 1) + 1


def test_complete_offers_fields_then_their_values() -> None:
    assert [c.text for c in complete("st")] == ["status:", "stage:"]
    assert [c.text for c in complete("-st")] == ["status:", "stage:"]
    assert [c.text for c in complete("type:daily_ca status:")] == [status.value for status in JobStatus]
    assert [c.text for c in complete("status:c")] == ["completed", "cancelled"]
    assert len(complete("")) == len(Field)
    assert complete("colour:r") == ()
    assert complete('"inside status:') == ()


def test_complete_says_what_it_replaces() -> None:
    text = "status:fai type:x"
    (candidate,) = complete(text, cursor=10)
    assert text[: candidate.start] + candidate.text + text[candidate.end :] == "status:failed type:x"


def test_complete_takes_what_only_the_installation_knows_and_quotes_it() -> None:
    known = {Field.TYPE: ["daily_ca", "doubt"], Field.TAG: ['a "b"', "plain"]}
    assert [c.text for c in complete("type:d", known=known)] == ["daily_ca", "doubt"]
    assert [c.text for c in complete("tag:", known=known)] == ['"a \\"b\\""', "plain"]


@given(st.text(max_size=30), st.integers(0, 40))
def test_complete_never_fails_and_stays_inside_of_the_text(text: str, cursor: int) -> None:
    for candidate in complete(text, cursor):
        assert 0 <= candidate.start <= candidate.end <= len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daily_ca:2026-11-20", ("daily", "ca", "2026", "11", "20")),
        ("It's “quoted” — ₹5,000", ("it", "s", "quoted", "5", "000")),
        ("हिन्दी की ख़बरें।", ("हिन्दी", "की", "ख़बरें")),
        ("'; DROP TABLE jobs; --", ("drop", "table", "jobs")),
        ("x" * 500, ()),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected
