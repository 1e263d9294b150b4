from __future__ import annotations

import pytest

from config.checks import check_cron, check_time_zone, check_url
from config.problems import did_you_mean, mask_passwords


@pytest.mark.parametrize(
    "line", ["0 3 * * *", "*/5 0-6 1,15 jan-mar mon-fri", "0 3 * * sun", "30 2 * * */2", "0 3 1-7/2 DEC MON"]
)
def test_good_cron_lines_pass(line: str) -> None:
    assert check_cron(line) == line


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 3 * *", "has 4 fields"),
        ("0 3 * * 1-5", "ambiguous by number"),
        ("60 3 * * *", "minute '60' .* out of range; it takes 0-59"),
        ("0 24 * * *", "hour '24'"),
        ("0 3 0 * *", "day '0'"),
        ("0 3 * foo *", "month 'foo' .* it takes jan-dec"),
        ("0 3 * * fri-mon", "runs backwards"),
        ("*/0 3 * * *", "must be at least 1"),
        ("1,,2 3 * * *", "is not understood"),
        ("@daily", "has 1 fields"),
    ],
)
def test_bad_cron_lines_are_explained(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_cron(line)


@pytest.mark.parametrize("url", ["", "x", "ftp://x", "http://", "http://h:x", "http://[::1"])
def test_bad_urls_are_explained(url: str) -> None:
    with pytest.raises(ValueError, match="is no http"):
        check_url(url)


def test_good_urls_lose_their_slash() -> None:
    assert check_url("https://[::1]:5000/base/") == "https://[::1]:5000/base"


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc/passwd", "/etc/localtime"])
def test_bad_time_zones_are_explained(zone: str) -> None:
    with pytest.raises(ValueError, match="is no IANA time zone"):
        check_time_zone(zone)


KNOWN = ["queue", "queue.lease_s", "queue.poll_s", "console.refresh_s", "services.manim.poll_s"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("lease_s", " (did you mean queue.lease_s?)"),
        ("queue.lease", " (did you mean queue.lease_s?)"),
        ("consle.refresh_s", " (did you mean console.refresh_s?)"),
        ("qeue", " (did you mean queue?)"),
        ("services.manim.pol_s", " (did you mean services.manim.poll_s?)"),
        ("colour", ""),
    ],
)
def test_the_nearest_key_is_suggested(key: str, hint: str) -> None:
    assert did_you_mean(key, KNOWN) == hint


def test_passwords_in_urls_are_masked() -> None:
    assert mask_passwords("a http://u:p@h/x b postgresql://:q@h c://h:1/@") == (
        "a http://u:********@h/x b postgresql://:********@h c://h:1/@"
    )
