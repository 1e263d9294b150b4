"""Callbacks: what is told to a job's ``callback_url`` when the job has ended, and how it is signed. Pure.

The row goes into the outbox in the transaction that ends the job, so an end without its callback cannot be. It is
delivered at least once; ``event_id`` stays the same over all tries.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scheduler.domain.failure import JobError
from scheduler.domain.job import Job, JobResult, JobStatus
from scheduler.domain.outbox import NewDelivery

CHANNEL = "callback"
KIND = "job"
LONGEST_URL = 2_000
EXPIRES_S = 24 * 3600.0
"""Seconds after which an end is not worth telling any more."""
_SIGNATURE = re.compile(r"[ \t]*t=(0|[1-9][0-9]{0,11}),v1=([0-9a-f]{64})[ \t]*")
"""One spelling for each message: a second one, with zeros before the seconds, say, would be taken a second time."""


def ending(
    job: Job, status: JobStatus, *, result: JobResult | None = None, error: JobError | None = None
) -> NewDelivery | None:
    """What to tell of a job that ends now; None: nobody wants to be told.

    Args:
        job: as it was before; ``payload.callback_url`` says where.
        status: how it ends.
        result: of a completed one.
        error: of a failed one.
    """
    url = job.payload.get("callback_url")
    if not isinstance(url, str) or not url or len(url) > LONGEST_URL:
        return None
    event_id = f"{job.id}:{job.attempt}:{status.value}"
    body: dict[str, Any] = {
        "event": f"job.{status.value}",
        "event_id": event_id,
        "job_id": job.id,
        "job_type": job.job_type,
        "status": status.value,
        "video_url": address(job.id, result.video_url) if result is not None else None,
        "thumbnail_url": public(result.thumbnail_url) if result is not None else None,
        "duration": result.duration if result is not None else None,
        "degraded": result.degraded if result is not None else None,
        "error": error_document(error),
    }
    return NewDelivery(
        channel=CHANNEL,
        kind=KIND,
        subject=job.id,
        payload={"url": url, "body": body},
        key=f"{CHANNEL}:{event_id}",
        expires_s=EXPIRES_S,
    )


def error_document(error: JobError | None) -> dict[str, Any] | None:
    """An error as others see it: without its stack."""
    if error is None:
        return None
    return {
        "type": error.type.value,
        "message": error.message,
        "stage": error.stage,
        "provider": error.provider,
        "timestamp": error.timestamp.isoformat(),
    }


def public(url: str | None) -> str | None:
    """An address that others can fetch; None: it only lies on this machine."""
    return url if url is not None and url.startswith(("http://", "https://")) else None


def address(job_id: str, url: str) -> str:
    """Where others fetch a video: its public address, or this API where it only lies on this machine."""
    return public(url) or f"/api/videos/{job_id}/download"


def signature(secret: str, body: bytes, at: datetime) -> str:
    """``t=<seconds>,v1=<hex>``: HMAC-SHA256 over ``<seconds>.<body>``."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(secret, seconds, body)}"


def signature_problem(given: str, secret: str, body: bytes, *, now: datetime, window_s: float) -> str | None:
    """What is wrong with a signature, in words; None: nothing. Compared in constant time.

    Args:
        given: ``t=…,v1=…``.
        secret: the key.
        body: what was signed.
        now: the time of day.
        window_s: seconds that the timestamp may be off.
    """
    found = _SIGNATURE.fullmatch(given)
    if found is None:
        return "the signature is missing or is not of the form t=<seconds>,v1=<64 hex digits>"
    seconds = int(found.group(1))
    if not hmac.compare_digest(_mac(secret, seconds, body), found.group(2)):
        return "the signature does not fit the body"
    if abs(now.timestamp() - seconds) > window_s:
        return f"the timestamp is more than {window_s:g} s off"
    return None


def message_id(given: str) -> str:
    """What a signed message is known by, so that it is taken once: of its signature alone, not of how that is written.

    Raises:
        ValueError: it is no signature.
    """
    found = _SIGNATURE.fullmatch(given)
    if found is None:
        raise ValueError("no signature")
    return hashlib.sha256(found.group(2).encode()).hexdigest()


def _mac(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def job_id_of(document: Mapping[str, Any]) -> str | None:
    """The job that a service's message is about, in any of the words seen (contracts.md)."""
    for name in ("job_id", "render_id", "video_id", "id"):
        value = document.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()[:200]
    return None
