"""The figures, and that dashboard and alert rules only ask for figures that there are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from console.bootstrap.reading import make_operations
from scheduler.api.metrics import DAYS, Figures
from scheduler.domain.failure import FailureClass
from scheduler.domain.job import JobSpec, JobStatus
from scheduler.domain.outbox import NewDelivery
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.service import Probe
from scheduler.testing import FakeClock, MemoryStore

SHIPPED = Path(__file__).parents[2] / "config" / "prometheus"
NAMES = re.compile(r"\bpredawn_[a-z_]+\b")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(FakeClock(datetime(2026, 11, 20, 3, tzinfo=UTC)))


def samples(figures: Figures) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(figures.text().decode())
        for sample in family.samples
    }


def figures_over(store: MemoryStore) -> Figures:
    return Figures(make_operations(Settings(home=Path("/nowhere")), store))


def attempt(render_id: str, job_id: str, number: int, stage: StageName, **values: Any) -> Attempt:
    at = datetime(2026, 11, 20, 3, number, tzinfo=UTC)
    return Attempt(f"a{number}", render_id, job_id, stage, "p", AttemptStatus.STARTED, at, **values)


def busy(store: MemoryStore) -> Figures:
    """A system in which something of everything has happened since the first look."""
    figures = figures_over(store)
    figures.text()
    store.beat("me", kind="serve", host="box", pid=1, started_at=datetime.now(UTC))
    store.add_probe(Probe("manim", datetime(2026, 11, 20, 3, tzinfo=UTC), ok=True, latency_ms=20.0))
    store.enqueue_deliveries([NewDelivery("callback", "job", "x")])
    store.enqueue(JobSpec("daily_ca"))
    job = store.enqueue(JobSpec("doubt")).job
    (lease,) = store.claim("w", limit=1, lease_s=30, only=[job.id])
    render = store.start_render(lease, correlation_id="c")
    assert render is not None
    first, second, third = (
        attempt(render.id, job.id, number, stage)
        for number, stage in ((1, StageName.MANIM), (2, StageName.MANIM), (3, StageName.UPLOAD))
    )
    for one in (first, second, third):
        store.start_attempt(one)
    figures.text()
    store.finish_attempt(
        replace(first, status=AttemptStatus.FAILED, duration_ms=4_000, error_class=FailureClass.TIMEOUT)
    )
    store.finish_attempt(replace(second, status=AttemptStatus.COMPLETED, duration_ms=90_000))
    store.finish_attempt(replace(third, status=AttemptStatus.COMPLETED, duration_ms=60_000))
    return figures


def test_what_ended_is_counted_once_also_when_it_was_seen_open(store: MemoryStore) -> None:
    figures = busy(store)
    first = samples(figures)
    failed = (("class", "TIMEOUT"), ("provider", "p"), ("stage", "manim"))
    assert first["predawn_attempt_failures_total", failed] == 1
    good = (("outcome", "completed"), ("provider", "p"), ("stage", "manim"))
    assert first["predawn_stage_duration_seconds_sum", good] == 90
    assert first["predawn_render_duration_seconds_sum", (("degraded", "no"),)] == 180
    assert first["predawn_jobs", (("job_type", "daily_ca"), ("priority", "normal"), ("status", "queued"))] == 1
    assert first["predawn_service_latency_seconds", (("service", "manim"),)] == 0.02
    assert first["predawn_outbox_waiting", (("channel", "callback"),)] == 1
    again = samples(figures)
    assert again["predawn_attempt_failures_total", failed] == 1
    assert again["predawn_stage_duration_seconds_count", good] == 1


def test_what_was_before_the_start_is_not_counted(store: MemoryStore) -> None:
    busy(store)
    late = figures_over(store)
    late.text()
    assert not [name for name, _ in samples(late) if name.startswith("predawn_stage_duration_seconds_count")]


def existing(store: MemoryStore) -> set[str]:
    found = {name for name, _ in samples(busy(store))}
    text = busy(MemoryStore(FakeClock())).text().decode()
    return found | {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


def expressions(file: str) -> list[str]:
    text = (SHIPPED / file).read_text(encoding="utf-8")
    document: Any = yaml.safe_load(text) if file.endswith(".yml") else json.loads(text)
    return [rule["expr"] for group in document.get("groups", ()) for rule in group["rules"]] + [
        target["expr"] for panel in document.get("panels", ()) for target in panel["targets"]
    ]


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_what_is_shipped_asks_only_for_figures_that_there_are(store: MemoryStore, file: str) -> None:
    shipped = expressions(file)
    assert len(shipped) >= 9
    asked = {name for expression in shipped for name in NAMES.findall(expression)}
    assert asked <= existing(store)


WORDS = {"status": {one.value for one in JobStatus}, "days": {str(days) for days in DAYS}}
"""Values of labels that are known beforehand."""


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_what_is_shipped_asks_only_for_labels_that_these_figures_have(store: MemoryStore, file: str) -> None:
    labels: dict[str, set[str]] = {}
    for name, values in samples(busy(store)):
        labels.setdefault(name, set()).update(label for label, _ in values)
    labels |= {"predawn_on_time_ratio": {"days"}, "predawn_on_time_budget_left": {"days"}}  # no night is over here
    for expression in expressions(file):
        names = NAMES.findall(expression)
        for name, matchers in re.findall(r"(predawn_[a-z_]+)\{(.*?)\}", expression):
            for label, value in re.findall(r'(\w+)="(.*?)"', matchers):
                assert label in labels[name], expression
                assert value in WORDS.get(label, {value}), expression
        for grouped in re.findall(r"by \((.*?)\)", expression):
            for label in grouped.split(", "):
                assert any(label in labels[name] for name in names), expression


def test_durations_are_told_apart_up_to_hours_and_ages_are_told(store: MemoryStore) -> None:
    found = samples(busy(store))
    buckets = {float(dict(values)["le"]) for name, values in found if name == "predawn_render_duration_seconds_bucket"}
    assert sum(3600 <= one < float("inf") for one in buckets) >= 4
    assert found["predawn_outbox_oldest_age_seconds", (("channel", "callback"),)] > 0


def test_what_ended_before_anybody_asked_is_counted_from_the_start_of_the_process_on(store: MemoryStore) -> None:
    figures = figures_over(store)
    figures.begin()
    job = store.enqueue(JobSpec("doubt")).job
    (lease,) = store.claim("w", limit=1, lease_s=30)
    render = store.start_render(lease, correlation_id="c")
    assert render is not None
    one = attempt(render.id, job.id, 1, StageName.MANIM)
    store.start_attempt(one)
    store.finish_attempt(replace(one, status=AttemptStatus.COMPLETED, duration_ms=90_000))
    good = (("outcome", "completed"), ("provider", "p"), ("stage", "manim"))
    assert samples(figures)["predawn_stage_duration_seconds_count", good] == 1
