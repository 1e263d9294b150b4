from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pipeline_scene import Maker, Play, Scene, busy, patient

from scheduler.domain.failure import FailureClass, RenderFailedError, StageFailure
from scheduler.domain.job import QueueConfig
from scheduler.domain.render import StageName
from scheduler.ports.provider import Call
from scheduler.store import open_store

MANIM, REVIDEO = StageName.MANIM, StageName.REVIDEO
AFTER_MANIM = 3 * 2
"""P90 of the three stages after ``manim``, two seconds each in these scenes."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield Scene(store, tmp_path)
    store.close()


@pytest.fixture
def api(scene: Scene) -> Maker:
    """A slow first provider of ``manim`` with a quick fallback: 20 s usually, 40 s at worst, against 10 s."""
    api = Maker("manim-api", clock=scene.moved, takes_s=20)
    scene.policies[MANIM] = patient(timeout_s=100)
    scene.chain(MANIM, api, Maker("static-cards", clock=scene.moved, takes_s=10))
    scene.estimates = {"manim-api": (20, 40), "static-cards": (5, 10)}
    return api


@pytest.mark.parametrize(
    ("deadline_in_s", "provider", "timeout_s"),
    [
        (500, "manim-api", 100),
        (10 + AFTER_MANIM + 50, "manim-api", 50),
        (10 + AFTER_MANIM + 20, "manim-api", 20),
        (10 + AFTER_MANIM + 19, "static-cards", 100),
        (1, "static-cards", 100),
        (-3600, "static-cards", 100),
    ],
)
async def test_the_deadline_decides_who_is_asked_and_for_how_long(
    scene: Scene, api: Maker, deadline_in_s: float, provider: str, timeout_s: float
) -> None:
    result = await scene.render(deadline_in_s=deadline_in_s)

    row = scene.rows(MANIM)[-1]
    assert (row.provider, row.detail["timeout_s"]) == (provider, timeout_s)
    assert bool(api.calls) == (provider == "manim-api")
    assert result.degraded == (provider != "manim-api")


async def test_stepping_down_is_a_row_of_its_own_that_says_why(scene: Scene, api: Maker) -> None:
    await scene.render(deadline_in_s=30)

    row = scene.rows(MANIM)[0]
    assert (row.provider, row.duration_ms, row.detail) == (api.name, 0, {"skipped": "deadline"})
    assert row.error_class is None
    assert row.error_message == (
        "stepped down: 30 s to the deadline, 16 s kept for what must follow: "
        "14 s is less than the 20 s it usually takes"
    )


async def test_no_retry_is_waited_for_that_the_deadline_leaves_no_time_for(scene: Scene, api: Maker) -> None:
    api.plays = busy(9)

    await scene.render(deadline_in_s=16 + 62)

    # 62 s are usable. The second call begins with 62 - 20 - 1 s left; the third would with 41 - 20 - 2 s, too few.
    assert len(api.calls) == 2
    assert [call.timeout_s for call in api.calls] == [62, 41]
    assert scene.waits == [1.0]
    assert [row.detail.get("skipped") for row in scene.rows(MANIM)] == [None, None, "deadline", None]
    assert (deadline_of(scene) - scene.clock.now()).total_seconds() >= AFTER_MANIM


def deadline_of(scene: Scene) -> datetime:
    deadline_at = scene.store.list().items[0].deadline_at
    assert deadline_at is not None
    return deadline_at


async def test_a_service_that_hangs_to_the_last_still_leaves_a_video_on_time(scene: Scene, api: Maker) -> None:
    async def hang(call: Call) -> None:
        scene.moved.advance(call.timeout_s - 20)
        raise StageFailure.timeout("hung for all of its time")

    plays: list[Play] = [hang, hang, hang]
    api.plays = plays

    result = await scene.render(deadline_in_s=120)

    assert result.degraded
    assert scene.clock.now() <= deadline_of(scene)


async def test_the_last_resort_is_retried_past_the_deadline(scene: Scene, api: Maker) -> None:
    scene.chains[MANIM][-1].plays = busy(2)

    await scene.render(deadline_in_s=1)

    assert [row.provider for row in scene.rows(MANIM)] == [api.name, "static-cards", "static-cards", "static-cards"]


async def test_the_time_limit_of_the_job_type_counts_like_a_deadline(scene: Scene, api: Maker) -> None:
    scene.store.put_queue_config(QueueConfig("daily_ca", timeout_s=30))

    result = await scene.render()

    assert api.calls == []
    assert result.degraded


async def test_history_outweighs_the_configured_estimate(scene: Scene, api: Maker) -> None:
    """Ten nights on which the slow provider took four seconds: it is quick enough now."""
    api.takes_s = 4
    for _ in range(10):
        scene.enqueue()
        lease = scene.claim()
        scene.store.complete(lease, await scene.run(lease))

    result = await scene.render(deadline_in_s=25)

    assert [row.provider for row in scene.rows(MANIM)] == [api.name]
    assert not result.degraded


async def test_a_provider_that_is_passed_over_for_the_deadline_counts_in_the_error(scene: Scene, api: Maker) -> None:
    scene.chains[MANIM][-1].plays = [StageFailure.invalid_input("no font")]

    with pytest.raises(RenderFailedError, match=f"{api.name}: stepped down: .*; static-cards: no font") as raised:
        await scene.render(deadline_in_s=1)

    assert raised.value.error.type is FailureClass.INVALID_INPUT
