"""Failures: one taxonomy, and the exceptions that carry it.

::

    StageFailure            a provider's call went wrong; carries class, retry decision, message
      LeaseLostError        (not a StageFailure) the job belongs to someone else now: drop everything
    JobCancelledError       an operator stopped the job
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class FailureClass(StrEnum):
    """Why something failed; the words of ``render_failures`` and of ``jobs.error_message.type``."""

    TIMEOUT = "TIMEOUT"
    """It did not answer or end in the time it had."""
    API_ERROR = "API_ERROR"
    """The service answered with an error."""
    INVALID_INPUT = "INVALID_INPUT"
    """What we sent, or were given, is wrong: the same again cannot help."""
    UNAVAILABLE = "UNAVAILABLE"
    """The service could not be reached, or is known to be down."""
    INVALID_OUTPUT = "INVALID_OUTPUT"
    """It answered, but with something that is not what was asked for (HTML, a cut mp4, silence)."""
    CANCELLED = "CANCELLED"
    """An operator stopped it."""
    UNKNOWN = "UNKNOWN"
    """Something we did not foresee; the stack is kept."""


RETRYABLE_STATUS = frozenset({408, 425, 429})
"""The 4xx answers that may go better the next time (design.md, Pipeline)."""


def http_status_is_retryable(status: int) -> bool:
    """Whether a call answered with HTTP ``status`` (an error) may be tried again: 5xx and 408/425/429."""
    return status in RETRYABLE_STATUS or status >= 500  # noqa: PLR2004 - the 5xx class


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed, as kept in ``jobs.error_message``: ``{message, type, timestamp, stack}``."""

    message: str
    type: FailureClass
    timestamp: datetime
    stack: str | None = None
    stage: str | None = None
    provider: str | None = None


class StageFailure(Exception):  # noqa: N818 - the domain's word; it is raised and also kept as a value
    """A provider could not do its stage.

    Args:
        message: what happened, to what, and what the reader can do.
        kind: its class.
        retryable: whether the same provider may be asked again.
        retry_after_s: seconds the service asked us to wait, or None.
        details: bounded JSON for ``render_failures.error_details``.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureClass,
        retryable: bool,
        retry_after_s: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.details: Mapping[str, Any] = details or {}

    @classmethod
    def timeout(cls, message: str) -> StageFailure:
        """It took too long; another try may be faster."""
        return cls(message, kind=FailureClass.TIMEOUT, retryable=True)

    @classmethod
    def unavailable(cls, message: str, *, retryable: bool = True) -> StageFailure:
        """It cannot be reached."""
        return cls(message, kind=FailureClass.UNAVAILABLE, retryable=retryable)

    @classmethod
    def api_error(cls, message: str, *, status: int | None = None, retry_after_s: float | None = None) -> StageFailure:
        """It answered with an error; ``status`` (HTTP, None when it hid in a 200) decides whether to try again."""
        retryable = status is None or http_status_is_retryable(status)
        details = {} if status is None else {"http_status": status}
        return cls(
            message, kind=FailureClass.API_ERROR, retryable=retryable, retry_after_s=retry_after_s, details=details
        )

    @classmethod
    def invalid_input(cls, message: str) -> StageFailure:
        """What was given is wrong: trying again cannot help."""
        return cls(message, kind=FailureClass.INVALID_INPUT, retryable=False)

    @classmethod
    def invalid_output(cls, message: str, *, details: Mapping[str, Any] | None = None) -> StageFailure:
        """What came back is not what was asked for; another try may be better."""
        return cls(message, kind=FailureClass.INVALID_OUTPUT, retryable=True, details=details)


class LeaseLostError(Exception):
    """The lease is gone: another worker has the job, or will have it. Nothing more may be written for it."""


class JobCancelledError(Exception):
    """An operator cancelled the job; ``by`` says who."""

    def __init__(self, by: str | None = None) -> None:
        super().__init__(f"cancelled by {by}" if by else "cancelled")
        self.by = by


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """A row of ``render_failures``: one final failure of a render."""

    render_id: str
    failure_reason: FailureClass
    message: str
    stage: str | None
    provider: str | None
    retryable: bool
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


class RenderFailedError(Exception):
    """A render has failed for good: every provider of a stage was tried.

    Args:
        error: what the job keeps.
        retryable: whether a later render of the job may do better (bad input cannot).
    """

    def __init__(self, error: JobError, *, retryable: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.retryable = retryable
