"""Slack's buttons over real sockets: connections that fail in every way, presses that should work and should not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from alerts_slack import APP_TOKEN, CHANNEL, TOKEN, FakeSlack, fake_slack
from alerts_world import alert_world, at_once, failures, until
from pydantic import SecretStr
from test_alerts_faults import tell

from config.sections.alerts import SlackSettings
from config.settings import Settings
from console.bootstrap.reading import make_operations
from integrations.slack.client import open_slack
from integrations.slack.groups import UserGroups
from integrations.slack.presses import Presses
from integrations.slack.socket import SlackSocket
from scheduler.domain.alert import AlertState
from scheduler.domain.job import CancelOutcome, JobSpec, JobStatus
from scheduler.domain.outbox import SocketLook
from scheduler.operations import StoreOperations
from scheduler.ports.alert_store import AlertPlan
from scheduler.ports.audit import AuditFilter
from scheduler.ports.clock import SystemClock
from scheduler.store import open_store
from scheduler.store.sql_store import SqlStore

WATCHDOG_S = 1.5


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def slack_settings(slack: FakeSlack) -> SlackSettings:
    return SlackSettings(
        bot_token=SecretStr(TOKEN),
        app_token=SecretStr(APP_TOKEN),
        channel=CHANNEL,
        api_url=f"{slack.url}/api",
        call_timeout_s=2,
        may_acknowledge=("U1",),
        may_act=("U2",),
        teams=("T1",),
    )


@contextlib.asynccontextmanager
async def connected(slack: FakeSlack, on_press: object = None) -> AsyncGenerator[SlackSocket, None]:
    settings = slack_settings(slack)

    async def ignore(_payload: object) -> None:
        return

    socket = SlackSocket(
        lambda: open_slack(settings),
        APP_TOKEN,
        on_press or ignore,  # type: ignore[arg-type]
        SystemClock(),
        watchdog_s=WATCHDOG_S,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(socket.run(stop))
    try:
        yield socket
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await running


def up(socket: SlackSocket, slack: FakeSlack, times: int) -> Callable[[], bool]:
    return lambda: socket.look().down_since is None and slack.opened >= times


async def test_7_a_disconnect_frame_a_failed_redial_and_a_half_open_connection_are_overcome() -> None:
    async with fake_slack() as slack, connected(slack) as socket:
        await until(up(socket, slack, 1))
        await slack.say({"type": "disconnect", "reason": "refresh_requested"})
        await until(up(socket, slack, 2))
        slack.refuse_tickets = 2
        await slack.sockets[-1].close()
        await until(up(socket, slack, 3))
        slack.stale.add(slack.tickets + 1)
        await slack.sockets[-1].close()
        await until(up(socket, slack, 4))
        slack.silent = True  # the other end is gone, but TCP does not know
        await until(lambda: socket.look().down_since is not None)
        slack.silent = False
        await until(up(socket, slack, 5))
        assert socket.look() == SocketLook(None, 1)


async def test_7_a_revoked_token_and_a_second_copy_are_told_by_email() -> None:
    async with fake_slack() as slack:
        slack.app_error = "token_revoked"
        async with connected(slack) as socket:
            await until(lambda: "token_revoked" in (socket.look().error or ""))
            look = socket.look()
    async with alert_world() as world:
        world.observe(socket=SocketLook(world.clock.now(), 1, look.error))
        await world.run(59)
        assert world.box.mails == []
        await world.run(40)
        assert len(world.box.mails) == 1
        assert "Slack's buttons do not work" in world.box.subjects[0]
        assert "token was revoked" in world.box.text()
        assert world.slack.messages == []
        tell(
            7,
            "disconnect, failed redial, half-open, revoked token",
            world,
            "a new connection, or socket_down by e-mail",
        )
    async with fake_slack() as slack:
        slack.num_connections = 2
        async with connected(slack) as socket:
            await until(lambda: socket.look().connections == 2)


@dataclass
class Scene:
    slack: FakeSlack
    store: SqlStore
    operations: StoreOperations
    socket: SlackSocket
    alert_id: str
    job_id: str

    def audit(self, command: str) -> list[tuple[str, str]]:
        lines = self.operations.audit(wanted=AuditFilter(command=command)).items
        return [(line.entry.actor, line.entry.outcome.value) for line in reversed(lines)]


@contextlib.asynccontextmanager
async def press_scene(tmp_path: Path, **slack_values: object) -> AsyncGenerator[Scene, None]:
    async with fake_slack() as slack, alert_world() as world:
        settings = Settings(home=tmp_path).model_copy()
        alerts = settings.alerts.model_copy(update={"slack": slack_settings(slack).model_copy(update=slack_values)})
        settings = settings.model_copy(update={"alerts": alerts})
        store = open_store(f"sqlite:///{tmp_path / 'p.db'}", synchronous="NORMAL")
        operations = make_operations(settings, store)
        job = store.enqueue(JobSpec("daily_ca")).job
        world.observe(ended=failures(3))
        await world.evaluator.tick()
        # The alert of the other world's rules, put into this store with a job that is really there.
        [alert] = world.store.alerts().items
        alert = replace(alert, version=0, facts=replace(alert.facts, job_id=job.id))
        assert store.apply_alerts(AlertPlan((alert,)))
        presses = Presses(operations, open_slack(alerts.slack), alerts.slack, after=lambda: None, blocking=at_once)
        try:
            async with connected(slack, presses) as socket:
                await until(up(socket, slack, 1))
                yield Scene(slack, store, operations, socket, alert.id, job.id)
        finally:
            store.close()


async def test_who_is_in_a_listed_user_group_may_press_and_who_left_it_may_not(tmp_path: Path) -> None:
    async with fake_slack() as slack:
        settings = slack_settings(slack).model_copy(update={"may_acknowledge": ("S1",), "may_act": ("S2",)})
        slack.groups = {"S1": ["U7"], "S2": ["U8"]}
        now = [0.0]
        groups = UserGroups(open_slack(settings), clock=lambda: now[0])
        assert await groups.of("U7", ["S1", "S2"]) == {"S1"}
        assert await groups.of("U7", ["S9"]) == frozenset()  # no such group: nobody gets rights by it
        asked = len(slack.calls)
        slack.groups["S1"] = []
        assert await groups.of("U7", ["S1"]) == {"S1"}
        assert len(slack.calls) == asked
        now[0] = 301.0
        assert await groups.of("U7", ["S1"]) == frozenset()
    async with press_scene(tmp_path, may_acknowledge=("S1",), may_act=("S2",)) as scene:
        scene.slack.groups = {"S1": ["U7"], "S2": ["U8"]}
        await scene.slack.press("cancel", scene.alert_id, user="U7", ts="1.0", envelope="weak")
        await until(lambda: scene.slack.whispers)
        assert scene.audit("alert.press") == [("name-U7 U7", "refused")]
        await scene.slack.press("cancel", scene.alert_id, user="U8", ts="2.0", envelope="strong")
        await until(lambda: scene.store.get(scene.job_id).status is JobStatus.CANCELLED)


async def test_8_presses_of_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with press_scene(tmp_path) as scene:
        slack = scene.slack
        await slack.press("cancel", scene.alert_id, user="U1", ts="1.0", envelope="not-allowed")
        await until(lambda: slack.whispers)
        assert slack.whispers[-1][0] == "U1"
        assert "may_act" in slack.whispers[-1][1]
        assert scene.audit("alert.press") == [("name-U1 U1", "refused")]
        assert scene.store.get(scene.job_id).status is JobStatus.QUEUED

        await slack.press("acknowledge", scene.alert_id, user="U1", ts="2.0", envelope="ack")
        await until(lambda: scene.store.alert(scene.alert_id).state is AlertState.ACKED)
        await slack.press("acknowledge", scene.alert_id, user="U1", ts="2.0", envelope="twice")
        await until(lambda: len(scene.audit("alert.press")) == 3)
        assert scene.audit("alert.ack") == [("name-U1 U1", "done")]
        assert scene.audit("alert.press")[1:] == [("name-U1 U1", "done"), ("name-U1 U1", "refused")]

        def crash(*_args: object, **_values: object) -> CancelOutcome:
            raise ZeroDivisionError("a bug")

        with monkeypatch.context() as broken:
            broken.setattr(scene.store, "cancel", crash)
            await slack.press("cancel", scene.alert_id, user="U2", ts="3.0", envelope="crash")
            await until(lambda: "ZeroDivisionError" in slack.whispers[-1][1])
        assert scene.audit("alert.press")[-1] == ("name-U2 U2", "failed")
        assert scene.store.get(scene.job_id).status is JobStatus.QUEUED

        await slack.press("cancel", scene.alert_id, user="U2", ts="4.0", envelope="allowed")
        await until(lambda: scene.store.get(scene.job_id).status is JobStatus.CANCELLED)
        await slack.press("rerender", scene.alert_id, user="U2", ts="5.0", envelope="again")
        await until(lambda: scene.store.get(scene.job_id).status is JobStatus.QUEUED)
        await slack.press("details", scene.alert_id, user="U1", ts="6.0", envelope="details")
        await until(lambda: "3 daily_ca jobs failed" in slack.whispers[-1][1])
        await slack.press("mute", scene.alert_id, user="U1", ts="7.0", envelope="mute")
        await until(scene.store.mutes)

        open_alert = scene.store.alert(scene.alert_id)
        ended = replace(open_alert, state=AlertState.RESOLVED, resolved_at=open_alert.updated_at)
        assert scene.store.apply_alerts(AlertPlan((ended,)))
        await slack.press("acknowledge", scene.alert_id, user="U1", ts="8.0", envelope="late")
        await until(lambda: "resolved already" in slack.whispers[-1][1])
        assert scene.store.alert(scene.alert_id).state is AlertState.RESOLVED
        assert scene.operations.verify_audit().holds
        answered = [envelope for _, envelope in slack.answers]
        assert answered == ["not-allowed", "ack", "twice", "crash", "allowed", "again", "details", "mute", "late"]
        tell(8, "presses: not allowed, twice, resolved, crash", None, "denial or one effect, all in the audit trail")
