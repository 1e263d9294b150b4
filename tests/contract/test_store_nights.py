"""The on-time record and the sums over renders: on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from store_world import RESULT, World

from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import AttemptStatus, RenderStatus, StageName

DUE = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


def night(day: int, schedule: str = "nightly", **changes: object) -> Night:
    shift = timedelta(days=day - 21)
    base = Night(
        schedule=schedule,
        run_date=date(2026, 11, day),
        timezone="Asia/Kolkata",
        nominal_at=DUE - timedelta(hours=3) + shift,
        due_at=DUE + shift,
        outcome=NightOutcome.OPEN,
    )
    return replace(base, **changes)  # pyright: ignore[reportArgumentType] - test data by name


def test_nights_come_back_as_they_were_newest_first(world: World) -> None:
    full = night(
        20,
        outcome=NightOutcome.ON_TIME,
        job_id="3f2a0000-0000-4000-8000-000000000000",
        started_at=DUE - timedelta(hours=27),
        ready_at=DUE - timedelta(hours=26),
        degraded=True,
        upgraded_at=DUE - timedelta(hours=20),
        p50_at=DUE - timedelta(hours=26),
        p90_at=DUE - timedelta(hours=25),
        note="हिन्दी",
    )
    world.store.save_nights([night(19), full, night(21)])
    world.store.save_nights([])
    assert world.another().nights() == [night(21), full, night(19)]


def test_a_night_is_written_once_for_each_run_date_of_a_schedule(world: World) -> None:
    world.store.save_nights([night(20), night(20, "weekly"), night(21)])
    late = night(20, outcome=NightOutcome.LATE, ready_at=DUE, degraded=False)
    world.store.save_nights([late])
    assert world.store.nights() == [night(21), late, night(20, "weekly")]
    assert world.store.nights(schedule="nightly") == [night(21), late]
    assert world.store.nights(since=date(2026, 11, 21)) == [night(21)]
    assert world.store.nights(limit=1) == [night(21)]


def test_renders_of_some_days_are_summed_up(world: World) -> None:
    store = world.store
    world.add_many(3)
    leases = world.claim()
    for number, lease in enumerate(leases):
        render = world.render(lease)
        good = world.attempt(render, 1, StageName.TTS)
        store.finish_attempt(replace(good, status=AttemptStatus.COMPLETED, duration_ms=1500 + 1000 * number))
        bad = world.attempt(render, 2, StageName.MANIM, provider="manim-api")
        store.finish_attempt(replace(bad, status=AttemptStatus.FAILED, duration_ms=9000))
        if number == 0:
            kind = FailureClass.TIMEOUT
            store.record_failure(FailureRecord(render.id, kind, "too slow", "manim", "manim-api", retryable=True))
            store.finish_render(render.id, RenderStatus.FAILED)
        elif number == 1:
            store.finish_render(render.id, RenderStatus.COMPLETED, video_url=RESULT.video_url)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    assert store.render_outcomes(since=long_ago) == {
        RenderStatus.FAILED: 1,
        RenderStatus.COMPLETED: 1,
        RenderStatus.RUNNING: 1,
    }
    [(began, failure)] = store.failures_since(long_ago)
    assert (failure.failure_reason, failure.message) == (FailureClass.TIMEOUT, "too slow")
    assert began == store.renders(leases[0].job.id)[0].started_at
    assert store.durations_since(long_ago) == {("tts", "espeak"): [3.5, 2.5, 1.5]}
    ahead = datetime(2100, 1, 1, tzinfo=UTC)
    assert store.render_outcomes(since=long_ago, until=long_ago) == {}
    assert store.failures_since(long_ago, until=long_ago) == []
    assert store.durations_since(long_ago, until=long_ago) == {}
    assert store.render_outcomes(since=long_ago, until=ahead)[RenderStatus.FAILED] == 1
    assert len(store.failures_since(long_ago, until=ahead)) == 1
    assert store.durations_since(long_ago, until=ahead) == store.durations_since(long_ago)
    assert store.render_outcomes(since=ahead) == {}
    assert store.failures_since(ahead) == []
    assert store.durations_since(ahead) == {}
