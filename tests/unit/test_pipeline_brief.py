from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from scheduler.domain.codec import brief_from_json
from scheduler.domain.content import Brief, Headline
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import StageName
from scheduler.pipeline.brief import LEAST_FREE_DISK, LEAST_FREE_MEMORY, BriefCheck, free_disk, free_memory
from scheduler.pipeline.stages import problem_with
from scheduler.ports.content import ResolvedBrief
from scheduler.ports.provider import Call

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
BRIEF = Brief(date(2026, 11, 20), "Today", (Headline("One", ("It happened.",), "PIB"),), language="hi", edition="late")
ENCODERS = {"libx264", "aac", "mov_text", "png"}


@dataclass(frozen=True)
class OneBrief:
    stale: bool = False
    problem: str | None = None

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        if self.problem is not None:
            raise StageFailure.invalid_input(self.problem)
        return ResolvedBrief(BRIEF, stale=self.stale, origin=f"{payload['folder']}/{run_date}.md")


@pytest.fixture
def call(tmp_path: Path) -> Call:
    job = Job(
        id="j",
        seq=1,
        job_type="daily_ca",
        priority=Priority.HIGH,
        status=JobStatus.PROCESSING,
        payload={"folder": "briefs"},
        retry_count=0,
        max_retries=3,
        created_at=NOW,
        updated_at=NOW,
        run_date=date(2026, 11, 20),
    )
    return Call(job, StageName.BRIEF, tmp_path, timeout_s=30, correlation_id="c", idempotency_key="j:brief")


@pytest.fixture
def check(tmp_path: Path) -> BriefCheck:
    return BriefCheck(OneBrief(), tmp_path, lambda: ENCODERS, disk=enough_disk, memory=lambda: None)


async def test_the_brief_is_found_by_payload_and_run_date_and_handed_on_whole(check: BriefCheck, call: Call) -> None:
    output = await check.run(call)

    assert brief_from_json(output.data["brief"]) == BRIEF
    assert output.data["origin"] == "briefs/2026-11-20.md"
    assert not output.degraded
    assert problem_with(StageName.BRIEF, output) is None


async def test_a_stale_brief_degrades_the_video(check: BriefCheck, call: Call) -> None:
    output = await replace(check, source=OneBrief(stale=True)).run(call)

    assert output.degraded


async def test_a_bad_brief_fails_for_good_before_the_machine_is_looked_at(check: BriefCheck, call: Call) -> None:
    bad = replace(check, source=OneBrief(problem="today.md, line 3: no date"), disk=no_disk)

    with pytest.raises(StageFailure, match=r"today\.md, line 3") as raised:
        await bad.run(call)

    assert (raised.value.kind, raised.value.retryable) == (FailureClass.INVALID_INPUT, False)


def no_disk(_path: Path) -> int:
    return 0


def little_disk(_path: Path) -> int:
    return LEAST_FREE_DISK - 1


def enough_disk(_path: Path) -> int:
    return LEAST_FREE_DISK


def little_memory() -> int:
    return LEAST_FREE_MEMORY - 1


def one_encoder() -> set[str]:
    return {"libx264"}


MACHINES: list[tuple[dict[str, Any], str, bool]] = [
    ({"disk": little_disk}, r"only 499 MiB are free at .*: delete files there", True),
    ({"memory": little_memory}, r"only 255 MiB of memory are available", True),
    ({"encoders": one_encoder}, r"no encoder aac, mov_text: install", False),
]


@pytest.mark.parametrize(("changes", "message", "retryable"), MACHINES)
async def test_a_machine_that_cannot_render_says_what_it_lacks(
    check: BriefCheck, call: Call, changes: dict[str, Any], message: str, retryable: bool
) -> None:
    with pytest.raises(StageFailure, match=message) as raised:
        await replace(check, **changes).run(call)

    assert (raised.value.kind, raised.value.retryable) == (FailureClass.UNAVAILABLE, retryable)


def test_disk_is_measured_at_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "not" / "yet" / "there") == free_disk(tmp_path) > 0


def test_memory_is_told_in_bytes_or_not_at_all() -> None:
    memory = free_memory()

    assert memory is None or memory > 1024**2
