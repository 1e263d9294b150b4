"""Schedules, probes and processes: on every store."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from store_world import World

from scheduler.domain.job import Enqueued, JobSpec, Priority
from scheduler.domain.schedule import Fire, ScheduleDefinition
from scheduler.domain.service import Probe

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NIGHTLY = ScheduleDefinition(
    name="nightly",
    job_type="daily_ca",
    cron="0 3 * * mon-fri",
    timezone="Asia/Kolkata",
    deadline=time(6, 0),
    catch_up_s=10_800.0,
    payload={"edition": "हिन्दी"},
)
WEEKLY = ScheduleDefinition("weekly", "digest", "0 6 * * sun", "Europe/London", priority="low", enabled=False)


def fire_at(nominal: datetime, key: str) -> Fire:
    return Fire("nightly", nominal, nominal.date(), nominal + timedelta(hours=3), key)


FIRST = fire_at(datetime(2026, 11, 21, 3, 0, tzinfo=ZoneInfo("Asia/Kolkata")), "daily_ca:2026-11-21")
SECOND = fire_at(datetime(2026, 11, 22, 3, 0, tzinfo=ZoneInfo("Asia/Kolkata")), "daily_ca:2026-11-22")


def spec_of(fire: Fire) -> JobSpec:
    return JobSpec(
        "daily_ca",
        priority=Priority.HIGH,
        idempotency_key=fire.key,
        schedule_name=fire.schedule,
        run_date=fire.run_date,
        deadline_at=fire.deadline_at,
    )


def test_table_says_what_the_config_says(world: World) -> None:
    world.store.sync_schedules([WEEKLY, NIGHTLY], now=NOW)
    nightly, weekly = world.store.schedules()
    assert (nightly.definition, weekly.definition) == (NIGHTLY, WEEKLY)
    assert (nightly.last_fire, nightly.paused, nightly.skip_dates, nightly.last_job_id) == (NOW, False, (), None)


def test_operators_changes_survive_a_restart_and_an_edit(world: World) -> None:
    store = world.store
    store.sync_schedules([NIGHTLY], now=NOW)
    store.fire(FIRST, spec_of(FIRST))
    assert store.set_paused("nightly", paused=True)
    assert store.set_skip_dates("nightly", [date(2026, 11, 25), date(2026, 11, 24), date(2026, 11, 25)])
    edited = replace(NIGHTLY, cron="30 2 * * *", deadline=None)
    world.another().sync_schedules([edited], now=NOW + timedelta(days=2))
    (state,) = store.schedules()
    assert state.definition == edited
    assert state.paused
    assert state.skip_dates == (date(2026, 11, 24), date(2026, 11, 25))
    assert state.last_fire == FIRST.nominal
    assert state.last_job_id is not None


def test_schedule_taken_out_and_put_back_is_new_but_for_its_pause(world: World) -> None:
    store = world.store
    store.sync_schedules([NIGHTLY], now=NOW)
    store.set_paused("nightly", paused=True)
    store.sync_schedules([], now=NOW)
    assert store.schedules() == []
    assert not store.set_paused("nightly", paused=False)
    assert not store.set_skip_dates("nightly", [])
    assert store.fire(FIRST, spec_of(FIRST)) is None
    later = NOW + timedelta(days=7)
    store.sync_schedules([NIGHTLY], now=later)
    (state,) = store.schedules()
    assert (state.last_fire, state.paused) == (later, True)


def test_unknown_schedule_is_said_to_be_unknown(world: World) -> None:
    assert not world.store.set_paused("nightly", paused=True)
    assert not world.store.set_skip_dates("nightly", [])
    assert world.store.fire(FIRST, spec_of(FIRST)) is None
    world.store.advance("nightly", NOW)


def test_fire_makes_the_job_and_moves_last_fire_together(world: World) -> None:
    world.store.sync_schedules([NIGHTLY], now=NOW)
    fired = world.store.fire(FIRST, spec_of(FIRST))
    assert fired is not None
    assert fired.created
    assert fired.job.idempotency_key == FIRST.key
    assert (fired.job.run_date, fired.job.deadline_at) == (FIRST.run_date, FIRST.deadline_at)
    (state,) = world.store.schedules()
    assert (state.last_fire, state.last_job_id) == (FIRST.nominal, fired.job.id)


def test_double_fire_does_nothing(world: World) -> None:
    world.store.sync_schedules([NIGHTLY], now=NOW)
    answers: list[Enqueued | None] = []
    stores = [world.store, world.another()]

    def tick(number: int) -> None:
        answers.append(stores[number % 2].fire(FIRST, spec_of(FIRST)))

    threads = [threading.Thread(target=tick, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer is not None for answer in answers) == 1
    assert len(world.store.list().items) == 1


def test_fire_of_a_run_that_was_started_by_hand_keeps_that_job(world: World) -> None:
    world.store.sync_schedules([NIGHTLY], now=NOW)
    by_hand = world.store.enqueue(spec_of(FIRST)).job
    fired = world.store.fire(FIRST, spec_of(FIRST))
    assert fired is not None
    assert not fired.created
    assert fired.job.id == by_hand.id
    assert world.store.schedules()[0].last_fire == FIRST.nominal


def test_last_fire_never_moves_back(world: World) -> None:
    world.store.sync_schedules([NIGHTLY], now=NOW)
    assert world.store.fire(SECOND, spec_of(SECOND)) is not None
    assert world.store.fire(FIRST, spec_of(FIRST)) is None
    world.store.advance("nightly", FIRST.nominal)
    assert world.store.schedules()[0].last_fire == SECOND.nominal
    assert len(world.store.list().items) == 1


def test_advance_moves_without_a_job(world: World) -> None:
    world.store.sync_schedules([NIGHTLY], now=NOW)
    world.store.advance("nightly", FIRST.nominal)
    assert world.store.schedules()[0].last_fire == FIRST.nominal
    assert world.store.list().items == ()


def test_fire_without_a_key_in_the_spec_takes_the_fires(world: World) -> None:
    world.store.sync_schedules([NIGHTLY], now=NOW)
    fired = world.store.fire(FIRST, JobSpec("daily_ca"))
    assert fired is not None
    assert fired.job.idempotency_key == FIRST.key


def test_probes_are_the_last_ones_oldest_first(world: World) -> None:
    probes = [
        Probe("manim", NOW + timedelta(seconds=n), ok=n % 2 == 0, degraded=n == 4, latency_ms=n + 0.5, http_status=200)
        for n in range(5)
    ]
    for probe in probes:
        world.store.add_probe(probe)
    other = Probe("revideo", NOW, ok=False, error="connection refused")
    world.store.add_probe(other)
    assert world.store.probes("manim") == probes
    assert world.store.probes("manim", limit=2) == probes[-2:]
    assert world.store.probes("revideo") == [other]
    assert world.store.prune_probes(before=NOW + timedelta(seconds=3)) == 4
    assert world.store.probes("manim") == probes[3:]
    assert world.store.probes("revideo") == []


def test_process_is_alive_while_it_beats(world: World) -> None:
    store = world.store
    started = NOW - timedelta(hours=1)
    store.beat("a", kind="serve", host="h", pid=1, started_at=started)
    world.advance(20)
    store.beat("b", kind="worker", host="h", pid=2, started_at=started)
    world.advance(15)
    assert [(p.id, p.alive) for p in store.processes()] == [("b", True), ("a", False)]
    store.beat("a", kind="serve", host="h", pid=1, started_at=started)
    first, _ = store.processes(fresh_s=10)
    assert (first.id, first.kind, first.host, first.pid, first.started_at) == ("a", "serve", "h", 1, started)
    assert first.alive
    store.forget_process("a")
    store.forget_process("never there")
    assert [p.id for p in store.processes()] == ["b"]


def test_naive_times_are_refused(sql_world: World) -> None:
    with pytest.raises(ValueError, match="naive"):
        sql_world.store.add_probe(Probe("manim", datetime(2026, 11, 20, 3, 0), ok=True))  # noqa: DTZ001 - the point
