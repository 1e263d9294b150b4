"""Slack: messages within Block Kit's limits that are worth reading at 3 a.m., and what its answers mean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from config.sections.alerts import SlackSettings
from integrations.kit.notices import letter_of
from integrations.slack.blocks import alert_message, group_message, reply_message, report_message, summary_message
from integrations.slack.classify import classify
from integrations.slack.presses import read_press, role_of
from integrations.slack.text import escape, mention_of
from scheduler.alerting.plan import _group  # pyright: ignore[reportPrivateUsage] - its payload is what is drawn
from scheduler.domain.access import Role
from scheduler.domain.alert import Alert, AlertState, Facts, Rule, Severity
from scheduler.domain.notice import ALERTS, notice_from, notice_of
from scheduler.domain.outbox import Ambiguous, Permanent, Transient
from scheduler.ports.alerts import PressAction

AT = datetime(2026, 11, 20, 23, 40, tzinfo=UTC)
ALERT = Alert(
    id="1f3a9c20-0000-4000-8000-000000000000",
    fingerprint="deadline|nightly|2026-11-21",
    rule=Rule.DEADLINE_AT_RISK,
    subject="nightly",
    period="2026-11-21",
    severity=Severity.CRITICAL,
    state=AlertState.FIRING,
    facts=Facts(
        "nightly will probably miss 06:00 IST: most likely 12 min late",
        (
            "for 2026-11-21: rendering: revideo · 35%",
            "manim: manim-api failed 4 times since 03:04 IST (no answer <!channel> & more); static-cards did it",
            "50 min left; out by 06:12 IST in half of the cases, by 06:30 IST in nine of ten",
        ),
        "predawn jobs show 7c1e22aa",
        "7c1e22aa-0000-4000-8000-000000000000",
    ),
    created_at=AT,
    updated_at=AT,
    began_at=AT - timedelta(minutes=8),
    fired_at=AT,
    count=1,
    deadline_at=AT + timedelta(minutes=50),
    zone="Asia/Kolkata",
)


def drawn(alert: Alert, *, buttons: bool = True) -> str:
    """A message as a person reads it, top to bottom."""
    message = alert_message(notice_from(json.loads(json.dumps(notice_of(alert, AT)))), buttons=buttons)
    lines: list[str] = []
    for block in message.blocks:
        match block["type"]:
            case "actions":
                lines.append(" ".join(f"[{element['text']['text']}]" for element in block["elements"]))
            case "context":
                lines.append(block["elements"][0]["text"])
            case _:
                lines.append(block["text"]["text"])
    return "\n".join(lines)


FIRING = """\
:red_circle: CRITICAL: nightly will probably miss 06:00 IST: most likely 12 min late
for 2026-11-21: rendering: revideo · 35%
manim: manim-api failed 4 times since 03:04 IST (no answer &lt;!channel&gt; &amp; more); static-cards did it
50 min left; out by 06:12 IST in half of the cases, by 06:30 IST in nine of ten
since 05:02 IST · 50 min to the deadline · as of 05:10 IST · alert 1f3a9c20
Go on with `predawn jobs show 7c1e22aa`
[Acknowledge] [Mute 1 h] [Details] [Re-render] [Cancel job]"""

ACKED = """\
:eyes: CRITICAL, seen by ann: nightly will probably miss 06:00 IST: most likely 12 min late
for 2026-11-21: rendering: revideo · 35%
manim: manim-api failed 4 times since 03:04 IST (no answer &lt;!channel&gt; &amp; more); static-cards did it
50 min left; out by 06:12 IST in half of the cases, by 06:30 IST in nine of ten
ann sees to it; if it lasts, we call again at 05:30 IST
since 05:02 IST · 50 min to the deadline · as of 05:10 IST · alert 1f3a9c20
Go on with `predawn jobs show 7c1e22aa`
[Mute 1 h] [Details] [Re-render] [Cancel job]"""

RESOLVED = """\
:white_check_mark: Resolved: nightly will probably miss 06:00 IST: most likely 12 min late
published 05:48 IST, 12 min before the deadline
for 2026-11-21: rendering: revideo · 35%
since 05:02 IST · 2 times · as of 05:10 IST · alert 1f3a9c20"""

LETTER = """\
CRITICAL: nightly will probably miss 06:00 IST: most likely 12 min late

for 2026-11-21: rendering: revideo · 35%
manim: manim-api failed 4 times since 03:04 IST (no answer <!channel> & more); static-cards did it
50 min left; out by 06:12 IST in half of the cases, by 06:30 IST in nine of ten

Since 05:02 IST, as of 05:10 IST; alert 1f3a9c20.
This comes by e-mail because: nobody has acknowledged it for 20 min.

Go on with:   predawn jobs show 7c1e22aa
See to it:    predawn alerts ack 1f3a9c20
"""


def test_a_firing_alert() -> None:
    assert drawn(ALERT) == FIRING


def test_an_acknowledged_alert() -> None:
    seen = replace(ALERT, state=AlertState.ACKED, acked_by="ann", ack_until=AT + timedelta(minutes=20))
    assert drawn(seen) == ACKED


def test_a_resolved_alert_has_no_buttons_and_says_how_it_ended() -> None:
    ended = replace(ALERT.facts, ended="published 05:48 IST, 12 min before the deadline")
    assert drawn(replace(ALERT, state=AlertState.RESOLVED, resolved_at=AT, facts=ended, count=2)) == RESOLVED


def test_without_a_socket_there_are_no_buttons_but_the_command() -> None:
    assert "[" not in drawn(ALERT, buttons=False)
    assert "predawn jobs show" in drawn(ALERT, buttons=False)


def test_a_letter() -> None:
    payload = {"alerts": [notice_of(ALERT, AT) | {"why": "nobody has acknowledged it for 20 min"}], "more": 0}
    letter = letter_of(ALERTS, payload)
    assert letter.text == LETTER
    assert letter.subject == "[predawn] CRITICAL: nightly will probably miss 06:00 IST: most likely 12 min late"


def test_what_changes_much_asks_first() -> None:
    message = alert_message(notice_from(notice_of(ALERT, AT)), buttons=True)
    confirms = {e["action_id"]: "confirm" in e for b in message.blocks if b["type"] == "actions" for e in b["elements"]}
    assert confirms == {"acknowledge": False, "mute": False, "details": False, "rerender": True, "cancel": True}


def texts(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for item in value.values() for text in texts(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list() | tuple():
            return [text for item in value for text in texts(item)]  # pyright: ignore[reportUnknownVariableType]
        case str():
            return [value]
        case _:
            return []


LIMITS = {"header": 150, "section": 3000, "context": 2000}


@given(st.text(max_size=6000), st.lists(st.text(max_size=4000), max_size=8), st.text(max_size=600))
def test_whatever_is_logged_fits_and_pings_nobody(title: str, lines: list[str], command: str) -> None:
    alert = replace(ALERT, facts=Facts(title, tuple(lines), command, "job"))
    message = alert_message(notice_from(notice_of(alert, AT)), buttons=True)
    assert len(message.blocks) <= 50
    assert len(message.text) <= 4000
    assert len(json.dumps(message.blocks, ensure_ascii=False)) < 13_000
    for block in message.blocks:
        limit = LIMITS.get(block["type"], 2000)
        assert all(len(text) <= limit for text in texts(block))
        assert not any("<" in text for text in texts(block))
    assert "<" not in message.text


@given(st.text(), st.integers(min_value=10, max_value=60))
def test_escaped_text_is_never_cut_inside_an_escape(text: str, limit: int) -> None:
    out = escape(text, limit)
    assert len(out) <= limit
    bare = out.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(bare) & set("&<>")


@pytest.mark.parametrize(
    ("setting", "goes_out"),
    [
        ("<!subteam^S123>", "<!subteam^S123>"),
        ("<@U1>", "<@U1>"),
        ("<!here>", "<!here>"),
        ("everybody", ""),
        ("<http://x|y> <!channel>", ""),
        (None, ""),
    ],
)
def test_only_a_mention_goes_out_unescaped(setting: str | None, goes_out: str) -> None:
    assert mention_of(setting) == goes_out
    assert reply_message("a <b>", mention=goes_out).text == f"{goes_out} a &lt;b&gt;".strip()


def test_many_alerts_in_one_message_stay_small() -> None:
    alerts = [replace(ALERT, id=str(n), facts=Facts("t" * 500)) for n in range(1000)]
    message = group_message(_group(alerts, "and 1000 more alerts at once", AT).payload)
    assert len(json.dumps(message.blocks)) < 13_000
    assert "1000 deadline_at_risk" in str(message.blocks)
    summary = summary_message({"lines": ["x" * 900] * 20, "count": 500})
    assert len(json.dumps(summary.blocks)) < 13_000
    assert "480 more" in summary_message({"lines": ["x"] * 20, "count": 500}).blocks[1]["text"]["text"]
    assert report_message({"title": "READY", "lines": []}).blocks[0]["text"]["text"] == ":sunrise: READY"


class Answered:
    def __init__(self, error: str = "", status: int = 200, **headers: str) -> None:
        self.data = {"ok": False, "error": error} if error else b"<html>"
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def slack_error(*args: Any, **values: Any) -> SlackApiError:
    return SlackApiError("no", Answered(*args, **values))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (slack_error("ratelimited", 429, Retry_After="7"), Transient, "429"),
        (slack_error("service_unavailable", 503), Transient, "service_unavailable"),
        (slack_error(status=503), Transient, "503"),
        (slack_error("invalid_auth"), Permanent, "alerts.slack.bot_token"),
        (slack_error("channel_not_found"), Permanent, "alerts.slack.channel"),
        (slack_error("not_in_channel"), Permanent, "/invite"),
        (slack_error("missing_scope"), Permanent, "manifest"),
        (slack_error("a_new_word"), Permanent, "a_new_word"),
        (slack_error("internal_error", 500), Ambiguous, "may have been posted"),
        (slack_error(status=200), Ambiguous, "cannot be read"),
        (TimeoutError(), Ambiguous, "lost"),
        (aiohttp.ServerDisconnectedError(), Ambiguous, "lost"),
        (aiohttp.ClientPayloadError("cut"), Ambiguous, "lost"),
        (ConnectionResetError(), Ambiguous, "lost"),
    ],
)
def test_what_an_answer_means(error: Exception, kind: type[Any], word: str) -> None:
    found = classify(error)
    assert isinstance(found, kind)
    assert word in found.error


def test_how_long_slack_asks_us_to_wait_is_kept() -> None:
    found = classify(slack_error("ratelimited", 429, Retry_After="7"))
    assert isinstance(found, Transient)
    assert found.retry_after_s == 7


def test_an_edit_can_be_repeated_so_nothing_about_it_is_doubtful() -> None:
    for error in (TimeoutError(), slack_error("internal_error", 500), slack_error(status=200)):
        assert isinstance(classify(error, repeatable=True), Transient)


def test_a_mistake_of_ours_is_not_mistaken_for_the_network() -> None:
    with pytest.raises(KeyError):
        classify(KeyError("x"))


def press(action: str = "cancel", user: str = "U1", team: str = "T1") -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "ann", "team_id": team},
        "actions": [{"action_id": action, "value": "alert-1", "action_ts": "1.2"}],
        "channel": {"id": "C1"},
    }


@pytest.mark.parametrize(
    ("action", "user", "team", "role"),
    [
        ("acknowledge", "U1", "T1", Role.OPERATOR),
        ("cancel", "U1", "T1", Role.VIEWER),
        ("cancel", "U2", "T1", Role.OPERATOR),
        ("acknowledge", "U2", "T1", Role.OPERATOR),
        ("acknowledge", "U1", "T2", Role.VIEWER),
        ("details", "U3", "T1", Role.VIEWER),
    ],
)
def test_who_may_press_what(action: str, user: str, team: str, role: Role) -> None:
    settings = SlackSettings(may_acknowledge=("U1",), may_act=("U2",), teams=("T1",))
    pressed = read_press(press(action, user, team))
    assert pressed is not None
    assert role_of(pressed, settings) is role


def test_what_is_no_press_of_ours_is_left_alone() -> None:
    assert read_press({"type": "view_submission"}) is None
    assert read_press(press("something_else")) is None
    found = read_press(press())
    assert found is not None
    assert (found.action, found.alert_id, found.action_ts) == (PressAction.CANCEL, "alert-1", "1.2")


def test_the_manifest_asks_for_what_is_needed_and_no_more() -> None:
    manifest = json.loads((Path(__file__).parents[2] / "config" / "slack" / "manifest.json").read_text())
    assert manifest["oauth_config"]["scopes"]["bot"] == ["chat:write", "usergroups:read", "channels:history"]
    assert manifest["settings"]["socket_mode_enabled"]
    assert manifest["settings"]["interactivity"]["is_enabled"]
