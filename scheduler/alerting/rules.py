"""The rules: what is trouble in one look. Pure; counting looks and remembering is the machine's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from config.sections.alerts import RuleSettings
from scheduler.alerting.deadline_rules import deadline_samples, endings
from scheduler.alerting.observation import Observation, OutputLook
from scheduler.alerting.words import clock, cut, span
from scheduler.domain.alert import Facts, Rule, Sample, Severity
from scheduler.domain.job import UPGRADE, Job, JobStatus
from scheduler.domain.service import ServiceState

__all__ = ["endings", "evaluate"]

FORGOTTEN = timedelta(days=1)
"""A process that was silent for longer is nobody's trouble any more."""
SMALL_SAMPLE = 20


def evaluate(look: Observation, rules: RuleSettings, *, warning_s: float) -> tuple[Sample, ...]:
    """Everything that is wrong.

    Args:
        look: one picture.
        rules: thresholds.
        warning_s: seconds before the deadline that P90 may not pass.
    """
    found = [sample for run in look.runs for sample in deadline_samples(run, look, rules, warning_s=warning_s)]
    for rule in _RULES:
        found += rule(look, rules)
    return tuple(found)


def consecutive_failures(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """The last jobs of one type all failed for good; what predawn tries again by itself has not failed yet.

    Upgrades are left out: a video is out, and they make their own tries in the background.
    """
    by_type: dict[str, list[Job]] = {}
    for job in look.ended:
        if job.status in {JobStatus.COMPLETED, JobStatus.FAILED} and job.is_final and job.job_type != UPGRADE:
            by_type.setdefault(job.job_type, []).append(job)
    for job_type, jobs in sorted(by_type.items()):
        streak: list[Job] = []
        for job in jobs:
            if job.status is not JobStatus.FAILED:
                break
            streak.append(job)
        if len(streak) < rules.consecutive_failures:
            continue
        last, first = streak[0], streak[-1]
        error = last.error
        where = f" in {error.stage} ({error.provider})" if error and error.stage else ""
        why = cut(error.message if error else "no reason was kept")
        tries = sum(job.retry_count for job in streak)
        yield Sample(
            Rule.CONSECUTIVE_FAILURES,
            job_type,
            Severity.CRITICAL,
            Facts(
                f"{len(streak)} {job_type} jobs failed in a row",
                (
                    f"since {clock(first.updated_at, look.zone, look.now)}, last{where}: {why}",
                    f"predawn retried {tries} times" if tries else "none could be retried",
                ),
                f"predawn jobs show {last.id[:8]}",
                last.id,
            ),
            since=first.updated_at,
            zone=look.zone,
        )


def queue_depth(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """Too many jobs wait, or the oldest for too long."""
    queued, age = look.depth.of(JobStatus.QUEUED), look.depth.oldest_queued_age_s or 0.0
    running = look.depth.of(JobStatus.PROCESSING)
    deep = queued > rules.queue_depth
    if queued > rules.queue_clear:
        yield Sample(
            Rule.QUEUE_DEPTH,
            "jobs",
            Severity.WARNING,
            Facts(
                f"{queued} jobs wait in the queue",
                (f"{running} run, the oldest has waited {span(age)}; the limit is {rules.queue_depth}",),
                "predawn jobs list --status queued",
            ),
            needs=2,
            clears=3,
            holds=not deep,
            zone=look.zone,
        )
    if age > rules.queue_age_s:
        yield Sample(
            Rule.QUEUE_DEPTH,
            "oldest",
            Severity.WARNING,
            Facts(
                f"a job has waited {span(age)} in the queue",
                (f"{queued} wait, {running} run; the limit is {span(rules.queue_age_s)}",),
                "predawn jobs list --status queued",
            ),
            needs=2,
            clears=2,
            since=look.now - timedelta(seconds=age),
            zone=look.zone,
        )


def output_problem(output: OutputLook, rules: RuleSettings) -> str | None:
    """What is wrong with what a job left behind; None: nothing."""
    job = output.job
    found: str | None = None
    if output.problem is not None:
        found = f"verification refused it: {cut(output.problem)}"
    elif job.status is not JobStatus.COMPLETED:
        pass
    elif not job.payload.get("video_url"):
        found = "it is completed, but no video is named"
    elif output.exists is False:
        found = f"the video is not there: {cut(str(job.payload.get('video_url')))}"
    elif output.duration_s is not None and output.duration_s < rules.min_duration_s:
        found = f"the video has {output.duration_s:.1f} s, less than {rules.min_duration_s:g} s"
    elif output.render_s is not None and output.render_s < rules.min_render_s:
        found = f"it was rendered in {output.render_s:.1f} s: too fast to be true"
    return found


def output_invalid(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """A video is missing, short, silent, or was made too fast."""
    for output in look.outputs:
        problem = output_problem(output, rules)
        if problem is None:
            continue
        job = output.job
        yield Sample(
            Rule.OUTPUT_INVALID,
            job.schedule_name or job.job_type,
            Severity.CRITICAL,
            Facts(
                f"the video of {job.schedule_name or job.job_type} is not right",
                (problem, "what was published before stays published"),
                f"predawn jobs rerender {job.id[:8]}",
                job.id,
            ),
            period=str(job.run_date or job.id[:8]),
            since=job.updated_at,
            deadline_at=job.deadline_at,
            zone=look.zone,
        )


def sla(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """The on-time rate: a warning at the first miss, critical when the target is broken."""
    del rules
    for record in look.sla:
        if record.misses == 0:
            continue
        broken = record.misses > record.allowed
        small = record.samples < SMALL_SAMPLE
        rate = 1 - record.misses / max(record.samples, 1)
        title = (
            f"the on-time target of {record.schedule} is broken"
            if broken and not small
            else f"{record.schedule} has missed its deadline {_times(record.misses)} in {record.samples} days"
        )
        target = f"the target is {record.target:.0%}, which allows {record.allowed:.1f} misses"
        lines = [f"{rate:.0%} on time over {record.samples} of {record.days} days; {target}"]
        if small:
            lines.append(f"{record.samples} days are too few to judge the rate (it takes {SMALL_SAMPLE})")
        if record.last_miss:
            lines.append(f"last miss: {record.last_miss}")
        yield Sample(
            Rule.SLA,
            record.schedule,
            Severity.CRITICAL if broken and not small else Severity.WARNING,
            Facts(title, tuple(lines), "predawn sla"),
            zone=look.zone,
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def service_down(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """A service does not answer."""
    del rules
    for health in look.services:
        if health.state is not ServiceState.DOWN:
            continue
        error = health.last_probe.error if health.last_probe else None
        since = f" since {clock(health.since, look.zone, look.now)}" if health.since else ""
        yield Sample(
            Rule.SERVICE_DOWN,
            health.service,
            Severity.WARNING,
            Facts(
                f"{health.service} is down",
                (
                    f"it does not answer{since}: {cut(error or 'no answer')}",
                    "predawn goes on with the fallbacks of its stages; videos made so are marked degraded",
                ),
                "predawn services check",
            ),
            since=health.since,
            clears=2,
            zone=look.zone,
        )


def worker_lost(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """A worker or daemon fell silent, and none was started in its place on its host."""
    for process in look.processes:
        silent = look.now - process.beat_at
        if not timedelta(seconds=rules.worker_lost_s) < silent < FORGOTTEN:
            continue
        # Also by one that is lost itself by now: that one's silence is the trouble then.
        replaced = any(other.host == process.host and other.started_at >= process.beat_at for other in look.processes)
        if replaced:
            continue
        others = sum(1 for other in look.processes if other.alive)
        yield Sample(
            Rule.WORKER_LOST,
            f"{process.host}/{process.pid}",
            Severity.WARNING if others else Severity.CRITICAL,
            Facts(
                f"the {process.kind} on {process.host} has fallen silent",
                (
                    f"last sign of life {clock(process.beat_at, look.zone, look.now)} (pid {process.pid})",
                    f"its jobs go back to the queue by themselves; {others} other processes work",
                ),
                f"systemctl status predawn  # on {process.host}",
            ),
            needs=2,
            since=process.beat_at,
            zone=look.zone,
        )


def delivery_failing(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """A channel does not take what we have to say."""
    for channel in look.channels:
        waits = channel.oldest_waiting is not None and channel.failing_since is not None
        stuck = (
            waits
            and channel.oldest_waiting is not None
            and (look.now - channel.oldest_waiting >= timedelta(seconds=rules.undeliverable_s))
        )
        if not stuck and channel.dead == 0:
            continue
        since = channel.failing_since or channel.oldest_waiting
        told = f" since {clock(since, look.zone, look.now)}" if since else ""
        yield Sample(
            Rule.DELIVERY_FAILING,
            channel.channel,
            Severity.WARNING,
            Facts(
                f"{channel.channel} does not take messages{told}",
                (
                    f"{channel.waiting} wait, {channel.dead} were refused for good",
                    f"last error: {cut(channel.last_error or 'none')}",
                ),
                f"predawn alerts test {channel.channel}",
            ),
            since=since,
            zone=look.zone,
        )


def socket_down(look: Observation, rules: RuleSettings) -> Iterator[Sample]:
    """Slack's buttons do not reach us, or reach a second copy."""
    socket = look.socket
    if socket is None:
        return
    gone = None if socket.down_since is None else look.now - socket.down_since
    if gone is not None and gone >= timedelta(seconds=rules.socket_down_s):
        yield Sample(
            Rule.SOCKET_DOWN,
            "slack",
            Severity.WARNING,
            Facts(
                "Slack's buttons do not work",
                (
                    f"no socket for {span(gone.total_seconds())}: {cut(socket.error or 'no answer')}",
                    "messages still go out; acknowledge on the console or with the command line",
                ),
                "predawn alerts test slack",
            ),
            since=socket.down_since,
            zone=look.zone,
        )
    elif socket.connections > 1:
        yield Sample(
            Rule.SOCKET_DOWN,
            "slack-twice",
            Severity.WARNING,
            Facts(
                f"{socket.connections} programs listen to Slack's buttons",
                ("each press goes to only one of them: stop the other predawn, or give it an app of its own",),
                "predawn alerts test slack",
            ),
            needs=2,
            zone=look.zone,
        )


_RULES: tuple[Callable[[Observation, RuleSettings], Iterator[Sample]], ...] = (
    consecutive_failures,
    queue_depth,
    output_invalid,
    sla,
    service_down,
    worker_lost,
    delivery_failing,
    socket_down,
)
