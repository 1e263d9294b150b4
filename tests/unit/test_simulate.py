from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from config.settings import Settings
from console.bootstrap.simulate import Asked, make_plan
from scheduler.domain.deadline import Estimate
from scheduler.domain.night import NightOutcome
from scheduler.domain.quantile import percentile
from scheduler.domain.render import StageName
from scheduler.logs import quiet
from scheduler.simulate.faults import Fault, FaultKind, Faults, parse_faults
from scheduler.simulate.providers import Durations, lognormal
from scheduler.simulate.run import nominals, run_nights, simulate
from scheduler.simulate.virtual import LoopClock, NothingWillHappenError, VirtualLoop

SERVICES = ("manim", "revideo", "orchestrator")
ILL = tuple(f"{service}={kind}" for service in SERVICES for kind in ("flaky:0.2", "hang:0.05"))
DOWN = tuple(f"{service}=down" for service in SERVICES)


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    quiet()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def asked(nights: int, *faults: str, **more: object) -> Asked:
    return Asked(nights=nights, seed=7, faults=faults, **more)  # pyright: ignore[reportArgumentType] - by name


def test_virtual_time_passes_without_waiting() -> None:
    loop = VirtualLoop()
    clock = LoopClock(loop, datetime(2026, 11, 20, tzinfo=UTC))

    async def night() -> list[str]:
        seen: list[str] = []

        async def step(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append(f"{name} {clock.now():%d %H:%M}")

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await loop.create_future()
        await asyncio.gather(step("late", 86_400), step("early", 60))
        assert await loop.inline(lambda: 3) == 3
        return seen

    assert loop.run_until_complete(night()) == ["early 20 01:01", "late 21 01:00"]
    with pytest.raises(NothingWillHappenError):
        loop.run_until_complete(loop.create_future())
    loop.close()


def test_faults_are_read_as_the_command_line_writes_them() -> None:
    faults = parse_faults(
        ["manim=flaky:0.2", "manim=hang:0.05", "revideo=slow:600:0.1", "storage=http:503", "espeak=down"], ["espeak"]
    )
    assert faults.by_provider == {
        "manim-api": (Fault(FaultKind.FLAKY, 0.2), Fault(FaultKind.HANG, 0.05)),
        "revideo-api": (Fault(FaultKind.SLOW, 0.1, 600.0),),
        "supabase": (Fault(FaultKind.HTTP, 1.0, 503.0),),
        "s3": (Fault(FaultKind.HTTP, 1.0, 503.0),),
        "espeak": (Fault(FaultKind.DOWN),),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("manin=down", "there is no service or provider 'manin'"),
        ("manim", "write SERVICE=KIND"),
        ("manim=broken", "kinds are down"),
        ("manim=flaky", "needs the share"),
        ("manim=slow", "slow needs a number"),
        ("manim=flaky:2", "from 0 to 1"),
        ("manim=flaky:0.1:0.2", "from 0 to 1"),
    ],
)
def test_a_fault_that_cannot_be_read_says_how_to_write_it(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_faults([text], ["manim-api"])


def test_shares_of_faults_add_up() -> None:
    faults = Faults({"x": (Fault(FaultKind.FLAKY, 0.2), Fault(FaultKind.HANG, 0.1))})
    rng = random.Random(1)
    drawn = [faults.draw("x", rng) for _ in range(20_000)]
    hit = [fault.kind for fault in drawn if fault is not None]
    assert abs(hit.count(FaultKind.FLAKY) / 20_000 - 0.2) < 0.02
    assert abs(hit.count(FaultKind.HANG) / 20_000 - 0.1) < 0.02
    assert faults.draw("y", rng) is None


def test_durations_have_the_percentiles_they_are_drawn_from() -> None:
    rng = random.Random(1)
    drawn = [lognormal(Estimate(10.0, 60.0), rng) for _ in range(20_000)]
    assert percentile(drawn, 0.5) == pytest.approx(10.0, rel=0.1)
    assert percentile(drawn, 0.9) == pytest.approx(60.0, rel=0.1)
    recorded = Durations({("manim", "manim-api"): [3.0, 4.0]}, {})
    assert {recorded.draw(StageName.MANIM, "manim-api", rng) for _ in range(50)} == {3.0, 4.0}


def test_the_same_seed_gives_the_same_nights_however_they_are_shared_out(settings: Settings) -> None:
    plan = make_plan(settings, asked(30, *ILL))
    alone = simulate(plan, processes=1)
    assert simulate(plan, processes=3) == alone
    assert simulate(replace(plan, seed=8), processes=1) != alone


def test_a_night_depends_on_its_number_alone(settings: Settings) -> None:
    plan = make_plan(settings, asked(12, *ILL))
    starts = list(enumerate(nominals(plan)))
    together = run_nights(plan, starts)
    assert [run_nights(plan, [start])[0] for start in reversed(starts)][::-1] == together


def test_ill_services_cost_no_night(settings: Settings) -> None:
    outcome = simulate(make_plan(settings, asked(150, *ILL)), processes=1)
    assert (outcome.on_time, outcome.nights) == (150, 150)
    assert len(outcome.worst) == 5
    assert "TIMEOUT" in outcome.worst[0].why


def test_with_every_service_down_every_night_is_on_time_and_degraded(settings: Settings) -> None:
    outcome = simulate(make_plan(settings, asked(40, *DOWN)), processes=1)
    assert (outcome.on_time, outcome.degraded) == (40, 40)


def test_a_late_start_is_saved_by_the_deadline_logic_alone(settings: Settings) -> None:
    """Services that hang, half an hour before the deadline: with the logic on time, without it not."""
    late = asked(25, "manim=hang", "revideo=hang", "orchestrator=hang", start=time(5, 30))
    saved = simulate(make_plan(settings, late), processes=1)
    assert (saved.on_time, saved.degraded) == (25, 25)
    lost = simulate(make_plan(settings, replace(late, deadline_logic=False)), processes=1)
    assert lost.on_time == 0
    assert lost.late == 25


def test_a_job_that_fails_is_tried_again_five_minutes_later(settings: Settings) -> None:
    plan = make_plan(settings, asked(30, "local-directory=down:0.5"))
    every = run_nights(plan, list(enumerate(nominals(plan))), explain=True)
    night = next(night for night in every if "retr" in night.why)
    assert night.took_s is not None
    assert night.took_s > 300


def test_nothing_that_can_render_is_a_missed_night(settings: Settings) -> None:
    outcome = simulate(make_plan(settings, asked(2, "brief-check=down")), processes=1)
    assert outcome.missed == 2
    assert outcome.worst[0].outcome is NightOutcome.MISSED


def test_what_is_asked_for_must_be_there(settings: Settings) -> None:
    with pytest.raises(ValueError, match="no schedule"):
        make_plan(settings, asked(1, schedule="weekly"))
    assert "a4f" not in make_plan(settings, asked(1)).chains[StageName.TTS]
    assert make_plan(settings, asked(1, "tts=down")).chains[StageName.TTS][0] == "a4f"
