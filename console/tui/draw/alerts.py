"""Alerts: what fires, what was done about it, what was said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, OK, PLAIN, STRONG, WARN, Frame, cut, fit, fold, foreign, line
from console.tui.draw.words import Word
from console.tui.signs import Signs
from scheduler.domain.alert import Alert, AlertState, Mute, Severity
from scheduler.domain.outbox import ChannelHealth, Delivery, DeliveryState
from scheduler.ports.alerts import AlertDetail

_DELIVERIES, _EVENTS = 8, 12
_SEVERITY_FROM = 70


def alert_word(alert: Alert, signs: Signs, *, muted: bool = False) -> Word:
    """How it stands."""
    match alert.state:
        case AlertState.RESOLVED:
            return Word(signs.good, "resolved", OK)
        case AlertState.ACKED:
            return Word(signs.half, "acked", WARN)
        case AlertState.PENDING:
            return Word(signs.empty, "pending", MUTED)
        case AlertState.FIRING:
            if muted:
                return Word(signs.dash, "muted", MUTED)
            return Word(signs.bad, "firing", BAD if alert.severity is Severity.CRITICAL else WARN)


def delivery_word(state: DeliveryState, signs: Signs) -> Word:
    """How a delivery stands."""
    match state:
        case DeliveryState.SENT:
            return Word(signs.full, "sent", OK)
        case DeliveryState.QUEUED | DeliveryState.LEASED:
            return Word(signs.half, "waiting", MUTED)
        case DeliveryState.AMBIGUOUS:
            return Word(signs.warn, "in doubt", WARN)
        case DeliveryState.DEAD:
            return Word(signs.bad, "never", BAD)
        case DeliveryState.SUPERSEDED:
            return Word(signs.dash, "replaced", MUTED)


def _severity(frame: Frame) -> int:
    """Cells of that column: what it says is seen from the order too, so it gives way first."""
    return 10 if frame.columns >= _SEVERITY_FROM else 0


def draw_alert_header(frame: Frame) -> list[Content]:
    """The columns' names of ``draw_alert``."""
    s = frame.signs
    text = "    " + fit("state", 10, s) + fit("severity", _severity(frame), s) + fit("since", 8, s) + "what"
    return [cut(line((text, MUTED)), frame.width, s)]


def draw_alert(frame: Frame, alert: Alert, *, muted: bool, selected: bool) -> Content:
    """One alert as a row."""
    signs = frame.signs
    word = alert_word(alert, signs, muted=muted)
    again = f" ({alert.count} times)" if alert.count > 1 else ""
    return cut(
        line(
            (f"{signs.cursor if selected else ' '} ", STRONG),
            (f"{word.sign} ", word.style),
            (fit(word.text, 10, signs), word.style),
            (fit(alert.severity.value, _severity(frame), signs), BAD if alert.severity is Severity.CRITICAL else WARN),
            (fit(fmt.age(alert.fired_at or alert.began_at, frame.now), 8, signs), MUTED),
            (foreign(alert.facts.title, signs), PLAIN if alert.is_open else MUTED),
            (again, MUTED),
        ),
        frame.width,
        signs,
    )


def draw_alert_detail(frame: Frame, detail: AlertDetail | None, mutes: Sequence[Mute]) -> list[Content]:
    """Everything of the alert under the cursor."""
    if detail is None:
        return []
    return [cut(one, frame.width, frame.signs) for one in _detail(frame, detail, mutes)]


def _detail(frame: Frame, detail: AlertDetail, mutes: Sequence[Mute]) -> Iterator[Content]:
    alert, signs = detail.alert, frame.signs
    for text in (*alert.facts.lines, *([alert.facts.ended] if alert.facts.ended else [])):
        for piece in fold(foreign(text, signs), max(frame.width, 20)):
            yield line(piece)
    if alert.facts.command:
        yield line(("do   ", MUTED), (foreign(alert.facts.command, signs), STRONG))
    mute = next((one for one in mutes if one.fingerprint == alert.fingerprint), None)
    if alert.acked_by is not None and alert.state is AlertState.ACKED:
        until = f", until {_at(frame, alert.ack_until)}" if alert.ack_until else ""
        yield line((f"acknowledged by {foreign(alert.acked_by, signs)}{until}", WARN))
    if mute is not None:
        yield line((f"muted by {foreign(mute.actor, signs)} until {_at(frame, mute.until)}", WARN))
    elif alert.quiet_until is not None and alert.quiet_until > frame.now:
        yield line((f"quiet until {_at(frame, alert.quiet_until)}: {foreign(alert.quiet_why, signs)}", WARN))
    yield Content("")
    for event in detail.events[-_EVENTS:]:
        who = f" by {foreign(event.actor, signs)}" if event.actor else ""
        yield line(
            (f"{_at(frame, event.at):<17} ", MUTED),
            (event.kind, STRONG),
            f"{who} ",
            (foreign(event.text, signs), MUTED),
        )
    yield Content("")
    if not detail.deliveries:
        yield line(("nobody has been told: no channel is set up, or it was kept quiet", MUTED))
    for one in detail.deliveries[-_DELIVERIES:]:
        yield _delivery(frame, one)


def _delivery(frame: Frame, one: Delivery) -> Content:
    signs = frame.signs
    word = delivery_word(one.state, signs)
    tries = "1 try" if one.attempts == 1 else f"{one.attempts} tries"
    return line(
        (f"{_at(frame, one.ended_at or one.created_at):<17} ", MUTED),
        (fit(foreign(one.channel, signs), 9, signs), STRONG),
        (fit(foreign(one.kind, signs), 9, signs), PLAIN),
        (f"{word.sign} {fit(word.text, 9, signs)}", word.style),
        (fit(tries, 9, signs), MUTED),
        (foreign(one.error, signs), BAD if one.state is DeliveryState.DEAD else MUTED),
    )


def draw_channels(frame: Frame, channels: Sequence[ChannelHealth] | None) -> list[Content]:
    """How the channels fare, on one line; nothing when there is none."""
    parts: list[tuple[str, str]] = []
    for one in channels or ():
        bad = one.failing_since is not None
        sign, style = (frame.signs.bad, BAD) if bad else (frame.signs.full, OK)
        parts.append((f"{sign} {foreign(one.channel, frame.signs)}", style))
        waiting = f" {one.waiting} waiting" if one.waiting else ""
        dead = f" {one.dead} never" if one.dead else ""
        since = f" failing {fmt.age(one.failing_since, frame.now)}" if one.failing_since is not None else ""
        parts.append((f"{since}{waiting}{dead}   ", MUTED))
    return [cut(line(*parts), frame.width, frame.signs)] if parts else []


def _at(frame: Frame, moment: datetime | None) -> str:
    return "" if moment is None else fmt.moment(moment, frame.now, frame.view.timezone)
