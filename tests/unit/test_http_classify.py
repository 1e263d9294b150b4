from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from integrations.kit import classify
from integrations.kit.text import html_title, one_line, shown_url
from integrations.kit.urls import is_loopback, resolve, with_id
from scheduler.domain.failure import FailureClass, StageFailure

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
URL = "http://127.0.0.1:5000/render?token=secret"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), FailureClass.UNAVAILABLE),
        (httpx.ConnectTimeout(""), FailureClass.UNAVAILABLE),
        (httpx.ReadTimeout(""), FailureClass.TIMEOUT),
        (httpx.WriteTimeout(""), FailureClass.TIMEOUT),
        (httpx.PoolTimeout(""), FailureClass.TIMEOUT),
        (httpx.ReadError("reset"), FailureClass.UNAVAILABLE),
        (httpx.RemoteProtocolError("Server disconnected"), FailureClass.UNAVAILABLE),
        (httpx.DecodingError("bad gzip"), FailureClass.INVALID_OUTPUT),
        (httpx.UnsupportedProtocol("ftp"), FailureClass.INVALID_OUTPUT),
        (httpx.TooManyRedirects("6"), FailureClass.INVALID_OUTPUT),
    ],
)
def test_transport_errors_have_a_class_and_may_be_tried_again(error: httpx.HTTPError, kind: FailureClass) -> None:
    failure = classify.failure_of_exception(error, service="manim", url=URL)
    assert (failure.kind, failure.retryable) == (kind, True)
    assert "manim" in failure.message
    assert "secret" not in failure.message


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (301, False),
        (400, False),
        (401, False),
        (404, False),
        (422, False),
        (408, True),
        (425, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
    ],
)
def test_status_decides_whether_a_call_is_tried_again(status: int, *, retryable: bool) -> None:
    failure = classify.failure_of_status(status, {}, b"", service="manim", url=URL, now=NOW)
    assert failure is not None
    assert (failure.kind, failure.retryable) == (FailureClass.API_ERROR, retryable)
    assert failure.details["http_status"] == status


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_no_failure(status: int) -> None:
    assert classify.failure_of_status(status, {}, b"", service="manim", url=URL, now=NOW) is None


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/json", b'{"error": "scene is empty"}', "scene is empty"),
        ("application/json", b'{"message": "scene is empty"}', "scene is empty"),
        ("application/json", b'{"error": {"message": "no such model", "type": "x"}}', "no such model"),
        (
            "application/json",
            b'{"detail": [{"loc": ["body", "style", "fps"], "msg": "too big"}]}',
            "body.style.fps: too",
        ),
        ("application/json", b'{"errors": ["one", "two"]}', "one; two"),
        ("text/html", b"<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        ("text/plain", b"upstream timed out", "upstream timed out"),
        ("text/plain", b"\x1b[31mred\x07\r\nline", "[31mred line"),
    ],
)
def test_the_services_words_stand_in_the_message(content_type: str, body: bytes, said: str) -> None:
    failure = classify.failure_of_status(500, {"content-type": content_type}, body, service="manim", url=URL, now=NOW)
    assert failure is not None
    assert said in failure.message
    assert "\x1b" not in failure.message


def test_a_long_error_is_bounded() -> None:
    failure = classify.failure_of_status(500, {}, b"x" * 100_000, service="manim", url=URL, now=NOW)
    assert failure is not None
    assert len(failure.message) < 400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0", 0.0),
        ("-3", 0.0),
        ("999999", 3600.0),
        ("Fri, 20 Nov 2026 03:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 02:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert classify.retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    ("document", "hidden"),
    [
        ({"error": "the renderer crashed"}, True),
        ({"error": {"message": "quota"}}, True),
        ({"status": "error", "message": "no"}, True),
        ({"status": "failed"}, True),
        ({"success": False}, True),
        ({"error": None, "video_url": "x"}, False),
        ({"error": "", "video_url": "x"}, False),
        ({"message": "accepted", "job_id": "1"}, False),
        ({"status": "queued"}, False),
    ],
)
def test_an_error_behind_200_is_found(document: dict[str, object], *, hidden: bool) -> None:
    failure = classify.hidden_error(document, service="revideo")
    assert (failure is not None) is hidden
    if failure is not None:
        assert (failure.kind, failure.retryable) == (FailureClass.API_ERROR, True)


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("text/html", b"<html><title>Welcome to nginx!</title></html>", "Welcome to nginx"),
        ("application/json", b"<!doctype html><p>hi", "HTML page"),
        ("application/json", b"{not json", "no JSON"),
        ("application/json", b'["a"]', "JSON list"),
        ("application/json", b"", "empty body"),
        ("application/json", b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_json_object_is_invalid_output(content_type: str, body: bytes, said: str) -> None:
    with pytest.raises(StageFailure, match=said) as caught:
        classify.decode_object(content_type, body, service="manim", url=URL)
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.INVALID_OUTPUT, True)


@pytest.mark.parametrize(
    ("base", "url", "absolute"),
    [
        ("http://h:5000", "/videos/a.mp4", "http://h:5000/videos/a.mp4"),
        ("http://h:5000", "videos/a.mp4", "http://h:5000/videos/a.mp4"),
        ("http://h:5000", "https://cdn.example/a.mp4?sig=1", "https://cdn.example/a.mp4?sig=1"),
        ("https://h/manim", "/jobs/1", "https://h/manim/jobs/1"),
        ("https://h/manim", "/manim/jobs/1", "https://h/manim/jobs/1"),
        ("https://h/manim", "//cdn.example/a.mp4", "https://cdn.example/a.mp4"),
    ],
)
def test_addresses_count_from_the_service(base: str, url: str, absolute: str) -> None:
    assert resolve(base, url) == absolute


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/a", "http:///a", "http://h:port/a", "javascript:1"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        resolve("http://h", url)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:5000", True),
        ("http://127.9.9.9", True),
        ("http://localhost:1", True),
        ("http://[::1]:5000/x", True),
        ("http://10.0.0.1", False),
        ("https://localhost.example.com", False),
        ("http://[broken", False),
    ],
)
def test_loopback_is_known(url: str, *, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_a_job_id_stays_one_path_segment() -> None:
    assert with_id("/jobs/{id}", "../admin?x") == "/jobs/..%2Fadmin%3Fx"


def test_text_keeps_hindi_joiners_and_drops_direction_marks() -> None:
    assert one_line("क्\u200dष \u202eevil\u2066") == "क्\u200dष evil"


def test_shown_urls_hide_secrets() -> None:
    assert shown_url("https://ann:pw@h.example:8443/a/b?sig=1#f") == "https://h.example:8443/a/b"


def test_html_title_is_bounded() -> None:
    assert html_title("<title>" + "x" * 500 + "</title>") == "x" * 79 + "…"
    assert html_title("<p>none</p>") is None
