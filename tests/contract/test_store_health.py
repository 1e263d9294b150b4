"""Roll-ups, transitions and maintenance of services: one suite, every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_world import World

from scheduler.domain.service import HOUR_S, WINDOW_S, Probe, Rollup, ServiceState, ServiceTransition

BEGIN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def test_probes_of_a_time_come_oldest_first_without_the_last_moment(world: World) -> None:
    probes = [
        Probe("manim", BEGIN + timedelta(seconds=10 * n), ok=n != 2, latency_ms=float(n), doubtful=n == 2)
        for n in range(5)
    ]
    for probe in (*probes, replace(probes[1], service="tts")):
        world.store.add_probe(probe)
    assert world.store.probes_between("manim", probes[1].at, probes[4].at) == probes[1:4]
    assert world.store.probes("manim") == probes


def test_rollups_are_replaced_and_pruned_by_span(world: World) -> None:
    store = world.store
    hours = [Rollup("manim", BEGIN + timedelta(hours=n), HOUR_S, 240, n, 4.0, 9.5, 20.0, 31.0) for n in range(3)]
    window = Rollup("manim", BEGIN, WINDOW_S, 20, 20)
    store.put_rollups([*hours, window])
    better = replace(hours[2], failures=0)
    store.put_rollups([better])
    assert store.rollups("manim", HOUR_S, limit=2) == [hours[1], better]
    assert store.rollups("manim", WINDOW_S) == [window]
    assert store.rollups("tts", HOUR_S) == []
    assert store.prune_rollups(HOUR_S, before=hours[2].start) == 2
    assert store.rollups("manim", HOUR_S) == [better]
    assert store.rollups("manim", WINDOW_S) == [window]


def test_a_transition_that_another_process_saw_too_is_kept_once(world: World) -> None:
    store = world.store
    down = ServiceTransition("manim", BEGIN, ServiceState.UP, ServiceState.DOWN, "nothing answers")
    up = ServiceTransition("manim", BEGIN + timedelta(minutes=3), ServiceState.DOWN, ServiceState.UP)
    assert store.add_transition(down)
    assert not world.another().add_transition(replace(down, at=BEGIN + timedelta(seconds=1)))
    assert store.add_transition(up)
    assert store.add_transition(replace(down, service="tts"))
    assert store.transitions("manim") == [up, down]
    assert store.transitions("manim", limit=1) == [up]


def test_maintenance_ends_by_the_databases_clock_or_by_hand(world: World) -> None:
    store = world.store
    out = store.set_maintenance("manim", for_s=60, by="asha (cli)")
    assert (out.service, out.by) == ("manim", "asha (cli)")
    assert out.until - out.since == pytest.approx(timedelta(seconds=60), abs=timedelta(seconds=1))
    assert [one.service for one in store.maintenance()] == ["manim"]
    longer = store.set_maintenance("manim", for_s=600, by="ravi (tui)")
    assert store.maintenance() == [longer]
    world.advance(601)
    assert store.maintenance() == []
    assert not store.end_maintenance("manim")
    store.set_maintenance("manim", for_s=60, by="asha (cli)")
    assert store.end_maintenance("manim")
    assert store.maintenance() == []
