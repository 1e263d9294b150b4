"""A last resort stays the last: who is asked after it only because its service is down takes no time from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_scene import Maker, Scene, busy, patient

from scheduler.domain.render import StageName
from scheduler.domain.service import ServiceHealth, ServiceState
from scheduler.store import open_store

REVIDEO = StageName.REVIDEO


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield Scene(store, tmp_path)
    store.close()


@pytest.mark.parametrize("deadline_in_s", [12, 1, -60])
async def test_the_last_resort_is_asked_past_the_deadline_also_while_others_wait_for_their_service(
    scene: Scene, deadline_in_s: float
) -> None:
    scene.policies[REVIDEO] = patient(timeout_s=100)
    scene.health["orchestrator"] = ServiceHealth("orchestrator", "http://127.0.0.1:8103", ServiceState.DOWN)
    down = Maker("orchestrator", service="orchestrator")
    last = Maker("local-composer", clock=scene.moved, takes_s=10)
    scene.chain(REVIDEO, Maker("revideo-api", plays=busy(4)), down, last)
    scene.estimates = {"revideo-api": (5, 10), "orchestrator": (20, 120), "local-composer": (5, 10)}

    result = await scene.render(deadline_in_s=deadline_in_s)

    assert result.degraded
    assert len(last.calls) == 1
    assert not down.calls
    assert scene.rows(REVIDEO)[-1].detail["timeout_s"] == 100
