from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.settings import DeadlineSettings, EstimateSettings
from scheduler.domain.deadline import Estimate, Prediction
from scheduler.domain.quantile import percentile
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.snapshot import StageState, StageView
from scheduler.pipeline.forecast import UNKNOWN_ESTIMATE, estimate_of, estimates_from, predict

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
CHAINS = {
    StageName.BRIEF: ("check",),
    StageName.SCRIPT_GEN: ("script",),
    StageName.MANIM: ("api", "cards"),
    StageName.TTS: ("voice",),
    StageName.REVIDEO: ("film",),
    StageName.VERIFY: ("probe",),
    StageName.UPLOAD: ("folder",),
}
ESTIMATES = {
    ("brief", "check"): Estimate(1, 2),
    ("script_gen", "script"): Estimate(1, 2),
    ("manim", "api"): Estimate(10, 60),
    ("manim", "cards"): Estimate(6, 20),
    ("tts", "voice"): Estimate(5, 20),
    ("revideo", "film"): Estimate(15, 90),
    ("verify", "probe"): Estimate(3, 10),
    ("upload", "folder"): Estimate(1, 2),
}


def seconds(prediction: Prediction) -> tuple[float, float]:
    assert prediction.p50_at is not None
    assert prediction.p90_at is not None
    return (prediction.p50_at - NOW).total_seconds(), (prediction.p90_at - NOW).total_seconds()


def done(*stages: StageName) -> list[StageView]:
    return [StageView(stage, StageState.DONE) for stage in stages]


def running(stage: StageName, provider: str, *, for_s: float, ended: bool = False) -> StageView:
    attempt = Attempt(
        id="a",
        render_id="r",
        job_id="j",
        stage=stage,
        provider=provider,
        status=AttemptStatus.FAILED if ended else AttemptStatus.STARTED,
        started_at=NOW - timedelta(seconds=for_s),
        duration_ms=10 if ended else None,
    )
    state = StageState.RETRYING if ended else StageState.RUNNING
    return StageView(stage, state, provider=provider, attempts=(attempt,))


EARLY = (StageName.BRIEF, StageName.SCRIPT_GEN)


@pytest.mark.parametrize(
    ("views", "p50", "p90"),
    [
        ([], 31, 166),
        (done(*EARLY), 29, 162),
        ([*done(*EARLY), running(StageName.MANIM, "api", for_s=4)], 6 + 19, 56 + 102),
        # Speech is the longest branch once manim is done.
        ([*done(*EARLY, StageName.MANIM)], 5 + 19, 20 + 102),
        # The provider that runs counts, not the first of the chain.
        ([*done(*EARLY, StageName.TTS), running(StageName.MANIM, "cards", for_s=0)], 6 + 19, 20 + 102),
        # It has taken longer than nine of ten: a tenth more is what can be said.
        ([*done(*EARLY, StageName.TTS), running(StageName.MANIM, "cards", for_s=300)], 0.6 + 19, 2 + 102),
        # Between two calls nothing runs: the next one takes its whole time.
        ([*done(*EARLY, StageName.TTS), running(StageName.MANIM, "cards", for_s=300, ended=True)], 6 + 19, 20 + 102),
    ],
)
def test_what_is_left_of_a_render(views: list[StageView], p50: float, p90: float) -> None:
    assert seconds(predict(views, CHAINS, ESTIMATES, now=NOW)) == pytest.approx((p50, p90))


def test_a_render_that_has_not_started_is_predicted_from_its_start() -> None:
    later = predict([], CHAINS, ESTIMATES, now=NOW, starts_at=NOW + timedelta(hours=3))
    overdue = predict([], CHAINS, ESTIMATES, now=NOW, starts_at=NOW - timedelta(hours=3))

    assert seconds(later) == (3 * 3600 + 31, 3 * 3600 + 166)
    assert seconds(overdue) == (31, 166)


def test_nothing_is_predicted_for_a_render_that_is_done() -> None:
    assert predict(done(*StageName), CHAINS, ESTIMATES, now=NOW) == Prediction(None, None)


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.9, 9), (1.0, 10), (0.0, 1), (0.91, 10)])
def test_percentiles_are_nearest_rank(share: float, value: float) -> None:
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == value


def test_history_outweighs_the_configured_estimate_from_enough_samples_on() -> None:
    settings = DeadlineSettings(min_samples=3, estimates={"api": EstimateSettings(p50_s=10, p90_s=60)})

    estimates = estimates_from({("manim", "api"): [1, 2, 3], ("tts", "api"): [1, 2]}, settings)

    assert estimate_of(estimates, StageName.MANIM, "api") == Estimate(2, 3)
    assert estimate_of(estimates, StageName.TTS, "api") == Estimate(10, 60)
    assert estimate_of(estimates, StageName.TTS, "nobody") == UNKNOWN_ESTIMATE
