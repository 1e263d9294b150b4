from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from console.moments import MomentError, parse_moment

NOW = datetime(2026, 11, 20, 21, 42, 30, tzinfo=UTC)
IST = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03:12", "2026-11-21T03:12:00+05:30"),
        ("03:12:30", "2026-11-21T03:12:30+05:30"),
        ("23:50", "2026-11-20T23:50:00+05:30"),  # still to come today: yesterday's
        ("yesterday 23:50", "2026-11-20T23:50:00+05:30"),
        ("today", "2026-11-21T00:00:00+05:30"),
        ("2026-11-19 03:12", "2026-11-19T03:12:00+05:30"),
        ("2026-11-19T03:12:30", "2026-11-19T03:12:30+05:30"),
        ("2026-11-19T03:12:30+00:00", "2026-11-19T03:12:30+00:00"),
        ("2026-11-19T03:12:30Z", "2026-11-19T03:12:30+00:00"),
        ("-90s", "2026-11-20T21:41:00+00:00"),
        ("-2h", "2026-11-20T19:42:30+00:00"),
        ("- 1.5 d", "2026-11-19T09:42:30+00:00"),
        ("now", "2026-11-20T21:42:30+00:00"),
    ],
)
def test_times_are_read_as_people_mean_them(text: str, expected: str) -> None:
    assert parse_moment(text, now=NOW, zone=IST) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-13-01", "2h", "-2y", "-99999999999d", "03:12pm"])
def test_what_is_no_time_is_refused_with_what_may_be(text: str) -> None:
    with pytest.raises(MomentError, match="write 03:12"):
        parse_moment(text, now=NOW, zone=IST)


def test_the_future_was_not_recorded() -> None:
    with pytest.raises(MomentError, match="still to come"):
        parse_moment("2026-11-21 06:00", now=NOW, zone=IST)
