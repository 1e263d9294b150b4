"""A service over time: the newest probes as a line, figures by the hour, what changed when."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, PLAIN, STRONG, Frame, cut, fit, foreign, line, sparkline
from console.tui.draw.services import out_words, port_of
from console.tui.draw.words import service_word
from scheduler.domain.service import Probe, Rollup, ServiceHealth, ServiceHistory, ServiceTransition

PROBES = 480
"""Probes looked back at: two hours at one every 15 seconds."""
_FLOOR_MS = 20.0
_SHOWN_HOURS = 6


def milliseconds(value: float | None) -> str:
    """``12 ms``, ``3.4 s``."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"  # noqa: PLR2004 - a second


def draw_service_row(frame: Frame, health: ServiceHealth, *, selected: bool) -> Content:
    """One service as a row."""
    signs, probe = frame.signs, health.last_probe
    word = service_word(health.state, signs)
    since = "" if health.since is None else f"for {fmt.age(health.since, frame.now)}"
    error = foreign(probe.error, signs) if probe is not None and probe.error else ""
    return cut(
        line(
            (f"{signs.cursor if selected else ' '} ", STRONG),
            (f"{word.sign} ", word.style),
            (fit(word.text, 9, signs), word.style),
            (fit(foreign(health.service, signs), 13, signs) + " ", STRONG),
            (fit(port_of(health.url), 7, signs), MUTED),
            (fit(milliseconds(probe.latency_ms if probe else None), 8, signs, right=True), ""),
            "  ",
            (fit(since, 10, signs), MUTED),
            out_words(frame, health) or (error, BAD),
        ),
        frame.width,
        signs,
    )


def draw_service_header(frame: Frame) -> list[Content]:
    """The columns' names of ``draw_service_row``."""
    s = frame.signs
    text = "    " + fit("state", 9, s) + fit("service", 14, s) + fit("port", 7, s) + fit("latency", 8, s, right=True)
    return [cut(line((text + "  " + fit("since", 10, s) + "last error", MUTED)), frame.width, s)]


def draw_history(
    frame: Frame, health: ServiceHealth | None, probes: Sequence[Probe] | None, history: ServiceHistory | None
) -> list[Content]:
    """The selected service: the last probes one by one, the hours in figures, what changed when.

    Args:
        frame: what to draw for.
        health: how it stands.
        probes: the newest, oldest first; None: not read yet.
        history: hourly figures and changes; None: not read yet.
    """
    if health is None:
        return []
    signs, width = frame.signs, frame.width
    lines = [line((foreign(health.url, signs), MUTED))]
    if (out := out_words(frame, health)) is not None:
        lines.append(line(out))
    if probes is None:
        return [*lines, line(("reading its probes", MUTED))]
    if not probes:
        return [*lines, line(("no probe is kept yet: the daemon probes, or probe now", MUTED))]
    lines += _probes(frame, health, probes)
    if history is not None:
        lines += [*_hours(frame, history.hours), *_changes(frame, history.transitions)]
    return [cut(one, width, signs) for one in lines]


def _probes(frame: Frame, health: ServiceHealth, probes: Sequence[Probe]) -> list[Content]:
    signs, width = frame.signs, frame.width
    failed = sum(not probe.ok for probe in probes)
    span = fmt.duration((probes[-1].at - probes[0].at).total_seconds())
    latencies = [probe.latency_ms if probe.ok else None for probe in probes]
    shown = probes[-width:]
    left, right = fmt.clock_time(shown[0].at, frame.view.timezone), fmt.clock_time(shown[-1].at, frame.view.timezone)
    gap = min(len(shown), width) - len(left) - len(right)
    return [
        line(
            ("now      ", MUTED),
            ("P50 ", MUTED),
            (f"{milliseconds(health.p50_ms)}   ", STRONG),
            ("P95 ", MUTED),
            (f"{milliseconds(health.p95_ms)}   ", STRONG),
            (f"{fmt.count(len(probes), 'probe')} over {span}, ", MUTED),
            (f"{failed} failed", BAD if failed else MUTED),
        ),
        line((sparkline(latencies, width, signs, floor=_FLOOR_MS), service_word(health.state, signs).style)),
        line((left + " " * max(gap, 1) + right, MUTED)),
    ]


def _hours(frame: Frame, hours: Sequence[Rollup]) -> list[Content]:
    """The roll-ups: the whole time, then the last hours, one a line."""
    signs = frame.signs
    if not hours:
        return [line(("no hour is over yet of which figures are kept", MUTED))]
    heads = ("P50", "P95", "P99", "max")
    head = fit("by hour", 15, signs) + fit("answered", 10, signs, right=True) + fit("probes", 8, signs, right=True)
    lines = [Content(""), line((head + "".join(fit(name, 9, signs, right=True) for name in heads), MUTED))]
    for one in hours[: -_SHOWN_HOURS - 1 : -1]:
        share = one.availability
        style = MUTED if share is None else PLAIN if one.failures == 0 else BAD
        figures = "".join(
            fit(milliseconds(value), 9, signs, right=True) for value in (one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms)
        )
        lines.append(
            line(
                (fit(fmt.moment(one.start, frame.now, frame.view.timezone), 15, signs), MUTED),
                (fit("" if share is None else f"{share:.1%}", 10, signs, right=True), style),
                (fit(f"{one.probes:,}", 8, signs, right=True), MUTED),
                (figures, PLAIN),
            )
        )
    probes, failures = sum(one.probes for one in hours), sum(one.failures for one in hours)
    if len(hours) > 1 and probes:
        all_told = f"{(probes - failures) / probes:.2%} of {probes:,} probes answered in {len(hours)} hours"
        lines.append(line((all_told, BAD if failures else MUTED)))
    return lines


def _changes(frame: Frame, changes: Sequence[ServiceTransition]) -> list[Content]:
    signs = frame.signs
    if not changes:
        return [Content(""), line(("its state has never changed", MUTED))]
    lines = [Content(""), line(("what changed", MUTED))]
    for change in changes:
        after = service_word(change.after, signs)
        at = fmt.moment(change.at, frame.now, frame.view.timezone, seconds=True)
        lines.append(
            line(
                (f"  {at}  ", MUTED),
                (f"{change.before} {signs.arrow} ", MUTED),
                (f"{after.sign} {after.text}", after.style),
                (f"  {foreign(change.reason, signs)}" if change.reason else "", MUTED),
            )
        )
    return lines
