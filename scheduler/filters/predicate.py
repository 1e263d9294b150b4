"""Holding a job against a filter, without a database: the meaning that the SQL must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never, cast

from scheduler.domain.filter import Field, Filter, Term
from scheduler.domain.job import Job
from scheduler.filters.words import holds_phrase, words

RESULT_KEYS = frozenset({"video_url", "thumbnail_url", "duration"})
"""What a completion adds to the payload: not searched."""


def matches(wanted: Filter, job: Job) -> bool:
    """Whether the job is among those that the filter asks for."""
    return (
        all(any(holds(term, job) for term in terms) for terms in wanted.wanted.values())
        and all(holds(term, job) for term in wanted.texts)
        and not any(holds(term, job) for term in wanted.unwanted)
    )


def holds(term: Term, job: Job) -> bool:  # noqa: C901, PLR0911, PLR0912 - one line for each field
    """Whether one condition holds, its negation left aside."""
    value: Any = term.value
    match term.field:
        case Field.STATUS:
            return job.status == value
        case Field.TYPE:
            return _is(job.job_type, term)
        case Field.PRIORITY:
            return job.priority == value
        case Field.STAGE:
            return value in {job.stage, job.error.stage if job.error else None}
        case Field.ERROR:
            return job.error is not None and (
                job.error.type.value == error_class(value) or value.lower() in job.error.message.lower()
            )
        case Field.AFTER:
            return job.created_at >= value
        case Field.BEFORE:
            return job.created_at < value
        case Field.DEGRADED:
            return job.degraded is value
        case Field.ID:
            return job.id.startswith(value)
        case Field.KEY:
            return _is(job.idempotency_key, term)
        case Field.SCHEDULE:
            return _is(job.schedule_name, term)
        case Field.DATE:
            return job.run_date == value
        case Field.TAG:
            return value in tags(job.payload)
        case Field.TEXT:
            phrase = words(value)
            return any(holds_phrase(words(text), phrase, prefix=term.prefix) for text in texts(job))
        case _:
            assert_never(term.field)


def error_class(value: str) -> str:
    """``timeout`` and ``api-error`` as the words of ``FailureClass``."""
    return value.upper().replace("-", "_")


def _is(text: str | None, term: Term) -> bool:
    if text is None:
        return False
    return text.startswith(str(term.value)) if term.prefix else text == term.value


def tags(payload: Mapping[str, Any]) -> Sequence[str]:
    """``payload.tags``: a list of texts, or one text."""
    found = payload.get("tags")
    if isinstance(found, str):
        return (found,)
    if isinstance(found, Sequence):
        return [tag for tag in cast("Sequence[Any]", found) if isinstance(tag, str)]
    return ()


def texts(job: Job) -> Iterator[str]:
    """What is searched of a job."""
    yield job.job_type
    if job.idempotency_key:
        yield job.idempotency_key
    if job.error is not None:
        yield job.error.message
    for key, value in job.payload.items():
        if key not in RESULT_KEYS:
            yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from _leaves(item)
    elif isinstance(value, Sequence):
        for item in cast("Sequence[Any]", value):
            yield from _leaves(item)
