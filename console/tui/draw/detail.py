"""A job with everything that is known of it, as one long text. Long lines are folded, never cut."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

from textual.content import Content

from console import format as fmt
from console.text import clean_lines
from console.tui.draw.base import BAD, MUTED, PLAIN, STRONG, WARN, Frame, cut, fit, fold, foreign, line, progress_bar
from console.tui.draw.tree import tree_lines
from console.tui.draw.waterfall import draw_waterfall
from console.tui.draw.words import attempt_word, job_word, render_word
from console.tui.view import Answer
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.render import Attempt
from scheduler.ports.operations import JobDetail

_LABEL = 14


def draw_detail_head(frame: Frame, answer: Answer[JobDetail]) -> list[Content]:
    """Two lines that stay while the text scrolls: which job, how it stands."""
    if answer.value is None:
        text = answer.problem or "reading the job" + frame.signs.ellipsis
        return [cut(line((foreign(text, frame.signs), BAD if answer.problem else MUTED)), frame.width, frame.signs)]
    job = answer.value.job
    word = job_word(job, frame.signs)
    parts: list[tuple[str, str] | str | Content] = [
        (f"{word.sign} {word.text}", f"bold {word.style}"),
        "  ",
        (foreign(job.job_type, frame.signs), STRONG),
        (f"  {foreign(job.id, frame.signs)}", MUTED),
    ]
    return [cut(line(*parts), frame.width, frame.signs), cut(_standing(frame, job), frame.width, frame.signs)]


def _standing(frame: Frame, job: Job) -> Content:
    parts: list[tuple[str, str] | str | Content] = []
    if job.status is JobStatus.PROCESSING:
        parts += [progress_bar(job.progress, 20, frame.signs), f" {fmt.percent(job.progress)}  "]
        parts.append((foreign(job.stage, frame.signs) + "  ", STRONG))
    parts.append((f"{job.priority.value} priority  queued {fmt.age(job.created_at, frame.now)} ago", MUTED))
    if job.retry_at is not None:
        parts.append((f"  retry at {fmt.moment(job.retry_at, frame.now, frame.view.timezone, seconds=True)}", WARN))
    return line(*parts)


def draw_detail(frame: Frame, detail: JobDetail, *, raw: bool = False) -> list[Content]:
    """The text: what it is, result, error, renders with their calls on a time axis, logs by stage, failures, payload.

    Args:
        frame: what to draw for.
        detail: the job.
        raw: the payload as JSON instead of a tree.
    """
    return list(_detail(frame, detail, raw=raw))


def _detail(frame: Frame, detail: JobDetail, *, raw: bool) -> Iterator[Content]:
    job = detail.job
    yield from _facts(frame, job)
    if job.error is not None:
        yield from _heading("Error")
        where = " · ".join(part for part in (job.error.stage, job.error.provider) if part)
        yield line((job.error.type.value, f"bold {BAD}"), (f"  {foreign(where, frame.signs)}", MUTED))
        yield from _folded(job.error.message, frame.width, BAD)
        if job.error.stack:
            yield from _folded(job.error.stack, frame.width, MUTED)
    yield from _heading(f"Renders ({len(detail.renders)})")
    for render in detail.renders:
        word = render_word(render.status, degraded=render.degraded, signs=frame.signs)
        started = fmt.stamp(render.started_at, frame.view.timezone)
        took = fmt.duration((render.finished_at - render.started_at).total_seconds()) if render.finished_at else ""
        yield cut(
            line(f"{render.number:>2}  ", (f"{word.sign} {fit(word.text, 12, frame.signs)}", word.style),
                 (started, PLAIN), (f"  {took}", MUTED)),
            frame.width, frame.signs,
        )  # fmt: skip
    yield from _calls(frame, detail)
    if detail.attempts:
        yield from _heading("Logs by stage")
        yield from _logs(frame, detail.attempts)
    if detail.failures:
        yield from _heading(f"Failures ({len(detail.failures)})")
        for failure in detail.failures:
            where = " · ".join(part for part in (failure.stage, failure.provider) if part)
            yield line((failure.failure_reason.value, BAD), (f"  {foreign(where, frame.signs)}", MUTED))
            yield from _folded(failure.message, frame.width, PLAIN, indent=2)
    yield from _heading("Payload, raw" if raw else "Payload")
    if raw:
        for text in payload_lines(_payload_text(job), frame.width):
            yield Content(text)
    else:
        yield from tree_lines(job.payload, frame.width, frame.signs)


def _calls(frame: Frame, detail: JobDetail) -> Iterator[Content]:
    """The calls of each render on its own time axis, the newest render first."""
    numbers = {render.id: render.number for render in detail.renders}
    by_render: dict[str, list[Attempt]] = {}
    for attempt in detail.attempts:
        by_render.setdefault(attempt.render_id, []).append(attempt)
    if not by_render:
        yield from _heading("Attempts (0)")
    for render_id, attempts in reversed(by_render.items()):
        number = numbers.get(render_id)
        which = f" of render {number}" if number is not None and len(detail.renders) > 1 else ""
        yield from _heading(f"Attempts{which} ({len(attempts)})")
        yield from draw_waterfall(frame, attempts)


def _logs(frame: Frame, attempts: Sequence[Attempt]) -> Iterator[Content]:
    """What was logged of each stage: when, by whom, how it went, the error, the notes."""
    by_stage: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_stage.setdefault(attempt.stage.value, []).append(attempt)
    for stage, found in by_stage.items():
        yield line((stage, STRONG))
        for attempt in found:
            yield from _attempt(frame, attempt)


def _facts(frame: Frame, job: Job) -> Iterator[Content]:
    zone = frame.view.timezone
    result = job.payload.get("video_url")
    facts: tuple[tuple[str, str | None, str], ...] = (
        ("result", result if isinstance(result, str) else None, STRONG),
        ("for", fmt.day(job.run_date) if job.run_date else None, PLAIN),
        ("deadline", fmt.stamp(job.deadline_at, zone) if job.deadline_at else None, PLAIN),
        ("created", fmt.stamp(job.created_at, zone), PLAIN),
        ("started", fmt.stamp(job.started_at, zone) if job.started_at else None, PLAIN),
        ("ended", fmt.stamp(job.completed_at, zone) if job.completed_at else None, PLAIN),
        ("retries", f"{job.retry_count} of {job.max_retries}" if job.retry_count else None, PLAIN),
        ("crashes", str(job.crash_count) if job.crash_count else None, WARN),
        ("worker", job.lease_owner, MUTED),
        ("key", job.idempotency_key, MUTED),
        ("reason", job.reason, PLAIN),
    )
    for label, value, style in facts:
        if value:
            folded = list(_folded(value, frame.width - _LABEL, style))
            for n, content in enumerate(folded):
                yield line((fit(label if n == 0 else "", _LABEL, frame.signs), MUTED), content)


def _attempt(frame: Frame, attempt: Attempt) -> Iterator[Content]:
    signs = frame.signs
    word = attempt_word(attempt, signs)
    took = "" if attempt.duration_ms is None else fmt.short_duration(attempt.duration_ms / 1000)
    at = fmt.clock_time(attempt.started_at, frame.view.timezone, seconds=True)
    mark = f"{signs.fallback} fallback {attempt.fallback_position}" if attempt.fallback_position else ""
    yield cut(
        line(
            (f"  {at}  ", MUTED),
            (fit(foreign(attempt.provider, signs), 16, signs), PLAIN),
            (f"{word.sign} {fit(word.text, 8, signs)}", word.style),
            (fit(took, 6, signs, right=True), PLAIN),
            (f"  try {attempt.retry_count + 1}" if not attempt.resumed else "", MUTED),
            (f"  {mark}", WARN),
        ),
        frame.width,
        signs,
    )
    if attempt.error_class is not None or attempt.error_message:
        kind = attempt.error_class.value if attempt.error_class else "error"
        yield from _folded(f"{kind}: {attempt.error_message or ''}", frame.width, BAD, indent=12)
    for name, value in attempt.detail.items():
        yield from _folded(f"{name}: {value}", frame.width, MUTED, indent=12)


def _heading(text: str) -> Iterator[Content]:
    yield Content("")
    yield line((text, "bold $heading"))


def _folded(text: str, width: int, style: str, *, indent: int = 0) -> Iterator[Content]:
    for piece in fold(clean_lines(text), max(width - indent, 8)):
        yield line(" " * indent, (piece, style))


def _payload_text(job: Job) -> str:
    return json.dumps(dict(job.payload), ensure_ascii=False, indent=2, sort_keys=True, default=str)


@lru_cache(maxsize=4)
def payload_lines(text: str, width: int) -> tuple[str, ...]:
    """The payload folded to ``width``. Cached: it may be a megabyte, and other things of the job change more often."""
    return tuple(fold(clean_lines(text), width))
