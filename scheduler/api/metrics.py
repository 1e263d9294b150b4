"""``GET /metrics`` for Prometheus.

Gauges are read when they are asked for. Counters and durations are counted by this process from its start on, out of
the log of attempts (``render_logs``), so that it does not matter which process did the work.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from scheduler.api.context import Caller, Ctx
from scheduler.api.problems import responses
from scheduler.api.routing import ReadableRoute
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.service import ServiceState
from scheduler.ports.api import HttpOperations
from scheduler.ports.clock import SystemClock

router = APIRouter(tags=["metrics"], route_class=ReadableRoute)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600)
"""Seconds: renders take minutes, a bad night hours."""
MOST_OPEN = 2_000
MOST_RENDERS = 2_000
PAGE = 1_000
DAYS = (7, 30, 90)


class Figures(Collector):
    """What is measured. Thread-safe.

    Args:
        operations: where it is read.
        now: the time of day, for ages; None: the machine's.
    """

    def __init__(self, operations: HttpOperations, now: Callable[[], datetime] | None = None) -> None:
        self._operations = operations
        self._now = now or SystemClock().now
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._open: OrderedDict[str, None] = OrderedDict()
        self._began: OrderedDict[str, datetime] = OrderedDict()
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "predawn_stage_duration_seconds",
            "Time of one call of a provider.",
            ("stage", "provider", "outcome"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._renders = Histogram(
            "predawn_render_duration_seconds",
            "Time of a whole render, from its first call to the published video.",
            ("degraded",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._failures = Counter(
            "predawn_attempt_failures",
            "Calls of providers that failed.",
            ("stage", "provider", "class"),
            registry=self.registry,
        )
        self.registry.register(self)

    def begin(self) -> None:
        """Count from now on; without it, from the first time somebody asks. Blocking.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._lock:
            if self._seen is None:
                self._count()

    def text(self) -> bytes:
        """The figures in Prometheus' text format. Blocking.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._lock:
            self._count()
            return generate_latest(self.registry)

    def describe(self) -> list[Metric]:
        """Nothing is read before somebody asks."""
        return []

    def _count(self) -> None:
        """Count what has ended since the last time."""
        operations = self._operations
        if self._seen is None:
            newest = operations.render_log(after=None)
            self._seen = newest[-1].seq if newest else 0
            return
        for attempt in operations.logged(list(self._open)):
            if attempt.status is not AttemptStatus.STARTED:
                del self._open[attempt.id]
                self._ended(attempt)
        while page := operations.render_log(after=self._seen, limit=PAGE):
            for one in page:
                self._seen = one.seq
                self._began_by(one.attempt)
                if one.attempt.status is AttemptStatus.STARTED:
                    self._open[one.attempt.id] = None
                    if len(self._open) > MOST_OPEN:
                        self._open.popitem(last=False)
                else:
                    self._ended(one.attempt)

    def _began_by(self, attempt: Attempt) -> None:
        if attempt.render_id not in self._began:
            self._began[attempt.render_id] = attempt.started_at
            if len(self._began) > MOST_RENDERS:
                self._began.popitem(last=False)

    def _ended(self, attempt: Attempt) -> None:
        if attempt.resumed:
            return
        stage, seconds = attempt.stage.value, (attempt.duration_ms or 0) / 1000
        failed = attempt.status is AttemptStatus.FAILED
        self._stages.labels(stage, attempt.provider, "failed" if failed else "completed").observe(seconds)
        if failed:
            kind = attempt.error_class.value if attempt.error_class is not None else "UNKNOWN"
            self._failures.labels(stage, attempt.provider, kind).inc()
        elif attempt.stage is StageName.UPLOAD and (began := self._began.pop(attempt.render_id, None)) is not None:
            ended = attempt.started_at + timedelta(seconds=seconds)
            degraded = "yes" if attempt.detail.get("degraded") is True else "no"
            self._renders.labels(degraded).observe(max((ended - began).total_seconds(), 0.0))

    def collect(self) -> Iterator[Metric]:
        """The gauges, as they stand now."""
        state = self._operations.system()
        jobs = GaugeMetricFamily("predawn_jobs", "Jobs by state.", labels=["status", "job_type", "priority"])
        for part in state.depth.parts:
            jobs.add_metric([part.status.value, part.job_type, part.priority.value], part.count)
        yield jobs
        oldest = state.depth.oldest_queued_age_s
        yield GaugeMetricFamily(
            "predawn_queue_oldest_age_seconds", "How long the oldest queued job has waited.", value=oldest or 0.0
        )
        processes = GaugeMetricFamily("predawn_processes", "Processes that live, by kind.", labels=["kind"])
        alive = [process.kind for process in state.processes if process.alive]
        for kind in sorted(set(alive)):
            processes.add_metric([kind], alive.count(kind))
        yield processes
        leads = 1.0 if state.scheduler is not None else 0.0
        yield GaugeMetricFamily("predawn_scheduler_active", "1 while somebody schedules.", value=leads)
        up = GaugeMetricFamily("predawn_service_up", "1 while a service is up.", labels=["service"])
        latency = GaugeMetricFamily("predawn_service_latency_seconds", "Time of the last probe.", labels=["service"])
        for service in state.services:
            up.add_metric([service.service], 1.0 if service.state is ServiceState.UP else 0.0)
            probe = service.last_probe
            if probe is not None and probe.latency_ms is not None:
                latency.add_metric([service.service], probe.latency_ms / 1000)
        yield from (up, latency)
        yield from self._nights()
        yield from self._outbox()

    def _nights(self) -> Iterator[Metric]:
        report = self._operations.sla(days=max(DAYS))
        rate = GaugeMetricFamily("predawn_on_time_ratio", "Share of nights on time.", labels=["days"])
        budget = GaugeMetricFamily("predawn_on_time_budget_left", "Misses that are still allowed.", labels=["days"])
        for window in report.windows:
            if window.rate is not None:
                rate.add_metric([str(window.days)], window.rate)
                budget.add_metric([str(window.days)], window.budget_left)
        yield from (rate, budget)

    def _outbox(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("predawn_outbox_waiting", "Deliveries that wait.", labels=["channel"])
        dead = GaugeMetricFamily("predawn_outbox_dead", "Deliveries that never will be.", labels=["channel"])
        oldest = GaugeMetricFamily(
            "predawn_outbox_oldest_age_seconds", "How long the oldest of them has waited.", labels=["channel"]
        )
        failing = GaugeMetricFamily("predawn_outbox_failures", "Calls in a row that failed.", labels=["channel"])
        for channel in self._operations.channel_health():
            waiting.add_metric([channel.channel], channel.waiting)
            since = channel.oldest_waiting
            age = 0.0 if since is None else max((self._now() - since).total_seconds(), 0.0)
            oldest.add_metric([channel.channel], age)
            dead.add_metric([channel.channel], channel.dead)
            failing.add_metric([channel.channel], channel.failures)
        yield from (waiting, oldest, dead, failing)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **responses(),
    },
)
async def metrics(context: Ctx, actor: Caller) -> Response:
    """Depth, ages, durations, failures by class, on-time record, probes, outbox."""
    return Response(await asyncio.to_thread(context.figures.text), media_type=MEDIA_TYPE)
