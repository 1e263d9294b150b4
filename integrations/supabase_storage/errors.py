"""What Supabase Storage's errors mean. Pure.

It answers many errors with HTTP 400 and says the status that is meant in its JSON (``{"statusCode": "404", …}``).
"""

from __future__ import annotations

from datetime import UTC, datetime

from integrations.kit import classify
from integrations.kit.exchange import Reply
from integrations.kit.objects import effective_status, words_of_store
from scheduler.domain.failure import FailureClass, StageFailure, http_status_is_retryable

LOCKED = frozenset({409, 423})
"""Somebody else writes the same object or upload now: it may go better in a moment."""


def failure_of(reply: Reply, *, bucket: str, size: int | None = None) -> StageFailure | None:
    """The failure a reply tells of, or None for 2xx.

    Args:
        reply: any answer.
        bucket: for the remedy.
        size: bytes that were to be stored, for the remedy.
    """
    if reply.status < 400:  # noqa: PLR2004 - the error classes
        return reply.failure()
    status = effective_status(reply.status, reply.body)
    said = words_of_store(reply.headers.get("content-type", ""), reply.body) or ""
    shown = f"HTTP {reply.status}" + (f" (in truth {status})" if status != reply.status else "")
    return StageFailure(
        f"{reply.service} answered {shown}{f': {said}' if said else ''}{_remedy(status, said, bucket, size)}",
        kind=FailureClass.API_ERROR,
        retryable=http_status_is_retryable(status) or status in LOCKED,
        retry_after_s=classify.retry_after_s(reply.headers.get("retry-after"), datetime.now(UTC)),
        details={"http_status": status},
    )


def is_missing(reply: Reply) -> bool:
    """Whether a reply says that there is no such object (a missing bucket is an error of its own)."""
    return effective_status(reply.status, reply.body) in {404, 410} and not _no_bucket(reply.body)


def _no_bucket(body: bytes) -> bool:
    return b"bucket not found" in body[:4096].lower()


def _remedy(status: int, said: str, bucket: str, size: int | None) -> str:
    words = said.lower()
    if "bucket not found" in words:
        return f" (make the bucket {bucket!r} there, or set storage.supabase.bucket)"
    if status in {401, 403} or "jws" in words or "jwt" in words:
        return f" (check storage.supabase.key: it must be the service key, or one that may write to bucket {bucket!r})"
    if status == 413:  # noqa: PLR2004 - payload too large
        much = "" if size is None else f"{size / 2**20:.1f} MiB are "
        return f" ({much}over the file size limit of bucket {bucket!r} or of the project: raise it in its settings)"
    if status == 404:  # noqa: PLR2004 - not found
        return " (check storage.supabase.url: is Supabase Storage there?)"
    return ""
