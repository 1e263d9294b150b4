"""Every service under every fault: what was tried, what was used, and that a playable video was out on time.

``make matrix`` runs all of it; with the other tests only a few cells run.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from matrix_world import BRIEF, DEADLINE_S, STARTED, TESTER, Made, connected, made, scaled

from console.bootstrap.daemon import Installation
from integrations.local_services.faults import SERVICES, FaultKind
from scheduler.domain.failure import FailureClass
from scheduler.domain.job import JobSpec, JobStatus
from scheduler.domain.media import MediaExpectation, media_problems
from scheduler.ports.operations import InvalidError

WHOLE = os.environ.get("PREDAWN_TEST_MATRIX") == "whole"
Row = Callable[[str, object], None]

KINDS = [
    "down",
    "hang",
    "slow:30",
    "http:503",
    "flaky:0.3",
    "garbage",
    "error200",
    "missing",
    "truncated",
    "silent",
    "forgets",
]
PROVIDER = {
    "manim": "manim-api",
    "revideo": "revideo-api",
    "orchestrator": "orchestrator-route",
    "tts": "a4f",
    "script": "chat-script",
    "storage": "supabase",
}
"""Who asks each service first."""
CELLS = [(service, kind) for service in PROVIDER if service in SERVICES for kind in KINDS]
USUAL = [("revideo", "truncated")]
"""The cells that run with the other tests; ``manim`` and ``tts`` are down and hang in those of the demo."""
RENDER_SERVICES = ("manim", "revideo", "orchestrator")


def test_the_matrix_has_every_fault_that_there_is() -> None:
    assert [kind.partition(":")[0] for kind in KINDS] == [kind.value for kind in FaultKind]
    assert set(PROVIDER) <= set(SERVICES)
    assert len(CELLS) == 66


@pytest.fixture
def elders() -> set[int]:
    """Processes that earlier tests of this process have left running: a tracker of resources, a server."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.mark.timeout(3 * DEADLINE_S)
@pytest.mark.parametrize(("service", "kind"), CELLS if WHOLE else USUAL)
async def test_whatever_a_service_does_a_video_is_out_on_time(
    service: str, kind: str, tmp_path: Path, record_property: Row, elders: set[int]
) -> None:
    done = await made(tmp_path, {"brief": BRIEF}, [f"{service}={kind}"])
    record_property("row", row_of("service × fault", CELLS.index((service, kind)), f"{service}={kind}", done))
    playable_and_on_time(done)
    # Marked exactly when somebody else had to step in for the provider whose service fails.
    assert done.detail.job.degraded == (PROVIDER[service] not in done.used)
    await nothing_is_left_running(elders)


@pytest.mark.timeout(3 * DEADLINE_S)
@pytest.mark.parametrize("kind", KINDS if WHOLE else ["hang"])
async def test_with_all_render_services_failing_at_once_a_video_is_out_on_time(
    kind: str, tmp_path: Path, record_property: Row, elders: set[int]
) -> None:
    done = await made(tmp_path, {"brief": BRIEF}, [f"{service}={kind}" for service in RENDER_SERVICES])
    record_property("row", row_of("the three render services at once", KINDS.index(kind), f"all three {kind}", done))
    playable_and_on_time(done)
    if not kind.startswith("flaky"):
        assert done.detail.job.degraded
        assert {"static-cards", "local-composer"} <= set(done.used)
    await nothing_is_left_running(elders)


@pytest.mark.timeout(3 * DEADLINE_S)
async def test_with_everything_failing_at_once_a_video_is_out_on_time(tmp_path: Path, record_property: Row) -> None:
    done = await made(tmp_path, {"brief": BRIEF}, [f"{service}=down" for service in STARTED])
    record_property("row", row_of("the three render services at once", 99, "all six down", done))
    playable_and_on_time(done)
    assert {"template-script", "static-cards", "espeak", "local-composer", "local-directory"} <= set(done.used)


BAD: dict[str, tuple[Any, str]] = {
    "no headline": (BRIEF | {"headlines": []}, "headline"),
    "a date that there is not": (BRIEF | {"date": "2026-13-20"}, "2026-13-20"),
    "a headline without a sentence": (
        BRIEF | {"headlines": [{"title": "Bridge opens", "sentences": [], "source": "PIB"}]},
        "sentence",
    ),
    "no brief but a number": (7, "brief"),
    "a file that is not there": ("no-such-brief.md", "no-such-brief.md"),
}


@pytest.mark.parametrize("what", BAD)
async def test_bad_input_is_refused_when_submitted_and_fails_with_a_clear_error_when_it_got_in(
    what: str, tmp_path: Path, record_property: Row
) -> None:
    brief, named = BAD[what]
    settings = connected(scaled(tmp_path), {})
    with Installation(settings) as installation:
        spec = JobSpec("daily_ca", {"brief": brief})
        with pytest.raises(InvalidError, match=named):
            installation.operations.submit(spec, actor=TESTER)
        # As an INSERT of somebody else's program would: nobody has looked at it.
        job = installation.store.enqueue(spec).job
        stop = asyncio.Event()
        running = asyncio.create_task(installation.daemon("render").run(stop))
        try:
            async with asyncio.timeout(20):
                while not installation.store.get(job.id).status.is_final:  # noqa: ASYNC110 - the database has no event
                    await asyncio.sleep(0.02)
        finally:
            stop.set()
            await running
        detail = installation.operations.job(job.id)
    error = detail.job.error
    assert error is not None
    row = {
        "table": "bad input",
        "order": list(BAD).index(what),
        "case": what,
        "tried in vain": f"{len(detail.attempts)} call",
        "used": "–",
        "outcome": f"{error.type.value}: {error.message}",
        "degraded": "–",
        "seconds": "–",
        "on time": "–",
    }
    record_property("row", json.dumps(row))
    assert detail.job.status is JobStatus.FAILED
    assert error.type is FailureClass.INVALID_INPUT
    assert named in error.message
    assert len(detail.attempts) == 1, "what is wrong stays wrong: it is not tried again"


def playable_and_on_time(done: Made) -> None:
    assert done.detail.job.status is JobStatus.COMPLETED, done.detail.job.error
    assert done.report is not None
    own_captions = "orchestrator-route" not in done.used
    expected = MediaExpectation(
        duration_s=done.detail.job.payload["duration"],
        width=1280,
        height=720,
        video_codec="h264",
        audio_codec="aac",
        sound=True,
        captions=own_captions,
        min_distinct_frames=2,
    )
    assert not media_problems(done.report, expected)
    assert done.on_time, f"{done.took_s:.1f} s of {DEADLINE_S:g}"


async def nothing_is_left_running(elders: set[int]) -> None:
    """Children that were killed are reaped within moments; any that stays was forgotten."""
    ours = [child for child in psutil.Process().children(recursive=True) if child.pid not in elders]
    _, alive = await asyncio.to_thread(psutil.wait_procs, ours, timeout=3)
    assert not alive


def row_of(table: str, order: int, case: str, done: Made) -> str:
    job = done.detail.job
    return json.dumps(
        {
            "table": table,
            "order": order,
            "case": case,
            "tried in vain": done.tried(),
            "used": ", ".join(name for name in done.used if name not in {"brief-check", "media-probe"}),
            "outcome": job.status.value if job.error is None else f"{job.status.value}: {job.error.message}",
            "degraded": "degraded" if job.degraded else "full",
            "seconds": f"{done.took_s:.1f}",
            "on time": "yes" if done.on_time else "NO",
        }
    )
