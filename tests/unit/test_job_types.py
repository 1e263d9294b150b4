"""Job types: limits changed and types paused through ``Operations``, over HTTP and on the command line."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from config.settings import Settings
from console.bootstrap.reading import make_operations
from console.cli.main import app as command_line
from scheduler.api.app import make_api
from scheduler.api.context import ApiOptions
from scheduler.domain.access import Role
from scheduler.domain.audit import AuditOutcome
from scheduler.domain.job import JobSpec, QueueConfig
from scheduler.domain.limits import LimitsChange
from scheduler.logs import quiet
from scheduler.ports.operations import Actor, InvalidError, NotFoundError
from scheduler.store import open_store
from scheduler.testing import FakeClock, MemoryStore

ANN = Actor("ann", "cli", role=Role.OPERATOR)
ADMIN = Actor("root", "cli", role=Role.ADMIN)


def test_types_are_paused_and_limited_and_the_audit_says_by_whom() -> None:
    store = MemoryStore(FakeClock(datetime.now(UTC)))
    operations = make_operations(Settings(home=Path("/nowhere")), store)
    store.enqueue(JobSpec("of another application"))
    states = {state.limits.job_type: state for state in operations.job_types()}
    assert {"daily_ca", "doubt", "of another application"} <= set(states)
    assert (states["of another application"].queued, states["of another application"].processing) == (1, 0)
    assert operations.pause_type("of another application", paused=True, actor=ANN).paused
    assert store.claim("w", limit=1, lease_s=9) == []
    assert operations.pause_type("of another application", paused=True, actor=ANN).paused
    assert not operations.pause_type("of another application", paused=False, actor=ANN).paused
    assert len(store.claim("w", limit=1, lease_s=9)) == 1
    limited = operations.set_limits("daily_ca", LimitsChange(concurrency=2, timeout_s=0.0), actor=ANN)
    assert (limited.concurrency, limited.timeout_s, limited.max_retries) == (2, 0.0, 3)
    with pytest.raises(NotFoundError, match=r"there are: .*daily_ca"):
        operations.pause_type("daly_ca", paused=True, actor=ANN)
    lines = [(line.entry.command, line.entry.target, line.entry.outcome) for line in store.audit_chain()]
    type_name = "of another application"
    assert lines == [
        ("type.pause", type_name, AuditOutcome.DONE),
        ("type.pause", type_name, AuditOutcome.REFUSED),
        ("type.pause", type_name, AuditOutcome.DONE),
        ("type.limits", "daily_ca", AuditOutcome.DONE),
        ("type.pause", "daly_ca", AuditOutcome.REFUSED),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (LimitsChange(concurrency=0), "concurrency must be a number from 1"),
        (LimitsChange(timeout_s=-1.0), "timeout_s must be"),
        (LimitsChange(retry_delay_s=math.nan), "retry_delay_s must be"),
        (LimitsChange(max_retries=2**40), "max_retries must be"),
        (LimitsChange(), "no limit was given"),
    ],
)
def test_what_no_limit_can_be_is_refused(change: LimitsChange, words: str) -> None:
    operations = make_operations(Settings(home=Path("/nowhere")), MemoryStore(FakeClock(datetime.now(UTC))))
    with pytest.raises(InvalidError, match=words):
        operations.set_limits("daily_ca", change, actor=ANN)


async def test_over_http() -> None:
    quiet()
    store = MemoryStore(FakeClock(datetime.now(UTC)))
    operations = make_operations(Settings(home=Path("/nowhere")), store)
    tokens = {role: operations.add_token(role.value, role=role, actor=ADMIN) for role in (Role.VIEWER, Role.OPERATOR)}
    viewer, operator = ({"Authorization": f"Bearer {tokens[role]}"} for role in (Role.VIEWER, Role.OPERATOR))
    transport = httpx.ASGITransport(make_api(operations, ApiOptions(version="1")), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://predawn/api/admin") as client:
        assert (await client.post("/types/doubt/pause", headers=viewer)).status_code == 403
        assert (await client.post("/types/doubt/pause", headers=operator)).json()["paused"] is True
        listed = {one["job_type"]: one for one in (await client.get("/types", headers=viewer)).json()["items"]}
        assert listed["doubt"] == {
            "job_type": "doubt", "concurrency": 10, "timeout_s": 600.0, "max_retries": 3, "retry_delay_s": 300.0,
            "paused": True, "queued": 0, "processing": 0,
        }  # fmt: skip
        assert (await client.post("/types/doubt/resume", headers=operator)).json()["paused"] is False
        limited = await client.post("/types/doubt/limits", json={"concurrency": 1}, headers=operator)
        assert limited.json()["concurrency"] == 1
        for wrong in ({"concurrency": 0}, {"paused": True}, {}):
            assert (await client.post("/types/doubt/limits", json=wrong, headers=operator)).status_code == 422
        assert (await client.post("/types/none/resume", headers=operator)).status_code == 404
    assert store.queue_configs() == [QueueConfig("doubt", concurrency=1)]


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def predawn(*words: str) -> str:
        command_line(["--home", str(tmp_path), *words], standalone_mode=False)
        return capsys.readouterr().out

    assert json.loads(predawn("types", "pause", "daily_ca", "--json"))["paused"] is True
    predawn("types", "limits", "daily_ca", "--concurrency", "2", "--timeout-s", "10800")
    (row,) = [line for line in predawn("types", "list").splitlines() if line.startswith("daily_ca ")]
    assert row.split() == ["daily_ca", "paused", "0", "0", "2", "3h", "3", "5m"]
    assert json.loads(predawn("types", "resume", "daily_ca", "--json"))["paused"] is False
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}")
    assert store.queue_config("daily_ca") == QueueConfig("daily_ca", concurrency=2, timeout_s=10_800)
    store.close()
