"""Times, JSON and cursors as the store writes and reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.store.plain import cursor_seq, json_text, parse_time, plain_json, utc_text
from scheduler.testing import FakeClock

TIMES = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - hypothesis takes naive bounds
    timezones=st.timezones(),
)


@given(TIMES, TIMES)
def test_times_as_text_compare_as_the_times_do(a: datetime, b: datetime) -> None:
    assert (utc_text(a) < utc_text(b)) == (a.astimezone(UTC) < b.astimezone(UTC))
    assert parse_time(utc_text(a)) == a.astimezone(UTC)
    assert len(utc_text(a)) == len("2026-11-20T03:00:00.000000Z")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T03:00:00.000000Z",
        "2026-11-20T03:00:00Z",
        "2026-11-20 03:00:00",
        "2026-11-20T08:30:00+05:30",
        "2026-11-20 03:00",
    ],
)
def test_times_that_others_write_are_read(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        utc_text(datetime(2026, 11, 20))  # noqa: DTZ001 - the point


def test_json_keeps_scripts_readable_and_refuses_what_is_no_json() -> None:
    assert json_text({"₹": "हिन्दी"}) == '{"₹":"हिन्दी"}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(float("inf"))


def test_mappings_and_tuples_become_plain() -> None:
    assert plain_json({"a": ({"b": [1, "x"]}, None)}) == {"a": [{"b": [1, "x"]}, None]}


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "²", "1; DROP TABLE jobs"])
def test_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        cursor_seq(text)
    assert cursor_seq("12") == 12


def test_fake_clock_moves_when_told() -> None:
    clock = FakeClock(datetime(2026, 11, 20, 8, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))))
    assert clock.now() == datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    clock.advance(90.5)
    assert (clock.monotonic(), clock.now().second) == (90.5, 30)
    clock.step(-3600)
    assert (clock.monotonic(), clock.now().hour) == (90.5, 2)
    with pytest.raises(ValueError, match="step"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="naive"):
        FakeClock(datetime(2026, 11, 20))  # noqa: DTZ001 - the point
