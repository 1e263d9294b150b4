"""What the rules look at: one immutable picture, put together by ``gather`` or by a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.domain.job import Job, QueueDepth
from scheduler.domain.outbox import ChannelHealth, SocketLook
from scheduler.domain.service import ServiceHealth
from scheduler.domain.snapshot import ProcessInfo, Tonight


@dataclass(frozen=True, slots=True)
class RunLook:
    """The run of one schedule that matters now.

    Attributes:
        tonight: as the console shows it.
        due_at: when it should have started; None: not known.
        ready_at: when its first video was out.
        held: paused or skipped by an operator: nothing is expected of it.
    """

    tonight: Tonight
    due_at: datetime | None = None
    ready_at: datetime | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class OutputLook:
    """What a job that ended left behind.

    Attributes:
        exists: whether its video is there (None: it is elsewhere and was not looked for).
        duration_s: of the video, as its job says.
        render_s: seconds its last render took.
        problem: what verification said of it, for a job that failed there.
    """

    job: Job
    exists: bool | None = None
    duration_s: float | None = None
    render_s: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SlaLook:
    """The on-time record of a schedule, one sample a day.

    Attributes:
        samples: days that count.
        misses: days late or without a video.
        allowed: misses that the target leaves room for.
        target: 0.95.
        last_miss: for the message.
    """

    schedule: str
    days: int
    samples: int
    misses: int
    allowed: float
    target: float
    last_miss: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look.

    Attributes:
        ended: jobs that ended, the last to end first, over all types.
        channels: how the channels fare that are set up.
        socket: None where Slack's buttons are not set up.
        zone: time zone in which times are told that have none of their own.
    """

    now: datetime
    runs: tuple[RunLook, ...] = ()
    depth: QueueDepth = field(default_factory=lambda: QueueDepth({}))
    ended: tuple[Job, ...] = ()
    outputs: tuple[OutputLook, ...] = ()
    services: tuple[ServiceHealth, ...] = ()
    processes: tuple[ProcessInfo, ...] = ()
    channels: tuple[ChannelHealth, ...] = ()
    socket: SocketLook | None = None
    sla: tuple[SlaLook, ...] = ()
    maintenance: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    zone: str = "UTC"
