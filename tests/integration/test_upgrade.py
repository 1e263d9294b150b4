"""A degraded video is replaced by a full one once its services are well again: real services, real media."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pipeline_scene import Maker, Scene, busy, patient

from config.settings import ApiSettings, HealthSettings, QueueSettings, Settings, SpeechSettings, UpgradeSettings
from console.bootstrap.daemon import Installation
from console.bootstrap.services import local_service_urls, with_services
from integrations.kit.serve import bind
from integrations.local_services.running import LocalServices
from integrations.media.probe import probe
from integrations.media.toolkit import MediaToolkit
from scheduler.domain.access import Role
from scheduler.domain.failure import FailureClass, RenderFailedError
from scheduler.domain.job import UPGRADE, Job, JobResult, JobSpec, JobStatus, Lease, upgraded_at
from scheduler.domain.render import AttemptStatus, StageName
from scheduler.domain.service import Maintenance, ServiceHealth, ServiceState
from scheduler.pipeline.upgrade import Upgrades, superseded, upgrade_key
from scheduler.ports.operations import Actor
from scheduler.ports.provider import Call
from scheduler.store import open_store

MANIM = StageName.MANIM

BRIEF = {
    "date": "2026-11-20",
    "title": "A short day",
    "language": "en",
    "edition": None,
    "headlines": [{"title": "Bridge opens", "sentences": ["It is high."], "source": "PIB"}],
}


async def until(condition: Callable[[], Any], *, within_s: float = 100) -> Any:
    async with asyncio.timeout(within_s):
        while not (found := await asyncio.to_thread(condition)):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.05)
    return found


@pytest.mark.timeout(240)
async def test_when_its_service_is_well_again_a_degraded_video_is_made_in_full_and_replaced_once(
    tmp_path: Path,
) -> None:
    media = MediaToolkit(processes=2)
    with bind("127.0.0.1", 0, name="a port that is free") as taken:
        port = int(taken.getsockname()[1])
    async with LocalServices(media, tmp_path / "services", {"revideo": 0, "tts": 0}) as started:
        base = Settings(
            home=tmp_path / "home",
            queue=QueueSettings(heartbeat_s=0.2),
            health=HealthSettings(interval_s=0.5, recheck_s=0.3, timeout_s=2),
            upgrade=UpgradeSettings(look_s=0.3, retry_s=1),
            speech=SpeechSettings(speed=3.0),
            api=ApiSettings(enabled=False),
            schedules={},
        )
        urls = local_service_urls({**started.urls, "manim": f"http://127.0.0.1:{port}"})
        urls["services.orchestrator.url"] = "http://127.0.0.1:9"
        with Installation(with_services(base, urls)) as installation:
            store, stop = installation.store, asyncio.Event()
            running = asyncio.create_task(installation.daemon("serve").run(stop))
            try:
                spec = JobSpec("daily_ca", {"brief": BRIEF})
                job = installation.operations.submit(spec, actor=Actor("test", "test", Role.OPERATOR)).job
                done: Job = await until(lambda: (j := store.get(job.id)).is_final and j)
                assert (done.status, done.degraded) == (JobStatus.COMPLETED, True)
                video = Path(done.payload["video_url"].removeprefix("file://"))
                assert store.by_key(upgrade_key(done)) is None, "not while the Manim API is down"

                async with LocalServices(media, tmp_path / "manim", {"manim": port}):
                    upgraded: Job = await until(lambda: (j := store.get(job.id)) and upgraded_at(j) and j)
                    upgrade = store.by_key(upgrade_key(done))
                    assert upgrade is not None
                    await until(lambda: store.get(upgrade.id).is_final)
            finally:
                stop.set()
                await running
            assert not upgraded.degraded
            assert upgraded.completed_at == done.completed_at, "it was on time then, and stays so"
            assert upgraded.payload["video_url"] == done.payload["video_url"]
            # The stand-in draws the very cards of the last resort, so it is the note beside it that tells them apart.
            (note,) = [json.loads(path.read_text("utf-8")) for path in video.parent.rglob("*.json")]
            assert (note["degraded"], note["idempotency_key"]) == (False, f"{job.id}:upload:1")
            assert len(list(video.parent.rglob("*.mp4"))) == 1
            report = await asyncio.to_thread(probe, video)
            assert report.duration_s == pytest.approx(upgraded.payload["duration"], abs=0.5)
            assert store.get(upgrade.id).status is JobStatus.COMPLETED
            rows = store.attempts(job_id=upgrade.id)
            resumed = {row.stage for row in rows if row.resumed}
            assert {StageName.SCRIPT_GEN, StageName.TTS} <= resumed, "what was full already is not made again"
            made = {
                row.stage: row.provider for row in rows if row.status is AttemptStatus.COMPLETED and not row.resumed
            }
            assert made[StageName.MANIM] == "manim-api"
            assert len([one for one in store.list().items if one.job_type == UPGRADE]) == 1


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}")
    yield Scene(store, tmp_path)
    store.close()


class Killed(BaseException):
    """The end of a process, as far as a test can have it."""


class Night:
    """A published degraded job, and the task that looks for it."""

    def __init__(self, scene: Scene, **settings: Any) -> None:
        self.scene = scene
        self.health = {"manim": ServiceHealth("manim", "u", ServiceState.UP)}
        self.task = Upgrades(
            scene.store,
            scene.pipeline(),
            UpgradeSettings(**settings),
            scene.clock,
            health=self.health.get,
            probed=["manim"],
            on_job=lambda: None,
        )

    async def published(self) -> Job:
        lease = await self.render(self.scene.enqueue())
        return self.scene.store.get(lease.job.id)

    async def render(self, job_id: str) -> Lease:
        lease = self.scene.claim()
        assert lease.job.id == job_id
        assert self.scene.store.complete(lease, await self.scene.run(lease))
        return lease


def half_well(scene: Scene) -> None:
    scene.policies[MANIM] = patient(attempts=1)
    scene.chain(MANIM, Maker("manim-api", service="manim", plays=busy()), Maker("static-cards"))


async def test_an_upgrade_takes_over_what_is_full_and_asks_first_choices_alone(scene: Scene) -> None:
    half_well(scene)
    night = Night(scene)
    job = await night.published()
    assert job.degraded
    assert night.task.look() == 1
    assert night.task.look() == 0, "once"
    upgrade = scene.store.by_key(upgrade_key(job))
    assert upgrade is not None
    await night.render(upgrade.id)

    now = scene.store.get(job.id)
    assert not now.degraded
    assert upgraded_at(now) is not None
    (folder,) = scene.chains[StageName.UPLOAD]
    assert [call.job.id for call in folder.calls] == [job.id, job.id]
    assert [call.idempotency_key for call in folder.calls] == [f"{job.id}:upload", f"{job.id}:upload:1"]
    assert len(scene.first(StageName.SCRIPT_GEN).calls) == len(scene.first(StageName.TTS).calls) == 1
    assert len(scene.chains[MANIM][1].calls) == 1, "the second choice made the first video alone"
    assert night.task.look() == 0, "it is full now"


async def test_what_fails_again_publishes_nothing_and_is_tried_later(scene: Scene) -> None:
    half_well(scene)
    scene.first(MANIM).plays = busy(2)
    night = Night(scene)
    job = await night.published()
    night.task.look()
    lease = scene.claim()
    with pytest.raises(RenderFailedError) as failed:
        await scene.run(lease)
    assert failed.value.retryable
    assert len(scene.first(StageName.UPLOAD).calls) == 1
    assert scene.store.get(job.id) == job


async def test_nothing_is_upgraded_while_it_cannot_help(scene: Scene) -> None:
    half_well(scene)
    night = Night(scene)
    job = await night.published()
    for state in (ServiceState.DOWN, ServiceState.UNKNOWN):
        night.health["manim"] = ServiceHealth("manim", "u", state)
        assert night.task.look() == 0
    out = Maintenance("manim", datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC), "asha")
    night.health["manim"] = ServiceHealth("manim", "u", ServiceState.UP, maintenance=out)
    assert night.task.look() == 0
    night.health["manim"] = ServiceHealth("manim", "u", ServiceState.UP)
    waiting = scene.enqueue()
    assert night.task.look() == 0, "other jobs come first"
    scene.store.cancel(waiting, by="test")
    scene.moved.advance(6 * 3600 + 60)
    assert night.task.look() == 0, "too late"
    assert scene.store.by_key(upgrade_key(job)) is None


async def test_second_choice_in_publication_alone_is_sent_up_later_not_made_anew(scene: Scene) -> None:
    scene.policies[StageName.UPLOAD] = patient(attempts=1)
    scene.chain(StageName.UPLOAD, Maker("supabase", plays=busy()), Maker("folder"))
    night = Night(scene)
    assert (await night.published()).degraded
    assert night.task.look() == 0


@pytest.mark.parametrize("meanwhile", ["made anew", "upgraded by hand"])
async def test_a_video_that_somebody_else_replaced_is_left_alone(scene: Scene, meanwhile: str) -> None:
    half_well(scene)
    night = Night(scene)
    job = await night.published()
    night.task.look()
    lease = scene.claim()

    async def change(_: Call) -> None:
        if meanwhile == "made anew":
            scene.store.rerender(job.id, by="asha")
        else:
            result = JobResult(str(job.payload["video_url"]), None, 9.0, degraded=False)
            scene.store.update_result(job.id, result, replaces=result.video_url)

    scene.first(StageName.VERIFY).plays = [change]
    with pytest.raises(RenderFailedError, match="nothing to upgrade") as failed:
        await scene.run(lease)
    assert not failed.value.retryable
    assert failed.value.error.type is FailureClass.INVALID_INPUT
    assert len(scene.first(StageName.UPLOAD).calls) == 1


async def test_an_upgrade_that_was_killed_after_it_was_published_is_noted_and_not_published_again(scene: Scene) -> None:
    half_well(scene)
    night = Night(scene)
    job = await night.published()
    night.task.look()
    lease = scene.claim()
    whole = scene.store.update_result
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.store, "update_result", _die)
        with pytest.raises(Killed):
            await scene.run(lease)
    assert scene.store.update_result == whole
    lease = scene.crash(lease)
    assert scene.store.complete(lease, await scene.run(lease))
    assert len(scene.first(StageName.UPLOAD).calls) == 2
    assert upgraded_at(scene.store.get(job.id)) is not None


def _die(*_: object, **__: object) -> bool:
    raise Killed


async def test_what_supersedes_an_upgrade(scene: Scene) -> None:
    half_well(scene)
    night = Night(scene)
    job = await night.published()
    wanted = {"attempt": job.attempt, "until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    assert superseded(job, wanted, datetime.now(UTC)) is None
    assert "gone by" in str(superseded(job, wanted, datetime.now(UTC) + timedelta(hours=2)))
    assert "full one" in str(superseded(replace(job, degraded=False), wanted, datetime.now(UTC)))
    assert "made anew" in str(superseded(replace(job, attempt=9), wanted, datetime.now(UTC)))
