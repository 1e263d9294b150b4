"""Foreign text and the formats of times, without a terminal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import format as fmt
from console.text import clean, clean_lines

FORBIDDEN = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff",
}


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;aGk=\x1b\\text", "text"),
        ("open \x1b]0;never closed", "open ]0;never closed"),
        ("\x1b\x1b[31m[31m", "[31m"),
        ("\x9b31mC1", "31mC1"),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("file\u202egpj.exe", "filegpj.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("one\ntwo\r\nthree\u2028four\tfive", "one two three four five"),
        ("half \ud83d", "half \ufffd"),
        ("[bold]markup[/bold] stays text", "[bold]markup[/bold] stays text"),
        ("क्‍ष ₹ 🚀", "क्‍ष ₹ 🚀"),
    ],
)
def test_hostile_text_becomes_one_harmless_line(hostile: str, harmless: str) -> None:
    assert clean(hostile) == harmless


def test_a_limit_holds_also_for_a_megabyte() -> None:
    assert clean("x" * 1_000_000, limit=20) == "x" * 19 + "…"
    assert clean("short", limit=20) == "short"


def test_line_ends_stay_where_lines_are_wanted() -> None:
    assert clean_lines("a\r\nb\rc\tend\x1b[2J") == "a\nb\nc    end"


@given(st.text(st.characters(codec=None, min_codepoint=0, max_codepoint=0x10FFFF), max_size=200))
def test_no_control_character_survives_and_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_lines(text)
    assert not (set(once) - {"\n"}) & FORBIDDEN
    assert clean_lines(once) == once
    once.encode()  # no half character is left that a terminal's encoding would refuse


@given(st.lists(st.sampled_from(["\x1b", "[", "31m", "]", "0;", "\x07", "\\", "\x9b", "A", "\u202e"]), max_size=30))
def test_nested_and_broken_sequences_leave_no_escape(pieces: list[str]) -> None:
    assert not set(clean("".join(pieces))) & FORBIDDEN


@pytest.mark.parametrize(
    ("seconds", "long", "short", "coarse"),
    [
        (-5, "0 s", "0s", "0s"),
        (0.44, "0.4 s", "0.4s", "0s"),
        (12, "12 s", "12s", "12s"),
        (59.99, "59 s", "59s", "59s"),
        (60, "1 min", "1m", "1m"),
        (200, "3 min 20 s", "3m20s", "3m"),
        (9600, "2 h 40 min", "2h40m", "2h40m"),
        (3605, "1 h", "1h", "1h00m"),
        (86_400 * 3 + 4 * 3600, "3 d 4 h", "3d4h", "3d"),
        (86_400 * 120 + 23 * 3600, "120 d 23 h", "120d", "120d"),
    ],
)
def test_durations(seconds: float, long: str, short: str, coarse: str) -> None:
    assert fmt.duration(seconds) == long
    assert fmt.short_duration(seconds) == short
    assert fmt.coarse_duration(seconds) == coarse


def test_a_time_to_come_counts_as_no_age() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert fmt.age(now + timedelta(hours=1), now) == "0s"


def test_times_are_told_in_the_zone_with_the_day_when_it_is_another() -> None:
    now = datetime(2026, 11, 20, 21, 42, 30, tzinfo=UTC)
    assert fmt.clock_time(now, "Asia/Kolkata", seconds=True) == "03:12:30"
    assert fmt.zone_abbreviation(now, "Asia/Kolkata") == "IST"
    assert fmt.moment(now, now, "Asia/Kolkata") == "03:12"
    assert fmt.moment(now - timedelta(hours=5), now, "Asia/Kolkata") == "Fri 20 Nov 22:12"
    assert fmt.stamp(now, "Asia/Kolkata") == "2026-11-21 03:12:30 IST"
    assert fmt.clock_time(now, "No/Such_Zone") == "21:42"
    assert fmt.day(date(2026, 11, 21)) == "Sat 21 Nov"


def test_shares_and_sizes_do_not_flatter() -> None:
    assert fmt.percent(0.999) == "99 %"
    assert fmt.percent(7) == "100 %"
    assert fmt.size(812) == "812 B"
    assert fmt.size(3_250_586) == "3.1 MiB"
    assert fmt.count(1, "job") == "1 job"
    assert fmt.count(2, "entry", "entries") == "2 entries"
