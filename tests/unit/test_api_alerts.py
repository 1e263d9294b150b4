"""Alerts and the outbox over HTTP, asked without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx

from config.settings import Settings
from console.bootstrap.reading import make_operations
from scheduler.api.app import make_api
from scheduler.api.context import ApiOptions
from scheduler.domain.access import Role
from scheduler.domain.alert import Alert, AlertEvent, AlertState, Facts, Rule, Severity
from scheduler.domain.outbox import NewDelivery
from scheduler.logs import quiet
from scheduler.ports.alert_store import AlertPlan
from scheduler.ports.operations import Actor
from scheduler.testing import FakeClock, MemoryStore

AT = datetime(2026, 11, 20, 22, 10, tzinfo=UTC)
ADMIN = Actor("root", "cli", role=Role.ADMIN)


async def test_alerts_are_read_seen_to_and_kept_quiet_by_who_may() -> None:
    quiet()
    store = MemoryStore(FakeClock(AT))
    operations = make_operations(Settings(home=Path("/nowhere")), store)
    alert = Alert(
        "0001-manim", "service_down|manim|", Rule.SERVICE_DOWN, "manim", "", Severity.WARNING, AlertState.FIRING,
        Facts("Manim is down", ("refused 3 times",), "predawn services"), AT, AT, AT, fired_at=AT, count=1,
    )  # fmt: skip
    said = NewDelivery("slack", "state", alert.id, alert_id=alert.id)
    event = AlertEvent(alert.id, AT, "fired", alert.facts.title)
    assert store.apply_alerts(AlertPlan((alert,), events=(event,), deliveries=(said,)))
    tokens = {role: operations.add_token(role.value, role=role, actor=ADMIN) for role in (Role.VIEWER, Role.OPERATOR)}
    viewer, operator = ({"Authorization": f"Bearer {tokens[role]}"} for role in (Role.VIEWER, Role.OPERATOR))
    api = make_api(operations, ApiOptions(version="1"))
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://predawn/api/admin") as client:
        page = (await client.get("/alerts", params={"state": "firing"}, headers=viewer)).json()
        assert [(one["id"], one["rule"], one["state"]) for one in page["items"]] == [
            (alert.id, "service_down", "firing")
        ]
        detail = (await client.get("/alerts/0001", headers=viewer)).json()
        assert detail["facts"]["title"] == "Manim is down"
        assert [one["kind"] for one in detail["events"]] == ["fired"]
        assert [one["channel"] for one in detail["deliveries"]] == ["slack"]
        assert (await client.post("/alerts/0001/ack", headers=viewer)).status_code == 403
        acked = await client.post("/alerts/0001/ack", headers=operator)
        assert (acked.status_code, acked.json()["state"], acked.json()["acked_by"]) == (200, "acked", "operator")
        short = await client.post("/alerts/0001/mute", json={"for_s": 5}, headers=operator)
        assert short.status_code == 422
        muted = await client.post("/alerts/0001/mute", json={"for_s": 3600}, headers=operator)
        assert muted.json()["until"].startswith("2026-11-20T23:10")
        assert len(operations.mutes()) == 1
        assert (await client.post("/alerts/0001/unmute", headers=operator)).status_code == 204
        assert operations.mutes() == ()
        assert (await client.get("/alerts/none", headers=viewer)).status_code == 404
        assert (await client.post("/alerts/test", json={"channel": "email"}, headers=viewer)).status_code == 403
        assert (await client.post("/alerts/test", json={"channel": "pigeon"}, headers=operator)).status_code == 422
        tried = (await client.post("/alerts/test", json={"channel": "email"}, headers=operator)).json()
        assert (tried["fine"], tried["steps"][0]["what"]) == (False, "settings")
        [row] = (await client.get("/outbox", params={"channel": "slack"}, headers=viewer)).json()["items"]
        again = await client.post(f"/outbox/{row['id']}/retry", headers=operator)
        assert (again.status_code, again.json()["state"]) == (200, "queued")
        assert (await client.post("/outbox/none/retry", headers=operator)).status_code == 404
        await api.close()
    done = [line.entry.command for line in operations.audit().items if line.entry.actor == "operator"]
    assert done[0] == "outbox.retry"
