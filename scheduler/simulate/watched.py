"""Nights that are watched: the simulator's nights with the real rules, states and outbox of alerts over them.

Two machines: one that watches, schedules and probes, and one that renders and may die. What is real: the schedule, the
pipeline with its deadline decisions, the prober, ``Operations``, the gatherer, the evaluator, the outbox and its loop.
What is simulated: what providers and services answer, how long it takes, and the jobs of another type beside the night.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import Settings
from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.gather import Gatherer
from scheduler.domain.access import Role
from scheduler.domain.alert import Alert
from scheduler.domain.failure import FailureClass, JobError, RenderFailedError
from scheduler.domain.job import Job, JobResult, JobSpec, JobStatus, Lease
from scheduler.domain.outbox import Answer, Delivery, Found, Sent
from scheduler.domain.render import StageName
from scheduler.domain.service import Probe
from scheduler.health.prober import Prober
from scheduler.nights.recorder import record_nights
from scheduler.operations import StoreOperations
from scheduler.pipeline.runner import PipelineRunner
from scheduler.pipeline.stages import build_pipeline
from scheduler.ports.operations import Actor
from scheduler.schedules.due import fire_at
from scheduler.schedules.timer import fire_due
from scheduler.simulate.plan import Plan
from scheduler.simulate.providers import Dice, SimulatedProvider, lognormal, video_at
from scheduler.simulate.run import nominals
from scheduler.simulate.trouble import (
    DOUBTS_FAIL,
    SERVICE_OF,
    SERVICES,
    USUAL_DOUBT,
    Kind,
    Weather,
    WeatheredDurations,
    WeatheredFaults,
    befalls,
)
from scheduler.simulate.truth import Incident, Row, Seen, incidents, judge
from scheduler.simulate.virtual import LoopClock, VirtualLoop
from scheduler.simulate.world import RememberingStore, estimate_of_setting

BEFORE = timedelta(minutes=40)
"""A night is watched from so long before its start,"""
AFTER = timedelta(minutes=75)
"""to so long after its deadline."""
LOOK_S, BEAT_S, CLAIM_S, DOUBT_S, TALLY_S = 30.0, 15.0, 10.0, 900.0, 10.0
LEASE_S = 45.0
MENDED = timedelta(minutes=10)
"""An operator tries a failed run again so long after its trouble is over."""
OPERATOR = Actor("operator", "simulated", role=Role.OPERATOR)
MACHINE = "render"


def watch(plan: Plan, settings: Settings) -> tuple[dict[str, Row], list[Alert]]:
    """Play the plan's nights: incidents by kind with the alerts about them, and the alerts about none."""
    with tempfile.TemporaryDirectory(prefix="predawn-simulate-") as folder:
        return judge(*WatchedNights(plan, settings, Path(folder)).play())


class TallyingStore(RememberingStore):
    """The store in memory, with which jobs ended for good written down for the judgement."""

    def __init__(self, clock: LoopClock, plan: Plan, seen: Seen) -> None:
        super().__init__(clock, plan)
        self._seen = seen

    def _ended(self, before: Job, after: Job) -> None:
        super()._ended(before, after)
        self._seen.end(after, self._clock.now())


class Listener:
    """A channel that takes everything at once."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.heard: list[Delivery] = []

    async def send(self, delivery: Delivery) -> Answer:
        """Take it."""
        self.heard.append(delivery)
        return Sent(f"{len(self.heard)}")

    async def find(self, delivery: Delivery) -> Found:
        """It is there: everything is."""
        return Sent(delivery.id)


class WatchedNights:
    """Plays nights one after another over one store.

    Args:
        plan: schedule, chains, estimates, seed and number of nights.
        settings: thresholds of the rules.
        folder: an empty folder of its own.
    """

    def __init__(self, plan: Plan, settings: Settings, folder: Path) -> None:
        self._plan, self._settings, self._folder = plan, settings, folder
        self._loop = VirtualLoop()
        self._clock = LoopClock(self._loop, plan.first)
        self._weather = Weather()
        self._seen = Seen()
        self._store = TallyingStore(self._clock, plan, self._seen)
        self._store.put_queue_config(plan.queue)
        self._operations = StoreOperations(self._store, settings, self._clock, job_types={}, chains=plan.chains)
        self._providers = self._made_providers()
        self._slack, self._email = Listener("slack"), Listener("email")
        self._pid = 100
        self._bad = 0
        self._wake = asyncio.Event()

    def play(self) -> tuple[list[Incident], list[Alert]]:
        """All nights: what really happened, and every alert there was."""
        asyncio.set_event_loop(self._loop)
        try:
            for number, nominal in enumerate(nominals(self._plan)):
                self._loop.run_until_complete(self._night(number, nominal))
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()
        alerts = self._store.alerts(limit=10_000).items
        return incidents(self._seen, self._settings), sorted(alerts, key=lambda alert: alert.seq)

    @property
    def messages(self) -> tuple[int, int]:
        """How many messages Slack and e-mail were given, edits and replies too."""
        return len(self._slack.heard), len(self._email.heard)

    def _made_providers(self) -> dict[Any, dict[str, SimulatedProvider]]:
        plan = self._plan
        durations = WeatheredDurations(
            history={key: s for key, s in plan.history.items() if len(s) >= plan.deadline.min_samples},
            estimates={name: estimate_of_setting(plan, name) for name in plan.deadline.estimates},
            weather=self._weather,
        )
        uploads = frozenset(name for stage, chain in plan.chains.items() if stage == "upload" for name in chain)
        faults = WeatheredFaults(plan.faults.by_provider, self._weather, uploads)
        video = video_at(self._folder / "video.mp4")
        found = {
            stage: {name: SimulatedProvider(name, durations, faults, video) for name in chain}
            for stage, chain in plan.chains.items()
        }
        for chain in found.values():
            for name, provider in chain.items():
                provider.service = SERVICE_OF.get(name)
        return found

    async def _night(self, number: int, nominal: datetime) -> None:
        fire = fire_at(self._plan.definition, nominal)
        due = fire.deadline_at
        if due is None:
            raise ValueError(f"schedule {self._plan.definition.name} has no deadline")
        rng = random.Random(f"{self._plan.seed}/{number}/troubles")  # noqa: S311 - dice
        self._weather.troubles = befalls(nominal, rng)
        self._seen.troubles += self._weather.troubles
        for chain in self._providers.values():
            for provider in chain.values():
                provider.dice = Dice(f"{self._plan.seed}/{number}", {})
        self._clock.jump(nominal - BEFORE)
        self._weather.now = self._clock.now()
        self._store.prune_probes(before=self._clock.now())
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for part in self._parts(number, stop):
                group.create_task(part)
            await self._sleep_until(due + AFTER)
            stop.set()
            self._wake.set()
        self._store.forget_process("watch")
        self._store.forget_process(f"{MACHINE}-{self._pid}")
        self._seen.night(fire, self._store)

    def _parts(self, number: int, stop: asyncio.Event) -> list[Any]:
        """What a daemon and a worker do, side by side."""
        settings, store, clock, inline = self._settings, self._store, self._clock, self._loop.inline
        rng = random.Random(f"{self._plan.seed}/{number}/rest")  # noqa: S311 - dice
        lanes = [Lane(self._slack, interval_s=1.0), Lane(self._email)]
        loop = DeliveryLoop(store, lanes, "watch", rng=rng, blocking=inline, poll_s=15.0)
        prober = Prober(
            store,
            {service: self._check_of(service) for service in SERVICES},
            dict.fromkeys(SERVICES, "http://simulated"),
            settings.health.model_copy(update={"interval_s": 30.0}),
            clock,
            blocking=inline,
        )
        evaluator = Evaluator(
            store,
            Gatherer(
                store,
                self._operations.snapshot,
                self._operations.runs,
                settings,
                clock,
                channels=loop.channels,
            ),
            settings.alerts,
            clock,
            "watch",
            slack=True,
            plain=("email",),
            warning_s=settings.deadline.warning_s,
            on_rows=loop.wake,
            blocking=inline,
        )
        runner = PipelineRunner(
            store,
            build_pipeline(self._plan.pipeline_with_chains(), self._providers),
            clock,
            work_dir=self._folder,
            deadline=settings.deadline,
            health=prober.health,
            before=prober.before_render,
            blocking=inline,
            workdir=self._workdir,
            rng=rng,
        )
        return [
            loop.run(stop),
            prober.run(stop),
            evaluator.run(stop),
            self._schedule(stop),
            self._machine(runner, rng, stop),
            self._others(rng, stop),
            self._tally(stop),
        ]

    def _check_of(self, service: str) -> Any:
        async def check() -> Probe:
            self._weather.now = now = self._clock.now()
            if self._weather.is_out(service):
                return Probe(service, now, ok=False, error="connection refused")
            return Probe(service, now, ok=True, latency_ms=5.0, http_status=200)

        return check

    # --- the machine that watches ------------------------------------------------------------------------------------

    async def _schedule(self, stop: asyncio.Event) -> None:
        """Timer, reaper, the record of nights, and the operator who mends what failed."""
        store, clock, began = self._store, self._clock, self._clock.now()
        store.sync_schedules([self._plan.definition], now=clock.now())
        while not stop.is_set():
            now = clock.now()
            store.beat("watch", kind="serve", host="watch", pid=1, started_at=began)
            store.reap()
            if fire_due(store, now, lead=self._operations.foresight.coming_lead_s):
                self._wake.set()
            record_nights(store, now)
            self._mend(now)
            await asyncio.sleep(LOOK_S)

    def _mend(self, now: datetime) -> None:
        if any(one.kind is Kind.FULL and now < one.ends + MENDED for one in self._weather.troubles):
            return
        for job in self._store.list(statuses=(JobStatus.FAILED,), job_types=("daily_ca",), limit=1).items:
            if job.is_final and now - job.updated_at > MENDED and job.deadline_at and now < job.deadline_at + AFTER:
                self._operations.retry(job.id, actor=OPERATOR)
                self._wake.set()

    async def _tally(self, stop: asyncio.Event) -> None:
        """Write down what is so, for the judgement; nothing that watches sees this."""
        while not stop.is_set():
            self._weather.now = self._clock.now()
            self._seen.depth(self._clock.now(), self._store.depth())
            await asyncio.sleep(TALLY_S)

    # --- the machine that renders ------------------------------------------------------------------------------------

    async def _machine(self, runner: PipelineRunner, rng: random.Random, stop: asyncio.Event) -> None:
        """Lives, works, and now and then dies with all it does; somebody then starts it again."""
        while not stop.is_set():
            async with self._alive() as tasks:
                while not stop.is_set() and not self._is_dead():
                    for lease in self._store.claim(f"{MACHINE}-{self._pid}", limit=10 - len(tasks), lease_s=LEASE_S):
                        task = asyncio.create_task(self._do(runner, lease, rng))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                        task.add_done_callback(lambda _: self._wake.set())
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), CLAIM_S)
                    self._wake.clear()
            dead = next((t for t in self._weather.troubles if t.kind is Kind.DEAD and t.at(self._clock.now())), None)
            if dead is not None:
                self._seen.deaths.append((f"{MACHINE}/{self._pid}", self._clock.now()))
                await self._sleep_until(dead.ends)

    @contextlib.asynccontextmanager
    async def _alive(self) -> AsyncGenerator[set[asyncio.Task[None]], None]:
        self._pid += 1
        began, tasks = self._clock.now(), set[asyncio.Task[None]]()

        async def beat() -> None:
            while True:
                name = f"{MACHINE}-{self._pid}"
                self._store.beat(name, kind="worker", host=MACHINE, pid=self._pid, started_at=began)
                await asyncio.sleep(BEAT_S)

        beating = asyncio.create_task(beat())
        try:
            yield tasks
        finally:
            running = [beating, *tasks]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _is_dead(self) -> bool:
        self._weather.now = self._clock.now()
        return self._weather.is_dead

    async def _do(self, runner: PipelineRunner, lease: Lease, rng: random.Random) -> None:
        holding = asyncio.create_task(self._hold(lease))
        try:
            if lease.job.job_type == "doubt":
                await self._doubt(lease, rng)
            else:
                await self._render(runner, lease)
        finally:
            holding.cancel()

    async def _hold(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            self._store.heartbeat(lease, lease_s=LEASE_S)

    async def _render(self, runner: PipelineRunner, lease: Lease) -> None:
        limit_at = lease.job.time_limit_at
        try:
            async with asyncio.timeout(None if limit_at is None else (limit_at - self._clock.now()).total_seconds()):
                result: JobResult = await runner.run(lease, lease_s=LEASE_S)
        except RenderFailedError as failed:
            self._store.fail(lease, failed.error, retryable=failed.retryable)
        except TimeoutError:
            error = JobError("the job ran out of its time", FailureClass.TIMEOUT, self._clock.now())
            self._store.fail(lease, error, retryable=True)
        else:
            self._store.complete(lease, result)

    # --- jobs beside the night ---------------------------------------------------------------------------------------

    async def _others(self, rng: random.Random, stop: asyncio.Event) -> None:
        """People ask something now and then, some nights many at once."""
        floods = [one for one in self._weather.troubles if one.kind is Kind.FLOOD]
        bad = [one for one in self._weather.troubles if one.kind is Kind.BAD_JOBS]
        next_at = self._clock.now()
        while not stop.is_set():
            now = self._clock.now()
            asked = 0
            if now >= next_at:
                asked, next_at = 1, now + timedelta(seconds=DOUBT_S * rng.uniform(0.5, 1.5))
            for one in [one for one in floods if one.begins <= now]:
                floods.remove(one)
                asked += int(one.size)
            for one in [one for one in bad if one.begins <= now]:
                bad.remove(one)
                self._bad += int(one.size)
                asked += int(one.size)
            for _ in range(asked):
                self._store.enqueue(JobSpec("doubt"))
            if asked:
                self._wake.set()
            await asyncio.sleep(LOOK_S)

    async def _doubt(self, lease: Lease, rng: random.Random) -> None:
        await asyncio.sleep(lognormal(USUAL_DOUBT, rng) * self._weather.slowness)
        bad = self._bad > 0 or rng.random() < DOUBTS_FAIL
        self._bad = max(self._bad - 1, 0)
        if bad:
            error = JobError("the question is empty", FailureClass.INVALID_INPUT, self._clock.now())
            self._store.fail(lease, error, retryable=False)
        else:
            self._store.complete(lease, JobResult("file:///doubt.mp4", None, 60.0, degraded=False))

    def _workdir(self, _work_dir: Path, _job_id: str, _stage: StageName) -> Path:
        """One folder for all: simulated providers write nothing."""
        return self._folder

    async def _sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max((at - self._clock.now()).total_seconds(), 0.0))
