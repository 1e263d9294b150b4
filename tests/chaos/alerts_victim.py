"""A process that tells of trouble until it kills itself at a given boundary; started by ``test_chaos_alerts``."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from config.sections.alerts import AlertSettings, SlackSettings
from integrations.slack.client import open_slack
from integrations.slack.sender import SlackSender
from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.observation import Observation
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.outbox import Answer, Delivery
from scheduler.ports.clock import SystemClock
from scheduler.queue.owner import make_owner
from scheduler.store import open_store

BOUNDARIES = ("before-transition", "after-transition", "after-lease", "after-send", "after-record")


def failed(number: int, job_type: str, at: datetime) -> Job:
    return Job(
        id=f"{job_type}-{number}",
        seq=number,
        job_type=job_type,
        priority=Priority.HIGH,
        status=JobStatus.FAILED,
        payload={},
        retry_count=0,
        max_retries=3,
        created_at=at,
        updated_at=at,
        error=JobError("503", FailureClass.API_ERROR, at),
    )


class Dying:
    """Passes calls on, and kills the process at its boundary."""

    def __init__(self, boundary: str, passes: int) -> None:
        self.boundary, self.passes = boundary, passes

    def at(self, boundary: str) -> None:
        if boundary == self.boundary:
            self.passes -= 1
            if self.passes <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class DyingStore:
    def __init__(self, store: Any, dying: Dying) -> None:
        self._store, self._dying = store, dying

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply_alerts(self, plan: Any) -> bool:
        self._dying.at("before-transition")
        done = self._store.apply_alerts(plan)
        self._dying.at("after-transition")
        return bool(done)

    def claim_delivery(self, *args: Any, **values: Any) -> Any:
        # Short, so that the next process need not wait long for a dead one's lease.
        claimed = self._store.claim_delivery(*args, **(values | {"lease_s": 0.3}))
        if claimed is not None:
            self._dying.at("after-lease")
        return claimed

    def record_delivery(self, *args: Any, **values: Any) -> Any:
        kept = self._store.record_delivery(*args, **values)
        self._dying.at("after-record")
        return kept


class DyingSender:
    channel = "slack"

    def __init__(self, sender: SlackSender, dying: Dying) -> None:
        self._sender, self._dying = sender, dying

    async def send(self, delivery: Delivery) -> Answer:
        answer = await self._sender.send(delivery)
        self._dying.at("after-send")
        return answer

    async def find(self, delivery: Delivery) -> Any:
        return await self._sender.find(delivery)


async def tell(url: str, slack_url: str, boundary: str, passes: int, troubles: int) -> None:
    dying, owner = Dying(boundary, passes), make_owner()
    real = open_store(url, synchronous="NORMAL", migrate=False)
    store: Any = DyingStore(real, dying)
    settings = SlackSettings(bot_token=SecretStr("xoxb-test"), channel="C0TEST", api_url=f"{slack_url}/api")
    lane = Lane(DyingSender(SlackSender(open_slack(settings), "C0TEST"), dying), call_s=10)  # type: ignore[arg-type]
    loop = DeliveryLoop(store, [lane], owner, rng=random.Random(1), poll_s=0.05)
    now = datetime.now(UTC)

    def look() -> Observation:
        jobs = tuple(failed(n, f"type{t}", now) for t in range(troubles) for n in range(3))
        return replace(Observation(datetime.now(UTC)), ended=jobs)

    evaluator = Evaluator(store, look, AlertSettings(group_above=100), SystemClock(), owner, slack=True)
    await evaluator.tick()
    while True:
        pause = await loop.step(lane)
        if pause > 0:
            if real.next_delivery_in("slack") is None:
                break
            await asyncio.sleep(0.02)
    real.close()


def run(url: str, slack_url: str, boundary: str, passes: int, troubles: int) -> None:
    """The process."""
    asyncio.run(tell(url, slack_url, boundary, passes, troubles))
