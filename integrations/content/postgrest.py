"""Briefs from a table behind PostgREST (also Supabase's): a row for each day, with the columns of ``payload.brief``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, cast
from urllib.parse import quote

import structlog
from pydantic import SecretStr

from config.settings import PostgrestSettings
from integrations.content.inline import brief_of_object
from integrations.content.problems import BriefError
from integrations.kit import classify
from integrations.kit.sync_http import SyncReply, get
from integrations.kit.text import one_line, shown_url
from scheduler.domain.failure import StageFailure, http_status_is_retryable
from scheduler.ports.content import ResolvedBrief

log = structlog.get_logger("predawn.postgrest")

MAX_ANSWER = 1024 * 1024
TIMEOUT_S = 10.0
COLUMNS = ("date", "title", "headlines", "language", "edition")
REMEDIES: Mapping[str, str] = {
    "PGRST301": "check content.postgrest.key: the server does not take it",
    "PGRST302": "the server takes no anonymous reads: set content.postgrest.key",
    "42501": "its role may not read the table: grant it SELECT, or set content.postgrest.key",
    "42P01": "make the table, or set content.postgrest.table",
    "PGRST205": "make the table, or set content.postgrest.table",
    "42703": "the table needs a column called date (docs/briefs.md)",
}
"""What to do, by the server's own error codes."""


class PostgrestBriefs:
    """A table as a source of briefs. Synchronous.

    Args:
        settings: with a URL.
        timeout_s: seconds for the one call.
    """

    def __init__(self, settings: PostgrestSettings, *, timeout_s: float = TIMEOUT_S) -> None:
        if settings.url is None:
            raise ValueError("content.postgrest.url is not set")
        self._url = settings.url
        self._table = settings.table
        self._timeout_s = timeout_s
        key = settings.key
        self._secrets: dict[str, SecretStr] = {}
        if key is not None:
            self._secrets = {"Authorization": SecretStr(f"Bearer {key.get_secret_value()}"), "apikey": key}

    def brief_of(self, run_date: date) -> ResolvedBrief | None:
        """The brief of a day; None when the table has no row of it.

        Raises:
            StageFailure: INVALID_INPUT when the row is no good brief; else the table could not be asked.
        """
        url = f"{self._url}/{quote(self._table)}?date=eq.{run_date.isoformat()}&limit=1"
        reply = get(
            url,
            service="postgrest",
            timeout_s=self._timeout_s,
            limit=MAX_ANSWER,
            headers={"Accept": "application/json", "Prefer": "count=exact"},
            secrets=self._secrets,
        )
        if failure := failure_of(reply):
            raise failure
        rows = _rows(reply)
        if not rows:
            return None
        total = reply.headers.get("content-range", "").rpartition("/")[2]
        if total.isdecimal() and int(total) > 1:
            # 206 and Content-Range 0-0/3: the first one the server gives is taken; which one that is, is its business.
            log.warning("more than one brief of a day", table=self._table, date=run_date.isoformat(), rows=int(total))
        origin = f"postgrest: {self._table} of {run_date.isoformat()}"
        try:
            return ResolvedBrief(brief_of_object(_document(rows[0]), origin=origin), stale=False, origin=origin)
        except BriefError as error:
            details = {"origin": error.origin, "problems": [str(problem) for problem in error.problems]}
            failure = StageFailure.invalid_input(str(error))
            failure.details = details
            raise failure from error


def failure_of(reply: SyncReply) -> StageFailure | None:
    """The failure a reply tells of: PostgREST's errors are ``{code, message, details, hint}``. Pure."""
    if 200 <= reply.status < 300:  # noqa: PLR2004 - the 2xx class
        return None
    document = _object(reply.body)
    code, said = str(document.get("code") or ""), one_line(str(document.get("message") or ""))
    if not code:
        return reply.failure()
    remedy = REMEDIES.get(code)
    failure = StageFailure.api_error(
        f"postgrest answered HTTP {reply.status} {code}: {said}" + (f" ({remedy})" if remedy else ""),
        status=reply.status,
        retry_after_s=None,
    )
    failure.details = {"http_status": reply.status, "code": code}
    failure.retryable = http_status_is_retryable(reply.status)
    return failure


def _rows(reply: SyncReply) -> list[dict[str, Any]]:
    try:
        value: Any = json.loads(reply.body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list) and all(isinstance(row, dict) for row in cast("list[Any]", value)):
        return cast("list[dict[str, Any]]", value)
    if isinstance(value, dict) and (
        failure := classify.hidden_error(cast("dict[str, Any]", value), service="postgrest")
    ):
        raise failure
    what = "an HTML page" if classify.is_html(reply.headers.get("content-type", ""), reply.body) else "no list of rows"
    raise StageFailure.invalid_output(
        f"postgrest answered {shown_url(reply.url)} with {what}: does content.postgrest.url lead to its root "
        "(for Supabase with /rest/v1)?"
    )


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns that make a brief; a column of type text may hold its headlines as JSON."""
    found = {name: row[name] for name in COLUMNS if row.get(name) is not None}
    if isinstance(found.get("headlines"), str):
        with contextlib.suppress(ValueError):  # the check of the brief names the column
            found["headlines"] = json.loads(found["headlines"])
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
