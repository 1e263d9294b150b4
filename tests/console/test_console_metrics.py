"""The metrics: figures over the nights, reasons, durations in buckets up to hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from console_world import NOW, RUN_DATE, ZONE
from screens_world import Installation
from test_console_screens import SIZES, shows

from console.tui.draw.metrics import BUCKETS_S, buckets_of
from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import RenderStatus


def some_nights(count: int = 40) -> list[Night]:
    made: list[Night] = []
    for n in range(count):
        due = NOW - timedelta(days=n, hours=-3)
        night = Night(
            "nightly", RUN_DATE - timedelta(days=n), ZONE, due - timedelta(hours=3), due, NightOutcome.ON_TIME,
            ready_at=due - timedelta(hours=2), degraded=n % 7 == 3,
        )  # fmt: skip
        made.append(night if n != 5 else replace(night, outcome=NightOutcome.MISSED, ready_at=None, degraded=None))
    return made


@pytest.mark.parametrize("size", SIZES)
async def test_the_metrics_open_at_every_size_without_a_single_video(tmp_path: Path, size: tuple[int, int]) -> None:
    async with Installation(tmp_path).app().run_test(size=size) as pilot:
        await pilot.press("5")
        await shows(pilot, "0 of 2")  # nobody rendered: two nights are missed


async def test_rates_budget_reasons_and_times_are_told(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    here.store.save_nights(some_nights())
    here.calls(12)
    render = here.store.recent_attempts(limit=1)[0].render_id
    for _ in range(3):
        here.store.record_failure(
            FailureRecord(
                render_id=render,
                failure_reason=FailureClass.TIMEOUT,
                message="no answer within 240 s",
                stage="manim",
                provider="manim-api",
                retryable=True,
            )
        )
    here.store.finish_render(render, RenderStatus.COMPLETED)
    async with here.app().run_test(size=(120, 60)) as pilot:
        await pilot.press("5")
        seen = await shows(pilot, "How many took how long")
        assert "96.7%" in seen
        assert "29 of 30" in seen
        assert "budget 0.5 of 1.5" in seen
        assert "100.0% delivered: 1 of 1" in seen
        assert "TIMEOUT" in seen
        assert "manim by manim-api" in seen
        assert "average" in seen
        await pilot.press("d")
        await shows(pilot, "last 90 days")
        await pilot.press("G", "g")


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.1, 0), (0.11, 1), (59.0, 6), (61.0, 7), (3600.0, 10), (3601.0, 11), (10_801.0, 12), (1e6, 12)],
)
def test_buckets_reach_from_tenths_to_hours(seconds: float, bucket: int) -> None:
    counts = buckets_of([seconds])
    assert len(counts) == len(BUCKETS_S) + 1
    assert counts.index(1) == bucket
    assert sum(counts) == 1
