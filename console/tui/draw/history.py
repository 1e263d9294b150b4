"""A service over time: latency percentiles, the probes as a line, what changed when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, STRONG, WARN, Frame, cut, fit, foreign, line, sparkline
from console.tui.draw.services import port_of
from console.tui.draw.words import service_word
from scheduler.domain.service import Probe, ServiceHealth, ServiceState, next_state

PROBES = 480
"""Probes looked back at: two hours at one every 15 seconds."""
_FLOOR_MS = 20.0
_SHOWN_CHANGES = 12


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of state, as the probes kept tell it."""

    at: datetime
    before: ServiceState
    after: ServiceState
    error: str | None


def changes_of(probes: Sequence[Probe]) -> tuple[StateChange, ...]:
    """When the state changed, newest first; the first probe's state is where it begins. Pure."""
    found: list[StateChange] = []
    state, consecutive = ServiceState.UNKNOWN, 0
    last: Probe | None = None
    for probe in probes:
        consecutive = consecutive + 1 if last is not None and last.ok == probe.ok else 1
        after = next_state(state, probe, consecutive)
        if after is not state:
            if last is not None:
                found.append(StateChange(probe.at, state, after, probe.error))
            state = after
        last = probe
    return tuple(found[::-1])


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that ``share`` of the values do not exceed (nearest rank); None of nothing. Pure."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(max(round(share * len(ordered) + 0.4999) - 1, 0), len(ordered) - 1)]


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
            (error, BAD),
        ),
        frame.width,
        signs,
    )


def draw_service_header(frame: Frame) -> list[Content]:
    """The columns' names of ``draw_service_row``."""
    s = frame.signs
    text = "    " + fit("state", 9, s) + fit("service", 14, s) + fit("port", 7, s) + fit("latency", 8, s, right=True)
    return [cut(line((text + "  " + fit("since", 10, s) + "last error", MUTED)), frame.width, s)]


def draw_history(frame: Frame, health: ServiceHealth | None, probes: Sequence[Probe] | None) -> list[Content]:
    """The selected service over the probes kept."""
    if health is None:
        return []
    signs, width = frame.signs, frame.width
    lines = [cut(line((foreign(health.url, signs), MUTED)), width, signs)]
    if probes is None:
        return [*lines, line(("reading its probes", MUTED))]
    if not probes:
        return [*lines, line(("no probe is kept yet: the daemon probes, or probe now", MUTED))]
    good = [probe.latency_ms for probe in probes if probe.ok and probe.latency_ms is not None]
    failed = sum(not probe.ok for probe in probes)
    parts: list[tuple[str, str] | str | Content] = [("latency  ", MUTED)]
    for name, share in (("P50", 0.5), ("P90", 0.9), ("P99", 0.99), ("max", 1.0)):
        parts += [(f"{name} ", MUTED), (f"{milliseconds(quantile(good, share))}   ", STRONG)]
    lines.append(cut(line(*parts), width, signs))
    span = fmt.duration((probes[-1].at - probes[0].at).total_seconds())
    lines.append(
        cut(
            line(
                (f"{len(probes)} probes over {span}, ", MUTED),
                (f"{failed} failed", BAD if failed else MUTED),
                (f" ({(len(probes) - failed) / len(probes):.1%} answered)", MUTED),
            ),
            width,
            signs,
        )
    )
    latencies = [probe.latency_ms if probe.ok else None for probe in probes]
    spark = sparkline(latencies, width, signs, floor=_FLOOR_MS)
    lines += [Content(""), line((spark, service_word(health.state, signs).style))]
    shown = probes[-width:]
    left, right = fmt.clock_time(shown[0].at, frame.view.timezone), fmt.clock_time(shown[-1].at, frame.view.timezone)
    gap = min(len(shown), width) - len(left) - len(right)
    lines += [line((left + " " * max(gap, 1) + right, MUTED)), Content("")]
    return lines + _changes(frame, changes_of(probes))


def _changes(frame: Frame, changes: Sequence[StateChange]) -> list[Content]:
    signs = frame.signs
    if not changes:
        return [line(("its state has not changed in this time", MUTED))]
    lines = [line(("what changed", MUTED))]
    for change in changes[:_SHOWN_CHANGES]:
        after = service_word(change.after, signs)
        at = fmt.moment(change.at, frame.now, frame.view.timezone, seconds=True)
        lines.append(
            cut(
                line(
                    (f"  {at}  ", MUTED),
                    (f"{change.before} {signs.arrow} ", MUTED),
                    (f"{after.sign} {after.text}", after.style),
                    (f"  {foreign(change.error, signs)}" if change.error else "", BAD),
                ),
                frame.width,
                signs,
            )
        )
    if len(changes) > _SHOWN_CHANGES:
        lines.append(line((f"  and {len(changes) - _SHOWN_CHANGES} more before", WARN)))
    return lines
