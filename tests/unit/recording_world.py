"""A night as snapshots, for the tests of the recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import Job, JobStatus, Priority, QueueDepth
from scheduler.domain.render import Attempt, AttemptStatus, Render, RenderStatus, StageName
from scheduler.domain.schedule import ScheduleDefinition, ScheduleState
from scheduler.domain.service import Probe, ServiceHealth, ServiceState
from scheduler.domain.snapshot import ProcessInfo, Snapshot, StageState, StageView, Tonight

AT = datetime(2026, 11, 20, 21, 42, 30, tzinfo=UTC)
DEADLINE = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


def night_job(number: int, status: JobStatus = JobStatus.PROCESSING, **more: Any) -> Job:
    values: dict[str, Any] = {
        "id": f"{number:08x}-aaaa-4bbb-8ccc-000000000000",
        "seq": number,
        "job_type": "daily_ca",
        "priority": Priority.HIGH,
        "status": status,
        "payload": {},
        "retry_count": 0,
        "max_retries": 3,
        "created_at": AT - timedelta(minutes=number),
        "updated_at": AT,
        "started_at": AT - timedelta(minutes=number),
        "run_date": date(2026, 11, 21),
        "deadline_at": DEADLINE,
    }
    return Job(**(values | more))


def night_call(stage: StageName, provider: str, *, position: int = 0, failed: bool = False) -> Attempt:
    return Attempt(
        id=f"{stage}-{provider}",
        render_id="r1",
        job_id="j1",
        stage=stage,
        provider=provider,
        status=AttemptStatus.FAILED if failed else AttemptStatus.COMPLETED,
        started_at=AT - timedelta(seconds=50),
        fallback_position=position,
        duration_ms=4000,
        error_class=FailureClass.TIMEOUT if failed else None,
        error_message="no answer within 4 s" if failed else None,
        detail={"waits_s": [1, 2], "bytes": 40_000},
    )


def night_snapshot(
    at: datetime = AT,
    verdict: Verdict = Verdict.ON_TRACK,
    *,
    job: JobStatus = JobStatus.PROCESSING,
    manim: ServiceState = ServiceState.UP,
    fallback: bool = False,
    payload: Mapping[str, Any] | None = None,
    progress: float = 0.4,
) -> Snapshot:
    """A night at ``at``: its job, stages, services and a few jobs."""
    calls = (night_call(StageName.MANIM, "manim-api", failed=True),) + (
        (night_call(StageName.MANIM, "static-cards", position=1),) if fallback else ()
    )
    tonights = night_job(1, job, payload=payload or {"title": "21 November"}, progress=progress)
    others = tuple(
        night_job(10 + n, JobStatus.FAILED, error=JobError("boom", FailureClass.API_ERROR, AT, stack="a long one"))
        for n in range(5)
    )
    probe = Probe("manim", AT, ok=True, latency_ms=12.3)
    definition = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Asia/Kolkata", time(6, 0))
    return Snapshot(
        taken_at=at,
        tonight=Tonight(
            verdict=verdict,
            schedule="nightly",
            run_date=date(2026, 11, 21),
            timezone="Asia/Kolkata",
            deadline_at=DEADLINE,
            starts_at=None,
            job=tonights,
            render=Render("r1", tonights.id, 1, 1, RenderStatus.RUNNING, AT),
            stages=(
                StageView(StageName.MANIM, StageState.RUNNING, "manim-api", started_at=AT, attempts=calls),
                StageView(StageName.TTS, StageState.WAITING),
            ),
            prediction=Prediction(AT + timedelta(minutes=4), AT + timedelta(minutes=9)),
            slack_s=9000.0,
            note="rendering",
        ),
        depth=QueueDepth({JobStatus.QUEUED: 3, JobStatus.PROCESSING: 1, JobStatus.FAILED: 5}, 125.0),
        services=(
            ServiceHealth("manim", "http://127.0.0.1:5000", manim, AT, probe, 4, (1.0, None, 12.3)),
            ServiceHealth("revideo", "http://127.0.0.1:5001", ServiceState.UP, AT, None, 1, ()),
        ),
        jobs=(tonights, *others),
        schedules=(ScheduleState(definition, last_fire=AT, skip_dates=(date(2026, 12, 25),)),),
        daemon=ProcessInfo("d1", "serve", "host", 42, AT - timedelta(hours=1), at, alive=True),
    )  # fmt: skip


def probed(snapshot: Snapshot, at: datetime, latency_ms: float) -> Snapshot:
    """The same, after the services were probed again."""
    return replace(
        snapshot,
        taken_at=at,
        services=tuple(
            replace(
                health,
                last_probe=Probe(health.service, at, ok=True, latency_ms=latency_ms),
                consecutive=health.consecutive + 1,
                latencies_ms=(*health.latencies_ms, latency_ms)[-30:],
            )
            for health in snapshot.services
        ),
    )
