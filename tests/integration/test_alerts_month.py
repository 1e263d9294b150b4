"""Simulated nights under the eyes of the rules: does every incident make one alert, in time, and nothing else any?

The short form; ``predawn simulate --alerts`` plays the thirty nights of the table in docs/alerts.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from console.bootstrap.simulate import Asked, make_plan
from scheduler.logs import quiet
from scheduler.simulate.truth import warned_min
from scheduler.simulate.watched import watch

SEED, NIGHTS = 219, 2


@pytest.mark.timeout(600)
def test_every_incident_of_some_nights_makes_one_alert_in_time_and_nothing_else_does(tmp_path: Path) -> None:
    quiet()
    settings = Settings(home=tmp_path)
    rows, wrong = watch(make_plan(settings, Asked(nights=NIGHTS, seed=SEED, history=False)), settings)
    assert wrong == []
    assert {kind: row.unseen for kind, row in rows.items()} == dict.fromkeys(rows, 0)
    assert {kind: row.alerts - row.incidents for kind, row in rows.items()} == dict.fromkeys(rows, 0)
    assert sum(row.incidents for row in rows.values()) >= 6
    early = warned_min(rows)
    assert early is not None
    assert early >= 20
