"""Tonight over a real installation: open alerts that can be seen to from there, and the queue's depth over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from console_world import NOW, screen_text
from screens_world import OPERATOR, Installation
from test_console_alerts import ALERT, here_with_alerts
from test_console_draw import frame, text
from test_console_past import Night
from test_console_screens import shows

from console.tui.draw.depth import depth_spark, draw_depth, squeeze
from console.tui.signs import ASCII, UNICODE
from scheduler.domain.alert import Facts, Severity
from scheduler.domain.job import JobSpec
from scheduler.domain.recording import DepthHistory
from scheduler.ports.alert_store import AlertPlan


def two_alerts(folder: Path) -> Installation:
    here = here_with_alerts(folder)
    warning = replace(
        ALERT,
        id="c3a9-3",
        fingerprint="queue_depth||",
        severity=Severity.WARNING,
        facts=Facts("31 jobs wait"),
        began_at=NOW - timedelta(hours=2),
    )
    assert here.store.apply_alerts(AlertPlan(alerts=(warning,)))
    return here


@pytest.mark.parametrize(("size", "both"), [((60, 20), False), ((80, 24), False), ((160, 48), True)])
async def test_the_worst_open_alert_stands_under_the_verdict_at_every_size(
    tmp_path: Path, size: tuple[int, int], both: bool
) -> None:
    async with two_alerts(tmp_path).app().run_test(size=size) as pilot:
        seen = await shows(pilot, "manim is down")
        assert ("31 jobs wait" in seen) is both
        assert ("+1 · a ack" in seen) is not both
        assert seen.index("manim is down") < seen.index("─ Stages")


async def test_an_alert_is_acknowledged_from_tonight_and_gives_way_to_what_nobody_sees_to(tmp_path: Path) -> None:
    here = two_alerts(tmp_path)
    async with here.app().run_test(size=(100, 40)) as pilot:
        await shows(pilot, "31 jobs wait")
        await pilot.press("a")
        seen = await shows(pilot, "acknowledged, no repeats until")
        assert seen.index("31 jobs wait") < seen.index("acked  ")
        assert here.operations.alert(ALERT.id).alert.acked_by == OPERATOR.name
        await pilot.press("shift+tab", "enter")
        await shows(pilot, "Alerts · 2 open")


async def test_without_an_alert_nothing_stands_there(tmp_path: Path) -> None:
    async with Installation(tmp_path).app().run_test(size=(80, 24)) as pilot:
        await shows(pilot, "03:12:30")
        await pilot.press("a")
        await shows(pilot, "no alert is open")
        assert not pilot.app.screen.query_one("#alarms").display


async def test_the_queue_is_shown_over_time_also_as_it_was(tmp_path: Path) -> None:
    night = Night(tmp_path)
    try:
        for n in range(25):
            night.here.store.enqueue(JobSpec("daily_ca", idempotency_key=f"more-{n}"))
        night.keep()
        found = night.here.operations.queue_depths(hours=0.25, steps=15)
        assert found.queued == (None,) * 5 + (0, 0, 1, 1) + (0,) * 5 + (26,)
        async with night.here.app().run_test(size=(110, 30)) as pilot:
            seen = await shows(pilot, "alert >20")
            assert "█ alert >20" in seen
            await pilot.press("left_parenthesis")
            await shows(pilot, "PAST")
            for _ in range(200):
                if "█ alert >" not in (seen := screen_text(pilot.app)):
                    break
                await pilot.pause(0.02)
            assert "alert >20" in seen
    finally:
        night.close()


def test_only_what_is_above_the_alerts_line_fills_its_cell() -> None:
    pieces = depth_spark((None, 0, 10, 20, 21), 5, 20, UNICODE)
    assert "".join(sign for sign, _ in pieces) == " ▁▄▇█"
    assert "".join(sign for sign, _ in depth_spark((0, 20, 21), 3, 20, ASCII)) == "_#@"
    assert squeeze((1, 5, None, None, 2, 0), 3) == [5, None, 2]


@pytest.mark.parametrize("width", [56, 76, 120, 160])
def test_a_spark_beside_the_counts_and_a_chart_where_there_is_room(width: int) -> None:
    history = DepthHistory(NOW, 60.0, (0,) * 60 + (30,) * 10 + (4,) * 50, 20)
    narrow = text(draw_depth(frame(width=width, columns=width, rows=24), history))
    assert "█" in narrow
    assert "alert >20" in narrow
    assert max(map(len, narrow.splitlines())) <= width
    large = text(draw_depth(frame(width=width, columns=160, rows=50), history)).splitlines()
    assert len(large) == 6
    assert large[2].startswith("─")
    assert "█" in large[2]
