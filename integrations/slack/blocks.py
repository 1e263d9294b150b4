"""Messages for Slack in Block Kit: the verdict first, then what failed, what was done, what is left. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integrations.slack.text import BUTTON, CONTEXT, HEADER, SECTION, TEXT, VALUE, escape
from scheduler.domain.alert import AlertState, Severity
from scheduler.domain.notice import Notice

Block = dict[str, Any]

ACKNOWLEDGE, RERENDER, CANCEL, MUTE, DETAILS = "acknowledge", "rerender", "cancel", "mute", "details"
WORDS = {Severity.CRITICAL: "CRITICAL", Severity.WARNING: "WARNING"}
SIGNS = {Severity.CRITICAL: ":red_circle:", Severity.WARNING: ":large_yellow_circle:"}
_HOUR, _MINUTE = 3600, 60


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to Slack: ``text`` alone also where blocks are refused or cannot be shown."""

    text: str
    blocks: tuple[Block, ...] = ()


def alert_message(notice: Notice, *, buttons: bool, link: str | None = None) -> Message:
    """An alert's own message, in whatever state it is.

    Args:
        notice: the alert.
        buttons: whether presses reach us.
        link: base address of the console or API, if there is one to click.
    """
    head = headline(notice)
    blocks: list[Block] = [{"type": "header", "text": _plain(head, HEADER)}]
    body = "\n".join(_body(notice))
    if body:
        blocks.append(_section(body))
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": escape(_context(notice), CONTEXT)}]})
    if notice.state is not AlertState.RESOLVED:
        if notice.command:
            blocks.append({"type": "section", "text": _mrkdwn_command(notice.command, link, notice)})
        if buttons:
            blocks.append({"type": "actions", "block_id": "actions", "elements": _buttons(notice)})
    return Message(escape(" · ".join([head, *_body(notice)[:3]]), TEXT), tuple(blocks))


def headline(notice: Notice) -> str:
    """``CRITICAL: nightly will probably miss 06:00 IST``."""
    match notice.state:
        case AlertState.RESOLVED:
            return f":white_check_mark: Resolved: {notice.title}"
        case AlertState.ACKED:
            return f":eyes: {WORDS[notice.severity]}, seen by {notice.acked_by}: {notice.title}"
        case AlertState.FIRING | AlertState.PENDING:
            return f"{SIGNS[notice.severity]} {WORDS[notice.severity]}: {notice.title}"


def _body(notice: Notice) -> list[str]:
    lines = list(notice.lines)
    if notice.state is AlertState.RESOLVED:
        lasted = ((notice.resolved_at or notice.at) - notice.began_at).total_seconds()
        lines = [notice.ended or f"it lasted {_span(lasted)}", *lines[:1]]
    if notice.state is AlertState.ACKED and notice.ack_until is not None:
        lines.append(f"{notice.acked_by} sees to it; if it lasts, we call again at {_clock(notice.ack_until, notice)}")
    return lines


def _context(notice: Notice) -> str:
    parts = [f"since {_clock(notice.began_at, notice)}"]
    if notice.deadline_at is not None and notice.state is not AlertState.RESOLVED:
        left = (notice.deadline_at - notice.at).total_seconds()
        word = f"{_span(left)} to the deadline" if left > 0 else f"deadline passed {_span(left)} ago"
        parts.append(word)
    if notice.count > 1:
        parts.append(f"{notice.count} times")
    parts += [f"as of {_clock(notice.at, notice)}", f"alert {notice.alert_id[:8]}"]
    return " · ".join(parts)


def _clock(at: datetime, notice: Notice) -> str:
    local, now = (moment.astimezone(ZoneInfo(notice.zone)) for moment in (at, notice.at))
    return f"{local:%H:%M %Z}" if local.date() == now.date() else f"{local:%a %d %b %H:%M %Z}"


def _span(seconds: float) -> str:
    whole = round(abs(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def _mrkdwn_command(command: str, link: str | None, notice: Notice) -> Block:
    text = f"Go on with `{escape(command, 300)}`"
    if link is not None:
        text += f" or <{link}/alerts/{notice.alert_id}|look there>"
    return {"type": "mrkdwn", "text": text}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": escape(text, limit), "emoji": True}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": escape(text, SECTION)}}


def _buttons(notice: Notice) -> list[Block]:
    found: list[Block] = []
    if notice.state is AlertState.FIRING:
        found.append(_button(ACKNOWLEDGE, "Acknowledge", notice, style="primary"))
    found.append(_button(MUTE, "Mute 1 h", notice))
    found.append(_button(DETAILS, "Details", notice))
    if notice.job_id is not None:
        found.append(
            _button(
                RERENDER,
                "Re-render",
                notice,
                confirm="The video is made anew from the start. What is published stays until the new one is out.",
            )
        )
        found.append(
            _button(
                CANCEL,
                "Cancel job",
                notice,
                style="danger",
                confirm="The job is stopped and does not go on by itself. No video is made unless somebody starts it.",
            )
        )
    return found


def _button(action: str, text: str, notice: Notice, *, style: str | None = None, confirm: str | None = None) -> Block:
    button: Block = {
        "type": "button",
        "action_id": action,
        "text": _plain(text, BUTTON),
        # Which alert, and no more: its state is read from the database when the button is pressed.
        "value": escape(notice.alert_id, VALUE),
    }
    if style is not None:
        button["style"] = style
    if confirm is not None:
        button["confirm"] = {
            "title": _plain(f"{text}?", 100),
            "text": _plain(confirm, 300),
            "confirm": _plain(text, 30),
            "deny": _plain("No", 30),
        }
    return button


def reply_message(text: str, *, mention: str = "") -> Message:
    """A line in an alert's thread; ``mention`` is from the settings and not escaped."""
    whole = f"{mention} {escape(text, SECTION)}".strip()
    return Message(whole)


def group_message(payload: Mapping[str, Any], *, mention: str = "") -> Message:
    """Many alerts that fired at once, in one message."""
    counts: Mapping[str, int] = payload["counts"]
    head = f":warning: {payload['title']}"
    lines = [", ".join(f"{number} {rule}" for rule, number in sorted(counts.items()))]
    lines += [f"• {line}" for line in payload["lines"]]
    if payload["more"]:
        lines.append(f"… and {payload['more']} more: predawn alerts list")
    return _listing(head, lines, mention)


def summary_message(payload: Mapping[str, Any]) -> Message:
    """What came and went before it could be told."""
    count, lines = int(payload["count"]), [f"• {line}" for line in payload["lines"]]
    what = "1 alert" if count == 1 else f"{count} alerts"
    head = f":white_check_mark: {what} came and went before Slack could be told"
    if count > len(payload["lines"]):
        lines.append(f"… and {count - len(payload['lines'])} more: predawn alerts list")
    return _listing(head, lines)


def report_message(payload: Mapping[str, Any]) -> Message:
    """The daily report."""
    return _listing(f":sunrise: {payload['title']}", list(payload["lines"]))


def _listing(head: str, lines: Sequence[str], mention: str = "") -> Message:
    blocks: list[Block] = [{"type": "header", "text": _plain(head, HEADER)}]
    if mention:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": mention}})
    if lines:
        blocks.append(_section("\n".join(lines)))
    text = f"{mention} {escape(head, 300)} · {escape(' · '.join(lines[:3]), TEXT - 500)}".strip()
    return Message(text, tuple(blocks))
