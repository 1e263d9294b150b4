"""What makes two failures the same one: their message without what differs from night to night. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.failure import FailureClass, FailureRecord

SHAPE_CHARS = 400
"""Characters of a normalised message that count."""

# In this order: what an earlier one has replaced, a later one does not take apart.
_REPLACED = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>;,)]+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?<![\w<])~?(?:/[\w.@:+%-]+){2,}/?"), "<path>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?\b"), "<time>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{6,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "#"),
    (re.compile(r"\s+"), " "),
)


def shape(message: str) -> str:
    """A message without addresses, ids, paths, times and numbers: what stays the same from night to night."""
    for pattern, word in _REPLACED:
        message = pattern.sub(word, message)
    return message.strip().casefold()[:SHAPE_CHARS]


def fingerprint(failure: FailureRecord) -> str:
    """Sixteen hex digits that are the same for the same failure: stage, provider, class and the message's shape."""
    parts = (failure.stage or "", failure.provider or "", failure.failure_reason.value, shape(failure.message))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The same failure, however often it happened.

    Attributes:
        message: of the last one.
        count: how often.
        job_id: the job that failed so last.
        unresolved: how many of them stand: no later render of their job made it, and nobody said that it is seen to.
    """

    fingerprint: str
    failure_reason: FailureClass
    stage: str | None
    provider: str | None
    message: str
    count: int
    first_at: datetime
    last_at: datetime
    job_id: str
    unresolved: int = 0
