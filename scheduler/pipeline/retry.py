"""Retry and back-off: pure decisions about one provider's next call, and what an exception means."""

from __future__ import annotations

import asyncio
import traceback

from scheduler.domain.failure import FailureClass, JobCancelledError, LeaseLostError, StageFailure
from scheduler.pipeline.stages import Policy
from scheduler.ports.store import StoreError
from scheduler.redaction import writable

RETRY_AFTER_LIMIT_S = 60.0
"""The longest wait a service may ask for; when it wants more, the next provider is asked instead."""
UNKNOWN_CALLS = 2
"""Calls of a provider that fails in a way nobody foresaw: one retry, because the same bug mostly comes again."""
STACK_CHARS = 8_000
"""Characters of a stack that are kept: its end, where the cause stands."""
MESSAGE_CHARS = 2_000
"""Characters of a failure's message that are kept."""


def backoff_s(policy: Policy, calls: int, draw: float) -> float:
    """Seconds to wait after ``calls`` failed calls: 1, 2, 4 … times ``backoff_s``, and up to ``jitter`` of it more.

    ``draw`` is a random number in [0, 1]. Jitter only adds: a wait is never shorter than it was set to be.
    """
    return policy.backoff_s * 2 ** (calls - 1) * (1 + policy.jitter * draw)


def wait_s(failure: StageFailure, calls: int, policy: Policy, draw: float) -> float:
    """Seconds to wait after a failure: the back-off, or longer where the service asked for it (up to the limit)."""
    asked = min(failure.retry_after_s or 0.0, RETRY_AFTER_LIMIT_S)
    return max(asked, backoff_s(policy, calls, draw))


def may_retry(failure: StageFailure, calls: int, policy: Policy, *, others_left: bool) -> bool:
    """Whether the same provider may be asked again after ``calls`` calls; the deadline is judged apart.

    While ``others_left`` can still be asked, nobody waits longer than ``RETRY_AFTER_LIMIT_S`` for this one.
    """
    if not failure.retryable or calls >= policy.attempts:
        return False
    if failure.kind is FailureClass.UNKNOWN and calls >= UNKNOWN_CALLS:
        return False
    return not (others_left and (failure.retry_after_s or 0.0) > RETRY_AFTER_LIMIT_S)


def classify(error: BaseException, provider: str, *, timed_out_s: float | None, cancelled: bool) -> StageFailure | None:
    """What an exception out of a provider's call means. None: it is no failure of the provider and passes through.

    What is said in it has no secrets in it and is of bounded length, whoever raised it: it goes into logs and rows.

    Args:
        error: what was raised.
        provider: whose call it was.
        timed_out_s: the limit, when it was the runner's own time-out that went off.
        cancelled: the runner's task was asked to stop; without it a ``CancelledError`` is the provider's own doing.
    """
    found = _meaning(error, provider, timed_out_s=timed_out_s, cancelled=cancelled)
    if found is None:
        return None
    message, details = writable(found.message, chars=MESSAGE_CHARS), writable(found.details)
    if (message, details) == (found.message, found.details):
        return found
    return StageFailure(
        message, kind=found.kind, retryable=found.retryable, retry_after_s=found.retry_after_s, details=details
    )


def _meaning(error: BaseException, provider: str, *, timed_out_s: float | None, cancelled: bool) -> StageFailure | None:
    match error:
        case StageFailure():
            return error
        case LeaseLostError() | JobCancelledError() | StoreError():
            return None
        case asyncio.CancelledError() if cancelled:
            return None
        case TimeoutError() if timed_out_s is not None:
            return StageFailure.timeout(f"{provider} did not end within {timed_out_s:.3g} s")
        case TimeoutError():
            return StageFailure.timeout(f"{provider} waited too long for something: {error or 'no message'}")
        case _:
            stack = "".join(traceback.format_exception(error))[-STACK_CHARS:]
            return StageFailure(
                f"{provider} failed in a way it does not know: {type(error).__name__}: {error}",
                kind=FailureClass.UNKNOWN,
                retryable=True,
                details={"stack": stack},
            )
