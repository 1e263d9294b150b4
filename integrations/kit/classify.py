"""What an HTTP exchange came to, as a ``StageFailure``: one taxonomy for every service (design.md, Pipeline). Pure.

=====================================  ================  =========================================
what happened                          class             tried again
=====================================  ================  =========================================
no connection, reset, gone away        UNAVAILABLE       yes
no answer in time                      TIMEOUT           yes
3xx, 4xx but 408/425/429               API_ERROR         no: the same call cannot go better
5xx, 408, 425, 429                     API_ERROR         yes, after ``Retry-After`` if it is given
200 with an error in it                API_ERROR         yes
HTML, broken JSON, cut off, too long   INVALID_OUTPUT    yes (too long: no)
=====================================  ================  =========================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx

from integrations.kit.text import html_title, one_line, shown_url
from scheduler.domain.failure import FailureClass, StageFailure

MAX_RETRY_AFTER_S = 3600.0
"""A service that asks for more than an hour is not waited for that long; the runner steps down before."""

BAD_STATUS_WORDS = frozenset({"error", "failed", "failure", "cancelled", "canceled"})

_REMEDIES = {
    401: "check its token",
    403: "check its token and what it may do",
    404: "check its URL: another program may be on this port",
    413: "what was sent is too large for it",
}


def failure_of_exception(error: httpx.HTTPError | httpx.InvalidURL, *, service: str, url: str) -> StageFailure:
    """The failure behind an exception of httpx."""
    where = f"{service} at {shown_url(url)}"
    why = one_line(str(error), 160) or type(error).__name__
    match error:
        case httpx.ConnectTimeout():
            failure = StageFailure.unavailable(f"{where} did not take the connection in time: is it running?")
        case httpx.TimeoutException():
            failure = StageFailure.timeout(f"{where} did not answer in time")
        case httpx.ConnectError():
            failure = StageFailure.unavailable(f"{where} cannot be reached ({why}): is it running?")
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.TooManyRedirects():
            failure = StageFailure.invalid_output(f"{where} cannot be fetched: {why}")
        case httpx.DecodingError():
            failure = StageFailure.invalid_output(f"{where} answered with a body that cannot be decoded: {why}")
        case httpx.TransportError():
            failure = StageFailure.unavailable(f"{where} broke off the connection ({why})")
        case _:
            failure = StageFailure(f"{where}: {why}", kind=FailureClass.UNKNOWN, retryable=True)
    return failure


def timed_out(*, service: str, url: str, timeout_s: float) -> StageFailure:
    """The whole exchange took longer than it had."""
    return StageFailure.timeout(f"{service} at {shown_url(url)} did not answer within {timeout_s:g} s")


def cut_off(*, service: str, url: str, have: int, want: int | None) -> StageFailure:
    """The body ended before its announced length."""
    of = "" if want is None else f" of {want}"
    return StageFailure.invalid_output(
        f"{service} broke off: {shown_url(url)} ended after {have}{of} bytes", details={"bytes": have, "expected": want}
    )


def too_long(*, service: str, url: str, limit: int) -> StageFailure:
    """The body is longer than we accept; the same again would be too."""
    return StageFailure(
        f"{service} sent more than {limit / 2**20:g} MiB from {shown_url(url)}; "
        "raise max_media_mb in the service's settings if that is right",
        kind=FailureClass.INVALID_OUTPUT,
        retryable=False,
    )


def failure_of_status(
    status: int, headers: Mapping[str, str], body: bytes, *, service: str, url: str, now: datetime
) -> StageFailure | None:
    """The failure that an answer's status tells of, or None for 2xx.

    ``headers`` is case-insensitive or has lower-case names; ``now`` (aware) is for a ``Retry-After`` that is a date.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the 2xx class
        return None
    said = words_of_body(headers.get("content-type", ""), body)
    message = f"{service} answered HTTP {status}"
    if said:
        message += f": {said}"
    location = headers.get("location")
    if 300 <= status < 400:  # noqa: PLR2004 - the 3xx class
        message += f" (it redirects to {shown_url(location)}; set its URL to that)" if location else " (a redirect)"
    elif status in _REMEDIES:
        message += f" ({_REMEDIES[status]}; asked {shown_url(url)})"
    wait = retry_after_s(headers.get("retry-after"), now)
    return StageFailure.api_error(message, status=status, retry_after_s=wait)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds of a ``Retry-After`` header (a number or an HTTP date), 0 to an hour; None when there is none."""
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        seconds = (at - now).total_seconds()
    if seconds != seconds:  # noqa: PLR0124 - NaN is what differs from itself
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def words_of_body(content_type: str, body: bytes) -> str | None:
    """What an error's body says, on one bounded line; None when it says nothing."""
    text = body[:20_000].decode("utf-8", "replace")
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        if is_html(content_type, body):
            return html_title(text) or "an HTML page"
        return one_line(text) or None
    if isinstance(value, dict):
        return error_words(cast("dict[str, Any]", value)) or None
    return one_line(str(value)) or None


def error_words(document: Mapping[str, Any]) -> str | None:
    """The error in a JSON object, in its words, or None when it holds none.

    Understood: ``{"error": "…"}``, ``{"error": {"message": …}}``, ``{"errors": […]}``, FastAPI's ``detail``, and
    ``{"message": …}`` (a mere message is an error only beside a bad status; see ``has_error``).
    """
    for key in ("error", "errors", "detail", "message"):
        said = _words(document.get(key))
        if said:
            return said
    return None


def has_error(document: Mapping[str, Any]) -> bool:
    """Whether a 2xx answer is in truth an error: an ``error``, ``success: false``, or a status word that says so."""
    if document.get("error") or document.get("errors"):
        return True
    if document.get("success") is False or document.get("ok") is False:
        return True
    status = document.get("status")
    return isinstance(status, str) and status.strip().lower() in BAD_STATUS_WORDS


def hidden_error(document: Mapping[str, Any], *, service: str) -> StageFailure | None:
    """The failure that hides in a 2xx answer, or None."""
    if not has_error(document):
        return None
    return StageFailure.api_error(
        f"{service} answered with an error: {error_words(document) or 'it does not say which'}"
    )


def decode_object(content_type: str, body: bytes, *, service: str, url: str) -> dict[str, Any]:
    """The JSON object of a 2xx answer.

    Raises:
        StageFailure: INVALID_OUTPUT for HTML, anything that is no JSON, and JSON that is no object.
    """
    if not body.strip():
        raise StageFailure.invalid_output(f"{service} answered {shown_url(url)} with an empty body, expected JSON")
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        if is_html(content_type, body):
            title = html_title(body[:20_000].decode("utf-8", "replace"))
            what = "an HTML page" + (f" ({title})" if title else "")
        else:
            what = f"something that is no JSON ({one_line(body[:80].decode('utf-8', 'replace'), 60)!r})"
        raise StageFailure.invalid_output(
            f"{service} answered {shown_url(url)} with {what}: is another program on this port?"
        ) from error
    if not isinstance(value, dict):
        raise StageFailure.invalid_output(
            f"{service} answered {shown_url(url)} with a JSON {type(value).__name__}, expected an object"
        )
    return cast("dict[str, Any]", value)


def is_html(content_type: str, body: bytes) -> bool:
    """Whether a body is a web page, by its type or by how it begins."""
    return "html" in content_type.lower() or body[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<head"))


def _words(value: Any) -> str | None:
    match value:
        case str():
            return one_line(value) or None
        case dict():
            inner = cast("dict[str, Any]", value)
            said = next((w for k in ("message", "error", "detail", "msg") if (w := _words(inner.get(k)))), None)
            return said or (one_line(json.dumps(inner, default=str)) if inner else None)
        case list():
            parts = [w for item in cast("list[Any]", value)[:3] if (w := _validation_words(item))]
            return one_line("; ".join(parts)) or None
        case True:
            return "it does not say which"
        case _:
            return None


def _validation_words(item: Any) -> str | None:
    """One entry of FastAPI's ``detail``: the field and what is wrong with it."""
    if isinstance(item, dict):
        entry = cast("dict[str, Any]", item)
        where, what = entry.get("loc"), _words(entry.get("msg"))
        if isinstance(where, list) and what:
            return f"{'.'.join(str(step) for step in cast('list[Any]', where))}: {what}"
    return _words(item)
