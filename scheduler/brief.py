"""The morning brief: what has happened since somebody last looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.audit import AuditLine
from scheduler.domain.failure import FailureRecord
from scheduler.domain.fingerprint import FailureGroup, fingerprint
from scheduler.domain.recording import Mark, MarkKind
from scheduler.domain.render import Attempt, AttemptStatus
from scheduler.ports.operations import OperationError, Operations

CALLS = 3000
"""Newest calls in which a failure counts as known."""
GROUPS = 200
"""Final failures, by fingerprint, in which one counts as known."""
LINES = 200
MARKS = 200
TOLD = (MarkKind.VERDICT, MarkKind.ALERT, MarkKind.FALLBACK, MarkKind.DATABASE, MarkKind.GAP)
"""Kinds of moments that are told."""


@dataclass(frozen=True, slots=True)
class NewFailure:
    """A way to fail that had not been seen before.

    Attributes:
        first_at: when it was seen first.
        count: how often since then.
        message: of the newest one.
    """

    kind: str
    stage: str
    provider: str
    first_at: datetime
    count: int
    message: str


@dataclass(frozen=True, slots=True)
class MorningBrief:
    """What has happened since ``since``.

    Attributes:
        marks: verdicts, alerts, fallbacks, gaps, oldest first.
        failures: those that are new, oldest first.
        commands: what others did, oldest first.
        recorded: False: there is no recording here, so that ``marks`` is empty.
    """

    since: datetime
    until: datetime
    marks: tuple[Mark, ...]
    failures: tuple[NewFailure, ...]
    commands: tuple[AuditLine, ...]
    recorded: bool = True

    def __bool__(self) -> bool:
        return bool(self.marks or self.failures or self.commands)


def morning_brief(operations: Operations, *, since: datetime, now: datetime, reader: str) -> MorningBrief:
    """Put it together.

    Args:
        operations: what is read.
        since: from when on.
        now: until when.
        reader: whose own commands are left out.
    """
    recorded = True
    try:
        marks = operations.moments(after=since, before=now, kinds=TOLD, limit=MARKS)[::-1]
    except OperationError:
        marks, recorded = (), False
    lines = operations.audit(limit=LINES).items
    return MorningBrief(
        since=since,
        until=now,
        marks=marks,
        failures=new_failures(operations.recent_attempts(limit=CALLS), since, operations.failure_groups(limit=GROUPS)),
        commands=tuple(line for line in lines if line.at > since and line.entry.actor != reader)[::-1],
        recorded=recorded,
    )


def new_failures(
    attempts: Sequence[Attempt], since: datetime, groups: Sequence[FailureGroup] = ()
) -> tuple[NewFailure, ...]:
    """Failures, told apart by their fingerprint, that were first seen after ``since``. Pure.

    Args:
        attempts: calls of providers, oldest first.
        since: aware.
        groups: the final failures of renders over all nights.
    """
    found: dict[str, NewFailure] = {}
    for one in attempts:
        if one.status is not AttemptStatus.FAILED or one.error_class is None:
            continue
        stage, message = one.stage.value, one.error_message or ""
        mark = fingerprint(FailureRecord(one.render_id, one.error_class, message, stage, one.provider, retryable=True))
        before = found.get(mark)
        found[mark] = NewFailure(
            one.error_class.value,
            stage,
            one.provider,
            first_at=one.started_at if before is None else before.first_at,
            count=1 if before is None else before.count + 1,
            message=message,
        )
    for group in groups:
        called = found.get(group.fingerprint)
        found[group.fingerprint] = NewFailure(
            group.failure_reason.value,
            group.stage or "",
            group.provider or "",
            first_at=group.first_at if called is None else min(called.first_at, group.first_at),
            count=group.count if called is None else max(called.count, group.count),
            message=group.message,
        )
    return tuple(sorted((one for one in found.values() if one.first_at > since), key=lambda one: one.first_at))
