"""The services that predawn calls: state, latency now and over time, last error."""

from __future__ import annotations

from urllib.parse import urlsplit

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, STRONG, WARN, Frame, cut, fit, foreign, line, sparkline
from console.tui.draw.words import service_word
from scheduler.domain.service import ServiceHealth, ServiceState

_CARD_COLUMNS, _CARD_ROWS = 130, 40
"""Terminals at least this large show each service on two lines."""
_SPARKS = ((100, 30), (70, 12), (0, 6))
"""From how many columns on the sparkline has how many cells."""
_BEFORE_SPARK = 43
_LATENCY_FLOOR_MS = 20.0
"""Local services answer in a few milliseconds; their jitter is no news."""


def port_of(url: str) -> str:
    """``:5000`` of a URL; empty when it names no port. Pure."""
    try:
        port = urlsplit(url).port
    except ValueError:
        return ""
    return f":{port}" if port is not None else ""


def draw_services(frame: Frame) -> list[Content]:
    """One line a service."""
    snapshot = frame.view.snapshot
    if snapshot is None:
        return []
    if not snapshot.services:
        return [line(("no service is configured", MUTED))]
    draw = _card if frame.columns >= _CARD_COLUMNS and frame.rows >= _CARD_ROWS else _row
    return [content for service in snapshot.services for content in draw(frame, service)]


def _row(frame: Frame, service: ServiceHealth) -> list[Content]:
    """A service on one line."""
    return [cut(line(_head(frame, service), *_tail(frame, service)), frame.width, frame.signs)]


def _card(frame: Frame, service: ServiceHealth) -> list[Content]:
    """A service on two lines, where there is room: its last error is not cut so soon."""
    tail = line("  ", *_tail(frame, service))
    return [cut(_head(frame, service), frame.width, frame.signs), cut(tail, frame.width, frame.signs)]


def _head(frame: Frame, service: ServiceHealth) -> Content:
    signs = frame.signs
    word = service_word(service.state, signs)
    probe = service.last_probe
    latency = "" if probe is None or probe.latency_ms is None else f"{probe.latency_ms:.0f} ms"
    spark = next(cells for least, cells in _SPARKS if frame.width >= least)
    if frame.columns >= _CARD_COLUMNS:
        spark = max(frame.width - _BEFORE_SPARK, spark)
    history = sparkline(service.latencies_ms, spark, signs, floor=_LATENCY_FLOOR_MS)
    return line(
        (f"{word.sign} ", word.style),
        (fit(foreign(service.service, signs), 13, signs), STRONG),
        (fit(port_of(service.url), 7, signs), MUTED),
        (fit(word.text, 9, signs), word.style),
        (fit(latency, 8, signs, right=True), ""),
        "  ",
        (fit(history, spark, signs), MUTED if service.state is ServiceState.UNKNOWN else word.style),
        "  ",
    )


def out_words(frame: Frame, service: ServiceHealth) -> tuple[str, str] | None:
    """Until when an operator has taken it out; None: it is in."""
    out = service.maintenance
    if out is None or out.until <= frame.now:
        return None
    until = fmt.moment(out.until, frame.now, frame.view.timezone)
    return f"{frame.signs.dash} out until {until} ({foreign(out.by, frame.signs, 40)})", WARN


def _tail(frame: Frame, service: ServiceHealth) -> list[tuple[str, str]]:
    """Until when it is out, the last error, or since when it has been well."""
    probe = service.last_probe
    if (out := out_words(frame, service)) is not None:
        return [out]
    if probe is None:
        return [("not probed yet", MUTED)]
    if probe.error:
        return [(foreign(probe.error, frame.signs), BAD)]
    if service.since is not None:
        return [(f"for {fmt.age(service.since, frame.now)}", MUTED)]
    return []
