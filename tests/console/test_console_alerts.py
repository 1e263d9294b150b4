"""The alerts screen over a real installation: what fires, acknowledge, mute, unmute, and as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from console_world import NOW, ZONE
from screens_world import OPERATOR, VIEWER, Installation
from test_console_screens import SIZES, shows

from console.moments import length_problem, parse_length
from scheduler.domain.alert import Alert, AlertEvent, AlertState, Facts, Rule, Severity
from scheduler.domain.outbox import NewDelivery
from scheduler.ports.alert_store import AlertPlan
from scheduler.recording.marks import alert_marks
from scheduler.replay import alert_as_of

FIRED = NOW - timedelta(minutes=7)
ALERT = Alert(
    id="a1e7-1",
    fingerprint="service_down|manim|",
    rule=Rule.SERVICE_DOWN,
    subject="manim",
    period="",
    severity=Severity.CRITICAL,
    state=AlertState.FIRING,
    facts=Facts(
        "manim is down", ("3 probes in a row failed.", "Static cards render instead."), "predawn services check"
    ),
    created_at=FIRED,
    updated_at=FIRED,
    began_at=FIRED,
    fired_at=FIRED,
    unacked_since=FIRED,
    count=2,
    zone=ZONE,
)


def here_with_alerts(folder: Path) -> Installation:
    here = Installation(folder)
    event = AlertEvent(ALERT.id, FIRED, "fired", "3 failures in a row")
    told = NewDelivery("slack", "state", ALERT.id, alert_id=ALERT.id)
    over = replace(
        ALERT,
        id="b2f8-2",
        fingerprint="queue_depth||",
        rule=Rule.QUEUE_DEPTH,
        state=AlertState.RESOLVED,
        facts=Facts("21 jobs wait"),
        resolved_at=NOW,
    )
    assert here.store.apply_alerts(AlertPlan(alerts=(ALERT, over), events=(event,), deliveries=(told,)))
    return here


@pytest.mark.parametrize("size", SIZES)
async def test_it_opens_without_an_alert_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with Installation(tmp_path).app().run_test(size=size) as pilot:
        await pilot.press("6")
        await shows(pilot, "no alert has ever fired")


async def test_what_fires_comes_first_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    async with here_with_alerts(tmp_path).app().run_test(size=(100, 40)) as pilot:
        await pilot.press("6")
        seen = await shows(pilot, "Static cards render instead.")
        assert seen.index("manim is down (2 times)") < seen.index("21 jobs wait")
        assert "1 open" in seen
        assert "do   predawn services check" in seen
        assert "fired 3 failures in a row" in seen.replace("  ", " ")
        assert "slack" in seen
        assert "0 tries" in seen
        await pilot.press("down")
        await shows(pilot, "nobody has been told")


async def test_it_is_acknowledged_muted_and_heard_again_by_key(tmp_path: Path) -> None:
    here = here_with_alerts(tmp_path)
    async with here.app().run_test(size=(100, 40)) as pilot:
        await pilot.press("6")
        await shows(pilot, "✖ firing")
        await pilot.press("m")
        await shows(pilot, "Mute: manim is down")
        await pilot.press("end", "ctrl+u", *"soon", "enter")
        await shows(pilot, "is no length of time")
        await pilot.press("end", "ctrl+u", *"2h", "enter")
        await shows(pilot, "muted until 05:12")
        await shows(pilot, "– muted")
        await pilot.press("M")
        await shows(pilot, "heard again")
        await pilot.press("a")
        await shows(pilot, "acknowledged, no repeats until")
        await shows(pilot, "◐ acked")
    commands = [line.entry.command for line in here.operations.audit().items]
    assert commands == ["alert.ack", "alert.unmute", "alert.mute"]


async def test_a_viewer_cannot(tmp_path: Path) -> None:
    here = here_with_alerts(tmp_path)
    async with here.app(VIEWER).run_test(size=(100, 40)) as pilot:
        await pilot.press("6")
        await shows(pilot, "firing")
        await pilot.press("a")
        await shows(pilot, "needs the role operator")
        await pilot.press("m")
        await shows(pilot, "mute: needs the role operator")
    assert here.operations.mutes() == ()


def test_alerts_as_they_stood() -> None:
    acked = replace(ALERT, state=AlertState.RESOLVED, acked_at=FIRED + timedelta(minutes=2), resolved_at=NOW)
    assert alert_as_of(acked, NOW).state is AlertState.RESOLVED
    assert alert_as_of(acked, FIRED + timedelta(minutes=3)).state is AlertState.ACKED
    assert alert_as_of(acked, FIRED + timedelta(minutes=1)).state is AlertState.FIRING
    assert alert_as_of(acked, FIRED - timedelta(minutes=1)).state is AlertState.PENDING


def test_alerts_are_moments_worth_a_look() -> None:
    assert alert_marks(None, (ALERT,), NOW) == ()
    [fired] = alert_marks((), (ALERT,), NOW)
    [over] = alert_marks((ALERT,), (), NOW)
    assert (fired.text, over.text) == ("critical: manim is down", "over: manim is down")
    assert alert_marks((ALERT,), (ALERT,), NOW) == ()


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h", 3600), (" 1.5 h ", 5400), ("2d", 172_800)])
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert parse_length(text) == seconds
    assert length_problem(text) is None


@pytest.mark.parametrize("text", ["", "0m", "-1h", "later", "5"])
def test_what_is_no_length_of_time(text: str) -> None:
    assert length_problem(text) is not None


assert OPERATOR
