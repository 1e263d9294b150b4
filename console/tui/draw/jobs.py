"""The queue: its depth, and jobs as rows."""

from __future__ import annotations

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import (
    BAD,
    MUTED,
    PLAIN,
    STRONG,
    WARN,
    Frame,
    cut,
    fit,
    foreign,
    line,
    progress_bar,
)
from console.tui.draw.words import job_word
from scheduler.domain.job import Job, JobStatus

_PRIORITY_FROM = 66
_SCHEDULE_FROM = 110


def jobs_title(frame: Frame) -> str:
    """The list's title; it says when not all jobs are in it."""
    snapshot = frame.view.snapshot
    if snapshot is None:
        return "Jobs"
    total = sum(snapshot.depth.by_status.values())
    shown = len(snapshot.jobs)
    return f"Jobs {frame.signs.dot} newest {shown} of {total:,}" if total > shown else "Jobs"


def draw_job_header(frame: Frame) -> list[Content]:
    """The columns' names of ``draw_job``."""
    signs = frame.signs
    names = [fit("", 4, signs), fit("status", 11, signs), fit("id", 9, signs), fit("type", 12, signs)]
    if frame.width >= _PRIORITY_FROM:
        names.append(fit("priority", 9, signs))
    if frame.width >= _SCHEDULE_FROM:
        names.append(fit("for", 12, signs))
    names += [fit("age", 6, signs, right=True), "  now"]
    return [cut(line(("".join(names), MUTED)), frame.width, signs)]


def draw_job(frame: Frame, job: Job, *, selected: bool, marked: bool = False) -> Content:
    """One job as a row."""
    signs = frame.signs
    word = job_word(job, signs)
    parts: list[tuple[str, str] | str | Content] = [
        (f"{signs.cursor if selected else ' '}", STRONG),
        (signs.mark if marked else " ", f"bold {WARN}"),
        (f"{word.sign} ", word.style),
        (fit(word.text, 11, signs), word.style),
        (fit(fmt.short_id(foreign(job.id, signs)), 9, signs), PLAIN),
        (fit(foreign(job.job_type, signs), 11, signs) + " ", STRONG),
    ]
    if frame.width >= _PRIORITY_FROM:
        parts.append((fit(job.priority.value, 9, signs), WARN if job.priority.rank == 0 else MUTED))
    if frame.width >= _SCHEDULE_FROM:
        parts.append((fit(fmt.day(job.run_date) if job.run_date else "", 12, signs), PLAIN))
    parts += [(fit(fmt.age(job.created_at, frame.now), 6, signs, right=True), MUTED), "  ", *_now(frame, job)]
    return cut(line(*parts), frame.width, signs)


def _now(frame: Frame, job: Job) -> list[tuple[str, str] | str | Content]:
    """What is to be said of it now: progress and stage, the coming retry, the error, the reason."""
    signs = frame.signs
    parts: list[tuple[str, str] | str | Content] = []
    if job.status is JobStatus.PROCESSING:
        parts += [progress_bar(job.progress, 10, signs), fit(fmt.percent(job.progress), 5, signs, right=True), "  "]
        parts.append((foreign(job.stage, signs), PLAIN))
    if job.status is JobStatus.FAILED and job.retry_at is not None:
        parts.append((f"retry {fmt.clock_time(job.retry_at, frame.view.timezone)} ", WARN))
    if job.status is JobStatus.FAILED and job.error is not None:
        parts.append((f"{job.error.type.value}: {foreign(job.error.message, signs)}", BAD))
    elif job.reason:
        parts.append((foreign(job.reason, signs), MUTED))
    return parts
