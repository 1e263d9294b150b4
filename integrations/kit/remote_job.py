"""Work that a service does for us: submitted, and watched to its end where the answer is a job.

One protocol for every render service (contracts.md): the answer to the submission is either the result, or a job that
is polled. A job that the service no longer knows must be submitted again: that is a failure here, and the runner's
decision. Whoever stops waiting stops the work: the job is deleted at the service, if that can be done in a second,
also when it was only being submitted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.kit.answers import RemoteAnswer, RemoteState, look_in_s, poll_delays, read_answer
from integrations.kit.http import GONE, HttpService, Trace
from integrations.kit.nudge import waiting
from integrations.kit.text import one_line
from integrations.kit.urls import with_id
from scheduler.domain.failure import FailureClass, StageFailure

TOLERATED_POLL_ERRORS = 3
"""Poll errors in a row that are waited out: a gateway's hiccup must not cost a render of minutes."""
POLL_TIMEOUT_S = 10.0
"""Seconds one poll may take: a state is a small answer."""
CANCEL_TIMEOUT_S = 1.0
"""Seconds a remote cancel may take: our own cancel is honoured within two."""
ANSWER_S = 0.5
"""Seconds that the answer to a submission is waited for when nobody wants the work any more."""
MAX_WAIT_S = 30.0
"""Longest wait between polls, whatever ``Retry-After`` says."""

Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class RemoteWork:
    """What is submitted and how it is watched.

    Attributes:
        path: where it is submitted, ``/render``.
        body: the submission.
        poll_path: where its state is asked for when the answer gives no ``status_url``; ``{id}`` is the job's id.
        poll_s: seconds between looks.
        timeout_s: seconds for the submission's answer, which may be the finished video.
        content_path: where a finished video is fetched whose answer names no address; None: it must name one.
        read: reads an answer, for services with words of their own.
    """

    path: str
    body: Mapping[str, Any]
    poll_path: str
    poll_s: float
    timeout_s: float
    content_path: str | None = None
    read: Callable[[Mapping[str, Any]], RemoteAnswer] = read_answer


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """Finished remote work.

    Attributes:
        url: absolute address of the video. It is a claim: fetch and probe it.
        job_id: None when it was answered at once.
    """

    url: str
    thumbnail_url: str | None
    duration_s: float | None
    job_id: str | None


async def run_remote_work(
    service: HttpService, work: RemoteWork, *, trace: Trace, report: Report | None = None
) -> RemoteResult:
    """Submit ``work`` and wait for its end. ``report`` hears a fraction 0–1 that never falls, and a few words.

    Raises:
        StageFailure: see ``integrations.kit.classify``; API_ERROR also when the job failed or was forgotten.
    """
    document = await _submit(service, work, trace=trace)
    answer = work.read(document)
    # "success" beside a job and without a video means that the submission succeeded.
    if answer.state is RemoteState.DONE and (answer.url is not None or answer.job_id is None):
        return _result(service, work, answer, job_id=answer.job_id)
    if answer.state is RemoteState.FAILED:
        why = answer.error or "no reason given"
        raise StageFailure.api_error(f"{service.name} answered {work.path} with {answer.word or 'failed'}: {why}")
    if answer.state is None or (answer.job_id is None and answer.status_url is None):
        raise StageFailure.invalid_output(
            f"{service.name} answered {work.path} with neither a video nor a job to ask for "
            f"(it has {one_line(', '.join(document) or 'nothing', 120)})"
        )
    return await _watch(
        service, work, answer, _status_url(service, work, answer), trace=trace, report=report or _unheard
    )


async def _submit(service: HttpService, work: RemoteWork, *, trace: Trace) -> dict[str, Any]:
    """The answer to the submission.

    Who is cancelled meanwhile waits for it for a moment more: only the answer tells which job is to be ended there.
    """
    asking = asyncio.ensure_future(
        service.json("POST", work.path, trace=trace, timeout_s=work.timeout_s, body=work.body, errors_in_body=True)
    )
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        with contextlib.suppress(StageFailure, TimeoutError):
            answer = work.read(await asyncio.wait_for(asking, ANSWER_S))
            if answer.url is None and (answer.job_id or answer.status_url):
                await _cancel(service, _status_url(service, work, answer), trace=trace)
        raise


def _status_url(service: HttpService, work: RemoteWork, answer: RemoteAnswer) -> str:
    """Where the state of the job is asked for that an answer names."""
    return service.absolute(answer.status_url or with_id(work.poll_path, answer.job_id or ""))


async def _watch(
    service: HttpService, work: RemoteWork, first: RemoteAnswer, status_url: str, *, trace: Trace, report: Report
) -> RemoteResult:
    job = first.job_id or status_url.rsplit("/", 1)[-1]
    running = True
    try:
        with waiting((job, trace.idempotency_key.partition(":")[0])) as wait:
            shown, errors, wait_s, remaining_s = 0.0, 0, 0.0, first.remaining_s
            for delay in poll_delays(work.poll_s):
                look_s = look_in_s(delay, poll_s=work.poll_s, remaining_s=remaining_s)
                await wait.rest(max(look_s, wait_s), deaf_s=wait_s)
                try:
                    answer = await _poll(service, work, status_url, job, trace=trace)
                except StageFailure as failure:
                    running = failure.details.get("http_status") not in GONE
                    errors += 1
                    if not failure.retryable or not running or errors > TOLERATED_POLL_ERRORS:
                        raise
                    wait_s, remaining_s = min(failure.retry_after_s or 0.0, MAX_WAIT_S), None
                    report(shown, f"{service.name} job {job}: no state ({errors} of {TOLERATED_POLL_ERRORS} tolerated)")
                    continue
                errors, wait_s, remaining_s = 0, 0.0, answer.remaining_s
                shown = max(shown, answer.progress or 0.0)
                running = answer.state not in {RemoteState.DONE, RemoteState.FAILED}
                if not running:
                    return _ended(service, work, answer, job)
                left = f", about {answer.remaining_s:.0f} s left" if answer.remaining_s else ""
                report(shown, f"{service.name}: {one_line(answer.word or 'rendering', 40)}{left}")
        raise AssertionError("poll_delays never ends")
    finally:
        if running:
            await _cancel(service, status_url, trace=trace)


def _ended(service: HttpService, work: RemoteWork, answer: RemoteAnswer, job: str) -> RemoteResult:
    """The result of a job that has ended.

    Raises:
        StageFailure: it failed.
    """
    if answer.state is RemoteState.DONE:
        return _result(service, work, answer, job_id=job)
    why = answer.error or "no reason given"
    raise StageFailure.api_error(f"{service.name} job {one_line(job, 60)} {answer.word or 'failed'}: {why}")


async def _poll(service: HttpService, work: RemoteWork, status_url: str, job: str, *, trace: Trace) -> RemoteAnswer:
    """One look at a job.

    Raises:
        StageFailure: there is no state in the answer; API_ERROR, to be tried again, when the service forgot the job.
    """
    timeout_s = min(work.timeout_s, POLL_TIMEOUT_S)
    try:
        document = await service.json("GET", status_url, trace=trace, timeout_s=timeout_s, errors_in_body=False)
    except StageFailure as failure:
        if failure.details.get("http_status") not in GONE:
            raise
        raise StageFailure(
            f"{service.name} no longer knows job {one_line(job, 60)} (was it restarted?): it must be submitted again",
            kind=FailureClass.API_ERROR,
            retryable=True,
            details={**failure.details, "forgotten_job": one_line(job, 60)},
        ) from failure
    answer = work.read(document)
    if answer.state is None:
        said = answer.error or "an object without a status"
        raise StageFailure.api_error(f"{service.name} told no state of job {one_line(job, 60)}: {said}")
    return answer


async def _cancel(service: HttpService, status_url: str, *, trace: Trace) -> None:
    """Stop what runs remotely: best effort, and never longer than a second."""
    with contextlib.suppress(StageFailure):
        await service.json("DELETE", status_url, trace=trace, timeout_s=CANCEL_TIMEOUT_S, errors_in_body=False)


def _result(service: HttpService, work: RemoteWork, answer: RemoteAnswer, *, job_id: str | None) -> RemoteResult:
    address = answer.url
    if address is None and work.content_path is not None and job_id is not None:
        address = with_id(work.content_path, job_id)
    if address is None:
        raise StageFailure.invalid_output(
            f"{service.name} says {answer.word or 'completed'} but names no video (none of video_url, output_url, "
            "renderUrl, downloadLink)"
        )
    return RemoteResult(
        url=service.absolute(address),
        thumbnail_url=answer.thumbnail_url,
        duration_s=answer.duration_s,
        job_id=job_id,
    )


def _unheard(_fraction: float, _message: str = "") -> None:
    """Progress that nobody listens to."""
