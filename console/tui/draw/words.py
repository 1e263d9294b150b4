"""Signs, words and colours of the states, in one place."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from console.tui.draw.base import BAD, BUSY, MUTED, OK, WARN
from console.tui.signs import Signs
from scheduler.domain.deadline import Verdict
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.render import Attempt, AttemptStatus, RenderStatus
from scheduler.domain.service import ServiceState
from scheduler.domain.snapshot import StageState, StageView


class Word(NamedTuple):
    """How a state is shown."""

    sign: str
    text: str
    style: str


def verdict_word(verdict: Verdict, signs: Signs) -> Word:
    """The verdict; its word is the domain's own."""
    match verdict:
        case Verdict.READY:
            return Word(signs.good, verdict.value, OK)
        case Verdict.ON_TRACK:
            return Word(signs.full, verdict.value, OK)
        case Verdict.AT_RISK:
            return Word(signs.warn, verdict.value, WARN)
        case Verdict.MISSED:
            return Word(signs.bad, verdict.value, BAD)
        case Verdict.IDLE:
            return Word(signs.empty, verdict.value, MUTED)
        case _:
            assert_never(verdict)


def job_word(job: Job, signs: Signs) -> Word:
    """A job's status; what an operator asked for and a degraded result show in the word."""
    match job.status:
        case JobStatus.QUEUED:
            return Word(signs.empty, "queued", MUTED)
        case JobStatus.PROCESSING:
            text = "stopping" if job.cancel_requested_at else "processing"
            return Word(signs.half, text, BUSY)
        case JobStatus.COMPLETED:
            return Word(signs.fallback, "degraded", WARN) if job.degraded else Word(signs.full, "completed", OK)
        case JobStatus.FAILED:
            return Word(signs.warn, "failed", WARN) if job.retry_at else Word(signs.bad, "failed", BAD)
        case JobStatus.CANCELLED:
            return Word(signs.dash, "cancelled", MUTED)
        case _:
            assert_never(job.status)


def service_word(state: ServiceState, signs: Signs) -> Word:
    """A service's state."""
    match state:
        case ServiceState.UP:
            return Word(signs.full, "up", OK)
        case ServiceState.DEGRADED:
            return Word(signs.half, "degraded", WARN)
        case ServiceState.DOWN:
            return Word(signs.bad, "down", BAD)
        case ServiceState.UNKNOWN:
            return Word(signs.empty, "unknown", MUTED)
        case _:
            assert_never(state)


def stage_word(stage: StageView, signs: Signs) -> Word:
    """A stage's state; a stage done by a fallback says so."""
    words = {
        StageState.WAITING: Word(signs.empty, "waiting", MUTED),
        StageState.RUNNING: Word(signs.half, "running", BUSY),
        StageState.RETRYING: Word(signs.half, "retrying", WARN),
        StageState.DONE: Word(signs.full, "done", OK),
        StageState.FAILED: Word(signs.bad, "failed", BAD),
        StageState.UNUSED: Word(signs.dash, "not used", MUTED),
    }
    return words.get(stage.state, Word(signs.empty, stage.state, MUTED))


def render_word(status: RenderStatus, *, degraded: bool, signs: Signs) -> Word:
    """How a render ended or stands."""
    match status:
        case RenderStatus.RUNNING:
            return Word(signs.half, "running", BUSY)
        case RenderStatus.COMPLETED:
            return Word(signs.fallback, "degraded", WARN) if degraded else Word(signs.full, "completed", OK)
        case RenderStatus.FAILED:
            return Word(signs.bad, "failed", BAD)
        case RenderStatus.CANCELLED:
            return Word(signs.dash, "cancelled", MUTED)
        case RenderStatus.INTERRUPTED:
            return Word(signs.warn, "interrupted", WARN)
        case _:
            assert_never(status)


def attempt_word(attempt: Attempt, signs: Signs) -> Word:
    """How a call of a provider ended or stands: what was never asked, or was broken off, has not failed."""
    match attempt.status:
        case AttemptStatus.STARTED:
            return Word(signs.half, "running", BUSY)
        case AttemptStatus.COMPLETED:
            return Word(signs.full, "kept" if attempt.resumed else "done", OK)
        case AttemptStatus.FAILED if attempt.skipped:
            return Word(signs.dash, "skipped", MUTED)
        case AttemptStatus.FAILED if attempt.stopped:
            return Word(signs.dash, "stopped", WARN)
        case AttemptStatus.FAILED:
            return Word(signs.bad, "failed", BAD)
        case _:
            assert_never(attempt.status)
