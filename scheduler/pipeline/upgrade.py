"""A degraded video that is out is made anew in full in the background, and replaced: decisions, and who asks for it.

An upgrade is a job of its own (type ``upgrade``, priority low), so it is leased, retried, logged, cancelled and resumed
like any other. It is rendered with the first provider of every chain alone: what it publishes is full or nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from config.sections.upgrade import UpgradeSettings
from scheduler.domain.job import UPGRADE, Job, JobSpec, JobStatus, Priority, upgraded_at
from scheduler.domain.render import Checkpoint, StageName
from scheduler.domain.service import ServiceHealth, ServiceState
from scheduler.pipeline.stages import Pipeline, ancestors
from scheduler.ports.clock import Clock
from scheduler.ports.store import JobStore, StoreError

log = structlog.get_logger("predawn.upgrade")

LOOKED_AT = 50
"""Completed jobs looked back at."""
NOT_OURS = frozenset({StageName.BRIEF, StageName.VERIFY, StageName.UPLOAD})
"""Stages in which second choice is no reason for an upgrade: an older brief stays older, and a video that is only
published here is sent up by ``later_upload``."""
KEPT = frozenset({StageName.BRIEF, StageName.SCRIPT_GEN, StageName.MANIM, StageName.TTS})
"""Stages whose full outputs an upgrade takes over."""


def upgrade_key(job: Job) -> str:
    """The idempotency key of a job's upgrade: one for each time it was made."""
    return f"upgrade:{job.id}:{job.attempt}"


def second_choices(kept: Iterable[Checkpoint]) -> frozenset[StageName]:
    """The stages of a published video that an upgrade would make better. Pure."""
    return frozenset(one.stage for one in kept if not one.part and one.output.degraded) - NOT_OURS


def adopted(kept: Sequence[Checkpoint]) -> list[Checkpoint]:
    """What an upgrade takes over from the job: full outputs and parts that rest on full outputs alone. Pure."""
    spoilt = {one.stage for one in kept if one.output.degraded and not one.part}
    whole = {one.stage for one in kept if not one.part}
    good = {stage for stage in KEPT & whole if not (spoilt & (ancestors(stage) | {stage}))}
    # A part rests on what its stage rests on.
    parts = {stage for stage in KEPT if ancestors(stage) <= good}
    return [one for one in kept if (one.stage in parts if one.part else one.stage in good) and not one.output.degraded]


def strict(pipeline: Pipeline) -> Pipeline:
    """The pipeline without second choices. Pure."""
    return replace(pipeline, stages=tuple(replace(stage, chain=stage.chain[:1]) for stage in pipeline.stages))


def superseded(job: Job, wanted: Mapping[str, Any], now: datetime) -> str | None:
    """Why an upgrade is not wanted any more, in words; None: it is. Pure.

    Args:
        job: the job whose video is to be replaced, as it is now.
        wanted: the upgrade's payload.
        now: aware.
    """
    if job.status is not JobStatus.COMPLETED or job.attempt != wanted.get("attempt"):
        return f"job {job.id} is made anew by itself"
    if not job.degraded:
        return f"the video of job {job.id} is a full one already"
    until = wanted.get("until")
    if not isinstance(until, str) or now >= datetime.fromisoformat(until):
        return f"the time for an upgrade of job {job.id} has gone by (upgrade.within_s)"
    return None


class Upgrades:
    """Looks for degraded videos whose first choices are well again, and queues their upgrades.

    Args:
        pipeline: the stages; who comes first in each chain, and on which service it rests.
        health: how a service stands; a service that nobody probes counts as well.
        probed: services that are probed.
        on_job: called when one was queued.
    """

    def __init__(
        self,
        store: JobStore,
        pipeline: Pipeline,
        settings: UpgradeSettings,
        clock: Clock,
        *,
        health: Callable[[str], ServiceHealth | None],
        probed: Iterable[str],
        on_job: Callable[[], Any],
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._settings = settings
        self._clock = clock
        self._health = health
        self._probed = frozenset(probed)
        self._on_job = on_job
        self._blocking = blocking

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop`` is set."""
        while not stop.is_set():
            try:
                if await self._blocking(self.look):
                    self._on_job()
            except StoreError as error:
                log.warning("upgrades not looked for", error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settings.look_s)

    def look(self) -> int:
        """Queue at most one upgrade, and only while there is nothing else to do; how many. Blocking."""
        depth = self._store.depth()
        if depth.of(JobStatus.QUEUED) or depth.of(JobStatus.PROCESSING):
            return 0
        now = self._clock.now()
        for job in self._store.list(statuses=[JobStatus.COMPLETED], limit=LOOKED_AT).items:
            until = (job.completed_at or now) + timedelta(seconds=self._settings.within_s)
            if not job.degraded or job.job_type == UPGRADE or upgraded_at(job) or now >= until:
                continue
            better = second_choices(self._store.checkpoints(job.id))
            if not better or self._unwell(better) or self._store.by_key(upgrade_key(job)) is not None:
                continue
            spec = JobSpec(
                UPGRADE,
                {
                    "upgrade_of": job.id,
                    "attempt": job.attempt,
                    "until": until.isoformat(),
                    "better": sorted(stage.value for stage in better),
                },
                priority=Priority.LOW,
                idempotency_key=upgrade_key(job),
                max_retries=self._settings.tries - 1,
            )
            queued = self._store.enqueue(spec)
            log.info("upgrade queued", job=job.id, upgrade=queued.job.id, better=spec.payload["better"])
            return int(queued.created)
        return 0

    def _unwell(self, better: frozenset[StageName]) -> list[str]:
        """Services that the first choices rest on and that are not known to be well."""
        stages = better | {StageName.UPLOAD}
        needed = {stage.chain[0].service for stage in self._pipeline.stages if stage.name in stages}
        return [
            name for name in needed if name is not None and name in self._probed and not _is_well(self._health(name))
        ]


def _is_well(health: ServiceHealth | None) -> bool:
    well = {ServiceState.UP, ServiceState.DEGRADED}
    return health is not None and health.state in well and health.maintenance is None
