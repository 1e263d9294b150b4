from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduler.domain.deadline import Prediction
from scheduler.domain.failure import FailureClass, FailureRecord, JobError
from scheduler.domain.job import Job, JobResult, Lease
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import RenderStatus
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.domain.sla import calibration, group_failures, on_time, stage_times
from scheduler.nights.recorder import changed_nights, merged, record_nights
from scheduler.schedules.timer import fire_due
from scheduler.testing import FakeClock, MemoryStore

ZONE = ZoneInfo("Asia/Kolkata")
NIGHTLY = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Asia/Kolkata", time(6, 0), 3 * 3600.0)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


class Nightly:
    """A daemon's schedule over a store in memory; time is moved by hand."""

    def __init__(self, begin: datetime) -> None:
        self.clock = FakeClock(begin)
        self.store = MemoryStore(self.clock)
        self.store.sync_schedules([NIGHTLY], now=begin)

    def at(self, moment: datetime, **more: Any) -> list[Night]:
        self.clock.advance((moment - self.clock.now()).total_seconds())
        fire_due(self.store, self.clock.now())
        return record_nights(self.store, self.clock.now(), **more)

    def claim(self) -> Lease:
        (lease,) = self.store.claim("w", limit=1, lease_s=86_400)
        return lease

    def render(self, lease: Lease, moment: datetime, *, degraded: bool = False) -> None:
        render = self.store.start_render(lease, correlation_id="c")
        assert render is not None
        self.clock.advance((moment - self.clock.now()).total_seconds())
        self.store.finish_render(render.id, RenderStatus.COMPLETED, degraded=degraded, video_url="file:///v.mp4")
        assert self.store.complete(lease, JobResult("file:///v.mp4", None, 60.0, degraded=degraded))

    def told(self) -> list[Night]:
        return self.store.nights()


def test_a_night_is_open_while_it_runs_and_on_time_when_the_video_is_out() -> None:
    world = Nightly(local(20, 12))
    assert world.at(local(20, 13)) == []
    [begun] = world.at(local(21, 3))
    assert (begun.run_date, begun.outcome, begun.due_at) == (date(2026, 11, 21), NightOutcome.OPEN, local(21, 6))
    world.render(world.claim(), local(21, 3, 8))
    [done] = world.at(local(21, 3, 9))
    assert (done.outcome, done.ready_at, done.degraded) == (NightOutcome.ON_TIME, local(21, 3, 8), False)
    assert done.margin_s == 2 * 3600 + 52 * 60
    assert done.started_at == local(21, 3)
    assert world.at(local(21, 3, 10)) == []


def test_a_degraded_video_that_is_replaced_by_a_full_one_is_upgraded_and_stays_on_time() -> None:
    world = Nightly(local(20, 12))
    world.at(local(21, 3))
    lease = world.claim()
    world.render(lease, local(21, 5, 50), degraded=True)
    world.at(local(21, 5, 51))
    assert world.store.rerender(lease.job.id, by="ann")
    world.render(world.claim(), local(21, 7))
    [night] = world.at(local(21, 7, 1))
    assert (night.outcome, night.degraded) == (NightOutcome.ON_TIME, True)
    assert (night.ready_at, night.upgraded_at) == (local(21, 5, 50), local(21, 7))


def test_an_upgrade_that_a_job_of_its_own_made_is_kept_in_the_record() -> None:
    world = Nightly(local(20, 12))
    world.at(local(21, 3))
    lease = world.claim()
    world.render(lease, local(21, 5, 50), degraded=True)
    world.at(local(21, 5, 51))
    full = JobResult("file:///full.mp4", None, 60.0, degraded=False)
    assert world.store.update_result(lease.job.id, full, replaces="file:///v.mp4", upgraded_at=local(21, 6, 40))
    [night] = world.at(local(21, 6, 41))
    assert (night.outcome, night.degraded) == (NightOutcome.ON_TIME, True)
    assert (night.ready_at, night.upgraded_at) == (local(21, 5, 50), local(21, 6, 40))


def test_a_video_after_the_deadline_is_first_missed_and_then_late() -> None:
    world = Nightly(local(20, 12))
    world.at(local(21, 3))
    lease = world.claim()
    [missed] = world.at(local(21, 6))
    assert (missed.outcome, missed.note) == (NightOutcome.MISSED, "still rendering at the deadline (starting)")
    world.render(lease, local(21, 6, 20))
    [late] = world.at(local(21, 6, 21))
    assert (late.outcome, late.margin_s) == (NightOutcome.LATE, -20 * 60)


def test_a_failed_night_keeps_the_reason() -> None:
    world = Nightly(local(20, 12))
    world.at(local(21, 3))
    error = JobError("manim: nothing answers", FailureClass.UNAVAILABLE, local(21, 3, 5))
    world.store.fail(world.claim(), error, retryable=False)
    world.at(local(21, 6))
    assert (world.told()[0].outcome, world.told()[0].note) == (NightOutcome.MISSED, "manim: nothing answers")


def test_nights_that_nobody_started_are_missed_one_by_one() -> None:
    world = Nightly(local(20, 12))
    world.at(local(21, 3))
    world.render(world.claim(), local(21, 3, 8))
    world.at(local(21, 4))
    found = world.at(local(24, 8))
    assert [(night.run_date.day, night.outcome) for night in found] == [
        (22, NightOutcome.MISSED),
        (23, NightOutcome.MISSED),
        (24, NightOutcome.MISSED),
    ]
    assert {night.note for night in found} == {"never started"}


def test_nights_before_the_installation_are_not_owed() -> None:
    world = Nightly(local(21, 3, 30))
    assert world.at(local(21, 8)) == []
    assert [night.run_date.day for night in world.at(local(22, 3))] == [22]


@pytest.mark.parametrize("how", ["skip", "pause"])
def test_what_an_operator_lets_pass_does_not_count(how: str) -> None:
    world = Nightly(local(20, 12))
    if how == "skip":
        world.store.set_skip_dates("nightly", [date(2026, 11, 21)])
    else:
        world.store.set_paused("nightly", paused=True)
    [night] = world.at(local(21, 3, 1))
    assert night.outcome is NightOutcome.SKIPPED
    world.store.set_paused("nightly", paused=False)
    world.store.set_skip_dates("nightly", [])
    world.at(local(21, 8))
    assert world.told()[0].outcome is NightOutcome.SKIPPED
    assert on_time(world.told(), today=date(2026, 11, 21), days=7).n == 0


def test_the_record_stays_when_the_job_is_gone() -> None:
    world = Nightly(local(20, 12))
    world.at(local(21, 3))
    world.render(world.claim(), local(21, 3, 8))
    [before] = world.at(local(21, 3, 9))
    emptied = MemoryStore(world.clock)
    emptied.sync_schedules([NIGHTLY], now=local(21, 3))
    emptied.save_nights([before])
    assert changed_nights(emptied, local(21, 9)) == []
    assert emptied.nights() == [before]


def test_what_was_foretold_first_is_kept_for_the_calibration() -> None:
    world = Nightly(local(20, 12))
    first = Prediction(p50_at=local(21, 3, 5), p90_at=local(21, 3, 9))

    def foretold(_job: Job) -> Prediction:
        return first

    def later(_job: Job) -> Prediction:
        return Prediction(local(21, 5), local(21, 5))

    world.at(local(21, 3), predict=foretold)
    lease = world.claim()
    world.at(local(21, 3, 1), predict=later)
    world.render(lease, local(21, 3, 8))
    world.at(local(21, 3, 9))
    [night] = world.told()
    assert (night.p50_at, night.p90_at) == (first.p50_at, first.p90_at)
    held = calibration(world.told())
    assert (held.n, held.under_p50, held.under_p90) == (1, 0, 1)


def test_what_has_changed_is_told_over_what_is_recorded() -> None:
    old = Night("nightly", date(2026, 11, 20), "UTC", local(20, 3), local(20, 6), NightOutcome.OPEN)
    new = replace(old, outcome=NightOutcome.MISSED)
    later = replace(old, run_date=date(2026, 11, 21))
    assert merged([old], [new, later]) == [later, new]


def nights(outcomes: str, today: date = date(2026, 11, 30)) -> list[Night]:
    """One night a day up to today: o on time, d degraded, l late, m missed, s skipped, . open."""
    words = {"o": "on time", "d": "on time", "l": "late", "m": "missed", "s": "skipped", ".": "open"}
    return [
        Night(
            "nightly",
            today - timedelta(days=n),
            "UTC",
            local(1, 3),
            local(1, 6),
            NightOutcome(words[sign]),
            degraded=sign == "d",
        )
        for n, sign in enumerate(reversed(outcomes))
    ]


@pytest.mark.parametrize(
    ("outcomes", "days", "counts", "left", "met"),
    [
        ("", 30, (0, 0), 0.0, None),
        ("ooo", 30, (3, 3), 0.15, None),
        ("o" * 30, 30, (30, 30), 1.5, True),
        ("o" * 29 + "m", 30, (30, 29), 0.5, True),
        ("o" * 28 + "ml", 30, (30, 28), -0.5, False),
        ("m" + "o" * 30, 30, (30, 30), 1.5, True),
        ("s" * 5 + "d" * 20 + ".", 30, (20, 20), 1.0, True),
        ("m" * 10 + "o" * 7, 7, (7, 7), 0.35, None),
    ],
    ids=["none", "few", "all", "one missed", "two missed", "aged out", "skipped and open", "a week is too small"],
)
def test_the_rate_and_its_budget(
    outcomes: str, days: int, counts: tuple[int, int], left: float, met: bool | None
) -> None:
    window = on_time(nights(outcomes), today=date(2026, 11, 30), days=days)
    assert (window.n, window.on_time) == counts
    assert window.met is met
    assert window.budget_left == pytest.approx(left)


def test_failures_are_grouped_by_what_makes_them_the_same() -> None:
    def failure(kind: FailureClass, provider: str, message: str) -> FailureRecord:
        return FailureRecord("r", kind, message, "manim", provider, retryable=True)

    told = [
        (local(20, 3), failure(FailureClass.TIMEOUT, "manim-api", "no answer after 30.0 s (job 7f3a9c21)")),
        (local(21, 3), failure(FailureClass.TIMEOUT, "manim-api", "no answer after 41.5 s (job 0be44d10)")),
        (local(21, 3), failure(FailureClass.API_ERROR, "manim-api", "503")),
    ]
    first, second = group_failures(told)
    assert (first.count, first.kind, first.message, first.last_at) == (
        2,
        "TIMEOUT",
        "no answer after 41.5 s (job 0be44d10)",
        local(21, 3),
    )
    assert (second.count, second.kind) == (1, "API_ERROR")


def test_durations_are_averaged_by_stage_in_the_order_of_the_pipeline() -> None:
    found = stage_times({("tts", "espeak"): [1.0, 2.0, 9.0], ("brief", "brief-check"): [0.5]}, ["brief", "tts"])
    assert [(times.stage, times.n, times.mean_s, times.p50_s, times.p90_s) for times in found] == [
        ("brief", 1, 0.5, 0.5, 0.5),
        ("tts", 3, 4.0, 2.0, 9.0),
    ]
