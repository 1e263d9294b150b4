"""The figures: on time or not, why renders fail, how long calls take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, OK, PLAIN, STRONG, WARN, Frame, cut, fit, foreign, line
from console.tui.signs import Signs
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import Attempt, AttemptStatus
from scheduler.domain.sla import OnTime, SlaReport

BUCKETS_S = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800)
"""Upper ends of the buckets, seconds: by the logarithm, up to hours. What is above the last has one of its own."""
_BUCKET_NAMES = ("0.1s", "0.3s", "1s", "3s", "10s", "30s", "1m", "3m", "10m", "30m", "1h", "3h", ">3h")
_BUCKET_WIDTH = 5
_MOST_REASONS = 12
_NEW_S = 86_400


def buckets_of(seconds: Sequence[float]) -> tuple[int, ...]:
    """How many of these durations are in which bucket. Pure."""
    counts = [0] * (len(BUCKETS_S) + 1)
    for value in seconds:
        counts[next((n for n, end in enumerate(BUCKETS_S) if value <= end), len(BUCKETS_S))] += 1
    return tuple(counts)


def durations_by_stage(attempts: Sequence[Attempt]) -> dict[str, list[float]]:
    """Seconds of the calls that went well, by stage; what was taken from a checkpoint is left out. Pure."""
    found: dict[str, list[float]] = {}
    for one in attempts:
        if one.status is AttemptStatus.COMPLETED and not one.resumed and one.duration_ms is not None:
            found.setdefault(one.stage.value, []).append(one.duration_ms / 1000)
    return found


def draw_metrics(
    frame: Frame, report: SlaReport | None, attempts: Sequence[Attempt], groups: Sequence[FailureGroup] = ()
) -> list[Content]:
    """All of it, as a text that scrolls.

    Args:
        frame: what to draw for.
        report: the record of the nights; None: not read yet.
        attempts: newest calls, for the histogram.
        groups: what keeps failing over all nights: since when each failure is known.
    """
    if report is None:
        return [line(("reading the record of the nights", MUTED))]
    lines = [
        *_on_time(frame, report),
        Content(""),
        *_success(frame, report),
        Content(""),
        *_reasons(frame, report, groups),
        Content(""),
        *_times(frame, report),
        Content(""),
        *_histogram(frame, attempts),
    ]
    return [cut(one, frame.width, frame.signs) for one in lines]


def _title(text: str) -> Content:
    return line((text, "bold $heading"))


def _on_time(frame: Frame, report: SlaReport) -> list[Content]:
    lines = [_title("On time")]
    lines += [_window(frame, window) for window in report.windows]
    if report.nights:
        lines.append(mornings(report.nights, frame.width - 14, frame.signs))
    judged = report.calibration
    if judged.n:
        lines.append(
            line(
                ("  foretold      ", MUTED),
                f"{judged.under_p50} of {judged.n} nights were out before the P50, {judged.under_p90} before the P90",
            )
        )
    return lines


def _window(frame: Frame, window: OnTime) -> Content:
    signs = frame.signs
    head = (fit(f"  {window.days} days", 11, signs), MUTED)
    if window.rate is None:
        return line(head, ("no night with a deadline yet", MUTED))
    style = OK if window.budget_left >= 0 else BAD
    sign = signs.good if window.budget_left >= 0 else signs.bad
    misses = window.n - window.on_time
    parts: list[tuple[str, str] | str | Content] = [
        head,
        (f"{sign} ", style),
        (fit(f"{window.rate:.1%}", 7, signs, right=True), f"bold {style}"),
        (fit(f"  {window.on_time} of {window.n}", 12, signs), PLAIN),
        (fit(f"budget {max(window.budget_left, 0):.1f} of {window.allowed:.1f}", 19, signs), style),
        (f"{misses} missed or late" if misses else "none missed", BAD if misses else MUTED),
    ]
    if window.degraded:
        parts.append((f", {window.degraded} degraded", WARN))
    if not window.enough:
        parts.append((f"  (n = {window.n} is too few to judge)", MUTED))
    return line(*parts)


def night_sign(night: Night, signs: Signs) -> tuple[str, str]:
    """A morning as a sign and its style."""
    match night.outcome:
        case NightOutcome.ON_TIME:
            return (signs.half, WARN) if night.degraded else (signs.full, OK)
        case NightOutcome.LATE:
            return (signs.warn, WARN)
        case NightOutcome.MISSED:
            return (signs.bad, BAD)
        case NightOutcome.SKIPPED:
            return (signs.dash, MUTED)
        case NightOutcome.OPEN:
            return (signs.empty, MUTED)


def mornings(nights: Sequence[Night], width: int, signs: Signs) -> Content:
    """The last mornings as a strip, the newest at the right."""
    shown = list(nights[: max(width, 1)])[::-1]
    return line(("  mornings  ", MUTED), *(night_sign(night, signs) for night in shown))


def _success(frame: Frame, report: SlaReport) -> list[Content]:
    success, days = report.success, report.days
    if success.rate is None:
        return [_title("Renders"), line((f"  none has ended in {days} days", MUTED))]
    rest = [
        (f", {count} {word}", MUTED)
        for count, word in ((success.cancelled, "cancelled"), (success.interrupted, "interrupted"))
        if count
    ]
    return [
        _title("Renders"),
        line(
            (f"  {days} days", MUTED),
            (fit(f"{success.rate:.1%}", 9, frame.signs, right=True), STRONG),
            f" delivered: {success.completed} of {success.completed + success.failed}, ",
            (f"{success.failed} failed", BAD if success.failed else MUTED),
            *rest,
        ),
    ]


def _reasons(frame: Frame, report: SlaReport, groups: Sequence[FailureGroup]) -> list[Content]:
    signs, since = frame.signs, {one.fingerprint: one.first_at for one in groups}
    if not report.failures:
        return [_title("Why they failed"), line((f"  nothing failed in {report.days} days", MUTED))]
    columns = (("  n", 7), ("reason", 16), ("where", 26), ("first", 8), ("last", 8))
    head = "".join(fit(name, width, signs) for name, width in columns)
    lines = [_title("Why they failed"), line((head, MUTED))]
    for group in report.failures[:_MOST_REASONS]:
        where = " by ".join(part for part in (group.stage, group.provider) if part)
        lines.append(
            line(
                (fit(f"{group.count}", 5, signs, right=True) + "  ", STRONG),
                (fit(group.kind, 16, signs), BAD),
                (fit(foreign(where, signs), 25, signs) + " ", PLAIN),
                _first(frame, since.get(group.fingerprint)),
                (fit(fmt.age(group.last_at, frame.now), 8, signs), MUTED),
                (foreign(group.message, signs), MUTED),
            )
        )
    if len(report.failures) > _MOST_REASONS:
        lines.append(line((f"  and {len(report.failures) - _MOST_REASONS} rarer reasons", MUTED)))
    return lines


def _first(frame: Frame, at: datetime | None) -> tuple[str, str]:
    """Since when a failure is known; one of the last day stands out."""
    if at is None:
        return fit("", 8, frame.signs), MUTED
    new = (frame.now - at).total_seconds() < _NEW_S
    return fit("new" if new else fmt.age(at, frame.now), 8, frame.signs), WARN if new else MUTED


def _times(frame: Frame, report: SlaReport) -> list[Content]:
    signs = frame.signs
    if not report.stages:
        return [_title("How long stages take"), line(("  no good call yet", MUTED))]
    head = fit("  stage", 13, signs) + fit("provider", 19, signs) + fit("n", 6, signs, right=True)
    head += "".join(fit(name, 9, signs, right=True) for name in ("average", "P50", "P90"))
    lines = [_title("How long stages take"), line((head, MUTED))]
    for one in report.stages:
        took = "".join(
            fit(fmt.short_duration(value), 9, signs, right=True) for value in (one.mean_s, one.p50_s, one.p90_s)
        )
        lines.append(
            line(
                (fit(f"  {foreign(one.stage, signs)}", 13, signs), STRONG),
                (fit(foreign(one.provider, signs), 18, signs) + " ", PLAIN),
                (fit(f"{one.n}", 6, signs, right=True), MUTED),
                (took, PLAIN),
            )
        )
    return lines


def _histogram(frame: Frame, attempts: Sequence[Attempt]) -> list[Content]:
    """How many calls of a stage took how long: a row a stage, a column a bucket, by the logarithm."""
    signs = frame.signs
    durations = durations_by_stage(attempts)
    if not durations:
        return []
    lines = [
        _title("How many took how long"),
        line(
            (fit("  at most", 13, signs), MUTED),
            ("".join(fit(name, _BUCKET_WIDTH, signs, right=True) for name in _BUCKET_NAMES), MUTED),
        ),
    ]
    for stage, seconds in durations.items():
        counts = buckets_of(seconds)
        cells = [
            (fit(str(count) if count else signs.dot, _BUCKET_WIDTH, signs, right=True), STRONG if count else MUTED)
            for count in counts
        ]
        lines.append(line((fit(f"  {stage}", 13, signs), STRONG), *cells))
    return lines
