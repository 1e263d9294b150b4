"""An installation's alerts on a clock that moves when told: real rules, store, delivery loop, senders and servers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from alerts_slack import CHANNEL, TOKEN, FakeSlack, fake_slack
from pydantic import SecretStr

from config.sections.alerts import AlertSettings, EmailSettings, SlackSettings
from integrations.email.sender import EmailSender
from integrations.slack.client import open_slack
from integrations.slack.sender import SlackSender
from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.observation import Observation, RunLook
from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import DepthPart, Job, JobStatus, Priority, QueueDepth
from scheduler.domain.outbox import ChannelHealth
from scheduler.domain.snapshot import Tonight
from scheduler.ports.store import Store
from scheduler.testing import FakeClock, MemoryStore

START = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)  # 03:00 in Kolkata
ZONE = "Asia/Kolkata"
DEADLINE = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)  # 06:00 there


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """What an SMTP server took; ``refuse`` is its answer instead of 250."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.refuse: str | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse is not None:
            return self.refuse
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    def text(self, number: int = -1) -> str:
        return str(self.mails[number].get_payload(decode=True).decode())  # type: ignore[union-attr]


@contextlib.contextmanager
def mail_server(box: Mailbox) -> Any:
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@dataclass
class AlertWorld:
    clock: FakeClock
    store: Store
    slack: FakeSlack
    box: Mailbox
    settings: AlertSettings
    look: Observation
    new: Callable[[], tuple[Evaluator, DeliveryLoop, tuple[Lane, ...]]]
    evaluator: Evaluator = field(init=False)
    loop: DeliveryLoop = field(init=False)
    lanes: tuple[Lane, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The process dies and another takes over: only the database is left."""
        self.evaluator, self.loop, self.lanes = self.new()

    def observe(self, **values: Any) -> None:
        self.look = replace(self.look, **values)

    def gather(self) -> Observation:
        known = {lane.sender.channel for lane in self.lanes}
        fares: tuple[ChannelHealth, ...] = tuple(h for h in self.store.channel_health() if h.channel in known)
        return replace(self.look, now=self.clock.now(), channels=fares)

    async def drain(self) -> None:
        """Deliver what is due at this moment."""
        for lane in self.lanes:
            for _ in range(100):
                if await self.loop.step(lane) > 0:
                    break

    async def run(self, seconds: float, *, every_s: float = 1.0) -> None:
        """Let time pass: rules every 30 s, delivery all the time."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < end:
            tick = int((self.clock.now() - START).total_seconds())
            if tick % 30 == 0:
                await self.evaluator.tick()
            await self.drain()
            self.clock.advance(every_s)


async def at_once(work: Callable[..., Any], *args: Any, **values: Any) -> Any:
    return work(*args, **values)


@contextlib.asynccontextmanager
async def alert_world(
    *, slack: bool = True, email: bool = True, store: Callable[[FakeClock], Store] = MemoryStore, **settings: Any
) -> AsyncGenerator[AlertWorld, None]:
    clock, box = FakeClock(START), Mailbox()
    kept = store(clock)
    async with fake_slack(lambda: clock.now().timestamp()) as server:
        with mail_server(box) as port:
            slack_settings = SlackSettings(
                bot_token=SecretStr(TOKEN),
                channel=CHANNEL,
                mention="<!subteam^S1>",
                api_url=f"{server.url}/api",
                call_timeout_s=1,
            )
            email_settings = EmailSettings(
                host="127.0.0.1", port=port, starttls=False, to=("ops@example.org",), call_timeout_s=20
            )
            alerts = AlertSettings(slack=slack_settings, email=email_settings, **settings)
            numbers = iter(range(1, 100_000))

            def new() -> tuple[Evaluator, DeliveryLoop, tuple[Lane, ...]]:
                lanes: list[Lane] = []
                if slack:
                    sender = SlackSender(
                        open_slack(slack_settings), CHANNEL, mention=slack_settings.mention, buttons=True
                    )
                    lanes.append(Lane(sender, interval_s=1.0, call_s=0.5))
                if email:
                    lanes.append(Lane(EmailSender(email_settings)))
                number = next(numbers)
                loop = DeliveryLoop(kept, lanes, f"loop-{number}", rng=random.Random(1), blocking=at_once)
                evaluator = Evaluator(
                    kept,
                    lambda: world.gather(),  # noqa: PLW0108 - there is no world yet
                    alerts,
                    clock,
                    "evaluator",
                    slack=slack,
                    plain=("email",) if email else (),
                    blocking=at_once,
                )
                return evaluator, loop, tuple(lanes)

            world = AlertWorld(clock, kept, server, box, alerts, Observation(now=START, zone=ZONE), new)
            yield world


def a_job(number: int = 1, status: JobStatus = JobStatus.FAILED, *, at: datetime = START, **values: Any) -> Job:
    error = JobError("manim answered 503", FailureClass.API_ERROR, at, stage="manim", provider="manim-api")
    fields: dict[str, Any] = {
        "id": f"{number:08d}-0000-4000-8000-000000000000",
        "seq": number,
        "job_type": "daily_ca",
        "priority": Priority.HIGH,
        "status": status,
        "payload": {"video_url": "https://cdn.example/v.mp4"} if status is JobStatus.COMPLETED else {},
        "retry_count": 3 if status is JobStatus.FAILED else 0,
        "max_retries": 3,
        "created_at": at,
        "updated_at": at,
        "completed_at": at if status.is_final else None,
        "error": error if status is JobStatus.FAILED else None,
    }
    return Job(**fields | values)


def failures(count: int, *, at: datetime = START) -> tuple[Job, ...]:
    """So many failed jobs, the last to fail first."""
    return tuple(a_job(n, at=at - timedelta(minutes=n)) for n in range(count))


def depth(queued: int, oldest_s: float = 10.0) -> QueueDepth:
    part = DepthPart(JobStatus.QUEUED, "daily_ca", Priority.NORMAL, queued)
    return QueueDepth({JobStatus.QUEUED: queued}, oldest_s, (part,))


def a_run(
    p50: datetime | None = None,
    p90: datetime | None = None,
    *,
    job: Job | None = None,
    ready_at: datetime | None = None,
    verdict: Verdict = Verdict.ON_TRACK,
    deadline: datetime = DEADLINE,
    due_at: datetime | None = START,
    held: bool = False,
    zone: str = ZONE,
    note: str = "rendering: manim · 40%",
) -> RunLook:
    tonight = Tonight(
        verdict=verdict,
        schedule="nightly",
        run_date=date(2026, 11, 21),
        timezone=zone,
        deadline_at=deadline,
        starts_at=None,
        job=job,
        render=None,
        stages=(),
        prediction=None if p50 is None else Prediction(p50, p90),
        slack_s=None,
        note=note,
    )
    return RunLook(tonight, due_at=due_at, ready_at=ready_at, held=held)


async def until(condition: Callable[[], Any], *, within_s: float = 60, every_s: float = 0.02) -> Any:
    async with asyncio.timeout(within_s):
        while True:
            found = condition()
            if found:
                return found
            await asyncio.sleep(every_s)
