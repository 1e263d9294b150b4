"""Foresight over recorded histories: latest safe start, early starts, waits, critical path, calibration."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.settings import Settings
from console.bootstrap.reading import chains, job_types
from integrations.a4f.provider import A4fSpeech
from integrations.chat_script.provider import ChatScript
from integrations.manim.provider import ManimApi
from integrations.media.providers import MediaProbe
from integrations.media.toolkit import MediaToolkit
from integrations.orchestrator.provider import OrchestratorApi
from integrations.orchestrator.route import OrchestratorRoute
from integrations.revideo.provider import RevideoApi
from integrations.s3_storage.provider import S3Storage
from integrations.sora.provider import SoraClips
from integrations.sora.route import SoraRoute
from integrations.supabase_storage.provider import SupabaseStorage
from scheduler.domain.access import Role
from scheduler.domain.deadline import Estimate, Prediction, critical_path
from scheduler.domain.job import DepthPart, JobSpec, JobStatus, Priority
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.domain.snapshot import StageState, StageView
from scheduler.domain.whatif import Change
from scheduler.health.targets import SERVICE_OF
from scheduler.nights.foresight import Foresight
from scheduler.nights.start import latest_safe_start, lead_s, queue_wait
from scheduler.operations import StoreOperations
from scheduler.pipeline.added import AddedStage
from scheduler.ports.operations import Actor
from scheduler.schedules.due import fire_at, next_nominal
from scheduler.schedules.timer import fire_due
from scheduler.testing import FakeClock, MemoryStore

ZONE = ZoneInfo("Asia/Kolkata")
NIGHTLY = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Asia/Kolkata", time(6, 0), 3 * 3600.0)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ZONE).astimezone(UTC)
EVENING = datetime(2026, 11, 21, 3, 0, tzinfo=ZONE).astimezone(UTC)
DUE = datetime(2026, 11, 21, 6, 0, tzinfo=ZONE).astimezone(UTC)


class Installation:
    """A store with a history, and foresight over it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder)
        self.clock = FakeClock(NOW)
        self.store = MemoryStore(self.clock)
        self.store.sync_schedules([NIGHTLY], now=NOW)
        self.chains = chains(self.settings)
        self.added: list[AddedStage] = []
        self.foresight = Foresight(
            self.store,
            self.settings,
            self.clock,
            job_types=job_types(self.settings, ask=False),
            chains=self.chains,
            added=lambda: self.added,
        )

    def remember(self, seconds: dict[StageName, list[float]]) -> None:
        """Good calls of the first providers."""
        self.store.enqueue(JobSpec("daily_ca"))
        (lease,) = self.store.claim("w", limit=1, lease_s=9e6)
        render = self.store.start_render(lease, correlation_id="c")
        assert render is not None
        for stage, durations in seconds.items():
            for number, took in enumerate(durations):
                attempt = Attempt(
                    id=f"{stage}-{number}",
                    render_id=render.id,
                    job_id=lease.job.id,
                    stage=stage,
                    provider=self.chains[stage][0],
                    status=AttemptStatus.STARTED,
                    started_at=NOW,
                )
                self.store.start_attempt(attempt)
                done = replace(attempt, status=AttemptStatus.COMPLETED, duration_ms=round(took * 1000))
                self.store.finish_attempt(done)
        self.store.cancel(lease.job.id, by="test")
        self.store.finish_cancel(lease)

    def coming(self) -> Prediction:
        return self.foresight.prediction((), now=self.clock.now(), starts_at=EVENING, job=None)


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_the_latest_safe_start_leaves_p90_and_the_warning_time() -> None:
    assert latest_safe_start(DUE, p90_s=3600.0, warning_s=900.0) == DUE - timedelta(minutes=75)


@pytest.mark.parametrize(("latest_min", "lead_min"), [(30, 0), (0, 0), (-1, 5), (-5, 5), (-6, 10), (-61, 65)])
def test_a_start_that_is_too_late_is_moved_forward_by_whole_steps(latest_min: float, lead_min: float) -> None:
    assert lead_s(EVENING, EVENING + timedelta(minutes=latest_min)) == lead_min * 60


def test_without_history_nothing_starts_early(here: Installation) -> None:
    fire = fire_at(NIGHTLY, EVENING)
    (state,) = here.store.schedules()
    assert here.foresight.lead_s(state, fire) == 0
    latest = here.foresight.latest_start(state, fire)
    assert latest is not None
    assert latest > EVENING


def test_a_history_that_says_four_hours_starts_the_run_by_itself_in_time(here: Installation) -> None:
    here.remember({StageName.MANIM: [4 * 3600.0] * 10})
    (state,) = here.store.schedules()
    lead = here.foresight.coming_lead_s(state, NOW)
    assert 3600 < lead < 2 * 3600
    assert here.foresight.coming_lead_s(replace(state, definition=replace(NIGHTLY, start_early=False)), NOW) == 0
    begun: datetime | None = None
    while begun is None:
        here.clock.advance(60)
        if fire_due(here.store, here.clock.now(), lead=here.foresight.coming_lead_s):
            begun = here.clock.now()
    assert begun == EVENING - timedelta(seconds=lead)
    foretold = here.foresight.prediction((), now=begun, starts_at=begun, job=None)
    assert foretold.p90_at is not None
    assert foretold.p90_at <= DUE - timedelta(seconds=here.settings.deadline.warning_s)


def test_the_coming_night_is_foretold_from_history_with_its_critical_path(here: Installation) -> None:
    here.remember({StageName.MANIM: [100.0] * 9 + [700.0], StageName.REVIDEO: [50.0] * 10, StageName.TTS: [1.0] * 10})
    foretold = here.coming()
    assert foretold.p50_at is not None
    assert foretold.p90_at is not None
    by_stage = {step.stage: step for step in foretold.path}
    assert StageName.TTS not in by_stage
    assert (by_stage[StageName.MANIM].p50_s, by_stage[StageName.MANIM].p90_s) == (100.0, 100.0)
    assert by_stage[StageName.REVIDEO].p90_s == 50.0
    assert sum(step.p90_s for step in foretold.path) == (foretold.p90_at - EVENING).total_seconds()
    assert foretold.p50_at < foretold.p90_at


def test_slow_speech_becomes_the_critical_path(here: Installation) -> None:
    here.remember({StageName.MANIM: [5.0] * 10, StageName.TTS: [400.0] * 10})
    path = [step.stage for step in here.coming().path]
    assert StageName.TTS in path
    assert StageName.MANIM not in path
    assert critical_path({}, done=set(StageName)) == ()


def test_a_stage_that_a_plug_in_adds_is_counted_for_the_job_types_that_have_it(here: Installation) -> None:
    def coming(job_type: str, *views: StageView) -> Prediction:
        return here.foresight.prediction(views, now=NOW, starts_at=EVENING, job=None, job_type=job_type)

    here.added.append(
        AddedStage(
            "stamp",
            (MediaProbe(MediaToolkit()),),  # any provider: its estimate counts
            after=(StageName.REVIDEO,),
            before=(StageName.VERIFY,),
            job_types=frozenset({"daily_ca"}),
        )
    )
    stamped, plain = coming("daily_ca"), coming("doubt")
    names = [step.stage for step in stamped.path]
    assert names[-4:] == [StageName.REVIDEO, StageName("stamp"), StageName.VERIFY, StageName.UPLOAD]
    estimate = here.settings.deadline.estimates["media-probe"]
    for one, other, more in (
        (stamped.p50_at, plain.p50_at, estimate.p50_s),
        (stamped.p90_at, plain.p90_at, estimate.p90_s),
    ):
        assert one is not None
        assert other is not None
        assert (one - other).total_seconds() == pytest.approx(more)
    (state,) = here.store.schedules()
    fire = fire_at(NIGHTLY, EVENING)
    before = here.foresight.whole_s("doubt")
    assert here.foresight.whole_s("daily_ca") == pytest.approx(before + estimate.p90_s)
    assert here.foresight.latest_start(state, fire) == DUE - timedelta(
        seconds=before + estimate.p90_s + here.settings.deadline.warning_s
    )
    assert (
        coming("daily_ca", StageView(StageName.VERIFY, StageState.DONE)).path
        == coming("doubt", StageView(StageName.VERIFY, StageState.DONE)).path
    ), "what stands before a stage that is done has been done or left out"


def test_nine_of_ten_finishes_lie_under_p90_on_a_recorded_history(here: Installation) -> None:
    rng = random.Random(3)
    stages = {stage: [rng.lognormvariate(3, 0.8) for _ in range(30)] for stage in StageName}
    here.remember(stages)
    foretold = here.coming()
    assert foretold.p90_at is not None
    assert foretold.p50_at is not None
    nights = [
        sum(
            max(rng.lognormvariate(3, 0.8), rng.lognormvariate(3, 0.8)) if stage is StageName.MANIM else
            rng.lognormvariate(3, 0.8)
            for stage in StageName if stage is not StageName.TTS
        )
        for _ in range(1000)
    ]  # fmt: skip
    under = sum(EVENING + timedelta(seconds=took) <= foretold.p90_at for took in nights)
    assert under >= 900


@pytest.mark.parametrize(
    ("queue", "p50", "p90"),
    [
        ((0, 0, 0), 0, 0),
        ((9, 0, 50), 0, 0),
        ((10, 0, 50), 30, 100),
        ((10, 10, 0), 90, 200),
        ((5, 4, 0), 0, 0),
        ((5, 5, 0), 30, 100),
    ],
)
def test_the_wait_for_a_worker(queue: tuple[int, int, int], p50: float, p90: float) -> None:
    running, high, low = queue
    parts = [
        DepthPart(JobStatus.PROCESSING, "doubt", Priority.NORMAL, running),
        DepthPart(JobStatus.QUEUED, "doubt", Priority.HIGH, high),
        DepthPart(JobStatus.QUEUED, "doubt", Priority.LOW, low),
    ]
    wait = queue_wait(parts, Priority.HIGH, cap=10, per_job=Estimate(60, 100))
    assert (wait.p50_s, wait.p90_s) == (p50, p90)


def test_a_full_queue_is_part_of_what_is_foretold(here: Installation) -> None:
    for _ in range(10):
        here.store.enqueue(JobSpec("doubt"))
    assert len(here.store.claim("w", limit=10, lease_s=9e6)) == 10
    job = here.store.enqueue(JobSpec("daily_ca", priority=Priority.HIGH)).job
    waiting = here.foresight.prediction((), now=NOW, starts_at=NOW, job=job)
    alone = here.foresight.prediction((), now=NOW, starts_at=NOW, job=replace(job, status=JobStatus.PROCESSING))
    assert waiting.wait_s > 0
    assert waiting.p90_at is not None
    assert alone.p90_at is not None
    assert waiting.p90_at - alone.p90_at == timedelta(seconds=waiting.wait_s)


def test_a_default_installation_says_that_there_is_nothing_to_make_the_video_from(here: Installation) -> None:
    (state,) = here.store.schedules()
    nominal = next_nominal(NIGHTLY, NOW)
    assert nominal is not None
    content = here.foresight.content(state, fire_at(NIGHTLY, nominal))
    assert content is not None
    assert (content.ready, content.hopeless) == (False, True)
    assert str(date(2026, 11, 21)) in content.note


def test_what_a_command_would_change_is_foretold_by_the_same_means(here: Installation) -> None:
    here.remember({stage: [60.0] * here.settings.deadline.min_samples for stage in StageName})
    here.clock.advance((EVENING - NOW).total_seconds())
    operations = StoreOperations(
        here.store,
        here.settings,
        here.clock,
        job_types=job_types(here.settings, ask=False),
        chains=here.chains,
    )
    here.store.beat("p", kind="serve", host="h", pid=1, started_at=here.clock.now())
    mine = operations.run_schedule("nightly", actor=Actor("ann", "cli", Role.OPERATOR)).job
    for number in range(10):
        here.store.enqueue(JobSpec("daily_ca", priority=Priority.HIGH, idempotency_key=f"before-{number}"))
    shown = operations.snapshot().tonight.prediction
    assert shown is not None
    assert shown.p90_at is not None

    def moved(change: Change) -> float:
        told = operations.foretell(change)
        assert told.before == shown
        assert told.after is not None
        assert told.after.p90_at is not None
        assert shown.p90_at is not None
        return (told.after.p90_at - shown.p90_at).total_seconds()

    def queued(count: int, priority: Priority = mine.priority) -> Change:
        return Change((DepthPart(JobStatus.QUEUED, "daily_ca", priority, count),))

    render = 6 * 60.0
    assert moved(Change()) == 0
    assert moved(queued(-1)) == pytest.approx(-render)  # a worker is free then: nothing is waited for
    assert moved(queued(10)) == pytest.approx(render)  # one round more
    assert moved(queued(10, Priority.LOW)) == 0
    out = Change(services_out=frozenset({"manim", "revideo"}))
    assert moved(out) != 0  # the fallbacks take another time
    for service in out.services_out:
        here.store.set_maintenance(service, for_s=3600, by="ann")
    then = operations.snapshot().tonight.prediction
    assert then is not None
    assert then == operations.foretell(out).after
    assert operations.foretell(Change(services_in=out.services_out)).after == shown


def test_names_of_providers_lead_to_the_services_they_need() -> None:
    ours = (A4fSpeech, ChatScript, ManimApi, OrchestratorApi, OrchestratorRoute, RevideoApi, SoraClips, SoraRoute)
    found = {one.name: one.service for one in (*ours, SupabaseStorage, S3Storage)}
    assert found == SERVICE_OF
