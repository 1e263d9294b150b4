from __future__ import annotations

import asyncio

import pytest

from scheduler.domain.failure import FailureClass, JobCancelledError, LeaseLostError, StageFailure
from scheduler.pipeline.retry import RETRY_AFTER_LIMIT_S, backoff_s, classify, may_retry, wait_s
from scheduler.pipeline.stages import Policy
from scheduler.ports.store import StoreUnavailableError

POLICY = Policy(attempts=4, backoff_s=1.0, jitter=0.1)
BUSY = StageFailure.api_error("503", status=503)
WRONG = StageFailure.api_error("400", status=400)
UNKNOWN = StageFailure("?", kind=FailureClass.UNKNOWN, retryable=True)


def asks_for(seconds: float) -> StageFailure:
    return StageFailure.api_error("429", status=429, retry_after_s=seconds)


@pytest.mark.parametrize(("calls", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0)])
def test_waits_are_one_two_and_four_seconds(calls: int, seconds: float) -> None:
    assert backoff_s(POLICY, calls, 0.0) == seconds


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_jitter_only_lengthens_a_wait_and_by_no_more_than_its_share(draw: float) -> None:
    assert 2.0 <= backoff_s(POLICY, 2, draw) <= 2.2


@pytest.mark.parametrize(
    ("failure", "calls", "seconds"),
    [
        (BUSY, 1, 1.0),
        (asks_for(7), 1, 7.0),
        (asks_for(0.5), 3, 4.0),
        (asks_for(3600), 1, RETRY_AFTER_LIMIT_S),
    ],
)
def test_retry_after_is_honoured_up_to_a_limit(failure: StageFailure, calls: int, seconds: float) -> None:
    assert wait_s(failure, calls, POLICY, 0.0) == seconds


@pytest.mark.parametrize(
    ("failure", "calls", "others_left", "again"),
    [
        (BUSY, 1, True, True),
        (BUSY, 3, True, True),
        (BUSY, 4, True, False),
        (BUSY, 4, False, False),
        (WRONG, 1, True, False),
        (WRONG, 1, False, False),
        (StageFailure.invalid_input("x"), 1, False, False),
        (StageFailure.invalid_output("x"), 1, False, True),
        (StageFailure.timeout("x"), 2, True, True),
        (UNKNOWN, 1, True, True),
        (UNKNOWN, 2, True, False),
        (asks_for(60), 1, True, True),
        (asks_for(61), 1, True, False),
        (asks_for(61), 1, False, True),
    ],
)
def test_whether_a_provider_is_asked_again(failure: StageFailure, calls: int, others_left: bool, again: bool) -> None:
    assert may_retry(failure, calls, POLICY, others_left=others_left) is again


@pytest.mark.parametrize(
    ("error", "timed_out_s", "cancelled", "kind"),
    [
        (BUSY, None, False, FailureClass.API_ERROR),
        (TimeoutError(), 5.0, False, FailureClass.TIMEOUT),
        (TimeoutError("socket"), None, False, FailureClass.TIMEOUT),
        (KeyError("video_url"), None, False, FailureClass.UNKNOWN),
        (asyncio.CancelledError(), None, False, FailureClass.UNKNOWN),
        (asyncio.CancelledError(), None, True, None),
        (LeaseLostError(), None, False, None),
        (JobCancelledError("ann"), None, False, None),
        (StoreUnavailableError("locked"), None, False, None),
    ],
)
def test_what_an_exception_out_of_a_provider_means(
    error: BaseException, timed_out_s: float | None, cancelled: bool, kind: FailureClass | None
) -> None:
    failure = classify(error, "manim-api", timed_out_s=timed_out_s, cancelled=cancelled)

    assert (failure.kind if failure else None) == kind


def test_an_unforeseen_error_keeps_its_stack_and_may_be_tried_once_more() -> None:
    try:
        raise KeyError("video_url")  # noqa: TRY301 - a stack is wanted
    except KeyError as error:
        failure = classify(error, "manim-api", timed_out_s=None, cancelled=False)

    assert failure is not None
    assert failure.retryable
    assert "KeyError: 'video_url'" in failure.message
    assert "test_pipeline_retry.py" in failure.details["stack"]


def test_a_time_out_says_how_long_the_provider_had() -> None:
    failure = classify(TimeoutError(), "revideo-api", timed_out_s=12.5, cancelled=False)

    assert failure is not None
    assert failure.message == "revideo-api did not end within 12.5 s"
