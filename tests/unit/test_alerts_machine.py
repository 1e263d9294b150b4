"""States over sequences of looks: ``x`` bad, ``X`` critical, ``-`` between, ``.`` fine; one letter a minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.alerting.machine import step
from scheduler.alerting.plan import Channels, command_plan, plan
from scheduler.domain.alert import (
    Alert,
    AlertState,
    Facts,
    Limits,
    Mute,
    Rule,
    Sample,
    Severity,
    acknowledge,
)
from scheduler.ports.alert_store import AlertPlan

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
BOTH = Channels(slack=True, plain=("email",))


class Night:
    """Alerts kept between looks as a store would, and everything that was said."""

    def __init__(self, channels: Channels = BOTH) -> None:
        self.now = START
        self.alerts: dict[str, Alert] = {}
        self.said: list[str] = []
        self.channels = channels
        self.mutes: list[Mute] = []
        self._ids = iter(f"id{n}" for n in range(1000))

    def look(self, *samples: Sample, maintenance: dict[str, datetime] | None = None) -> AlertPlan:
        stepped = step(
            list(self.alerts.values()),
            samples,
            now=self.now,
            limits=Limits(),
            new_id=lambda: next(self._ids),
            mutes=self.mutes,
            maintenance=maintenance,
        )
        planned = plan(stepped, now=self.now, limits=Limits(), channels=self.channels)
        self._keep(planned)
        return planned

    def _keep(self, planned: AlertPlan) -> None:
        for alert in planned.alerts:
            self.alerts[alert.id] = replace(alert, version=alert.version + 1)
        for alert in planned.dropped:
            del self.alerts[alert.id]
        for row in (*planned.deliveries, *(row for fold in planned.folds for row in fold.otherwise)):
            text = row.payload.get("text", "")
            self.said.append(f"{row.channel} {row.kind}" + (f" {text.split()[0]}" if text else ""))

    def ack(self) -> None:
        [alert] = [alert for alert in self.alerts.values() if alert.is_open]
        change = acknowledge(alert, actor="ann", now=self.now, limits=Limits())
        self._keep(command_plan(change, now=self.now, channels=self.channels))

    def pass_minutes(self, number: float) -> None:
        self.now += timedelta(minutes=number)

    @property
    def states(self) -> list[str]:
        return [alert.state.value for alert in self.alerts.values()]


def sample(
    letter: str = "x", *, needs: int = 2, clears: int = 3, rule: Rule = Rule.QUEUE_DEPTH, subject: str = "jobs"
) -> Sample:
    severity = Severity.CRITICAL if letter == "X" else Severity.WARNING
    return Sample(rule, subject, severity, Facts("title"), needs=needs, clears=clears, holds=letter == "-")


def play(night: Night, letters: str, needs: int = 2, clears: int = 3) -> None:
    for letter in letters:
        night.look(*([] if letter == "." else [sample(letter, needs=needs, clears=clears)]))
        night.pass_minutes(1)


POST, RESOLVED = ["slack state"], ["slack state", "slack reply Resolved"]


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        ("x.x.x.", []),
        ("x-x-x-", []),
        ("xx", POST),
        ("xxxxxx", POST),
        ("xx-x-x-x", POST),
        ("xx..x..x", POST),
        ("xx.-.-..", POST),
        ("xx...", [*POST, *RESOLVED]),
        ("xx...x...", [*POST, *RESOLVED]),
        ("xx...xx", [*POST, *RESOLVED, "slack state", "slack reply Back"]),
        ("xxXX", [*POST, "slack state", "slack reply Worse:"]),
        ("xxXxXx", POST),
        ("xXX", [*POST]),
    ],
)
def test_sequences_of_looks(letters: str, said: list[str]) -> None:
    night = Night()
    play(night, letters)
    assert night.said == said


def test_back_within_half_an_hour_is_the_same_alert_with_a_count_and_later_a_new_one() -> None:
    night = Night()
    play(night, "xx...")
    night.pass_minutes(20)
    play(night, "xx")
    assert [alert.count for alert in night.alerts.values()] == [2]
    play(night, "...")
    night.pass_minutes(31)
    night.alerts = {k: a for k, a in night.alerts.items() if a.state is not AlertState.RESOLVED}
    play(night, "xx")
    assert [alert.count for alert in night.alerts.values()] == [1]


def test_a_critical_alert_calls_at_ten_minutes_and_mails_at_twenty_unless_somebody_sees_to_it() -> None:
    night = Night()
    play(night, "X" * 30, needs=1)
    assert night.said == [*POST, "slack reply Nobody", "email alerts"]
    seen = Night()
    play(seen, "XX", needs=1)
    seen.ack()
    play(seen, "X" * 60, needs=1)
    assert seen.said == [*POST, "slack state"]
    play(seen, "X" * 61, needs=1)  # the acknowledgement has lapsed after two hours
    assert "slack reply It" in seen.said
    play(seen, "...", clears=3)
    assert seen.states == ["resolved"]


def test_an_acknowledgement_near_the_deadline_lapses_after_twenty_minutes() -> None:
    night = Night()
    near = replace(sample("X", needs=1), deadline_at=START + timedelta(minutes=50))
    night.look(near)
    night.ack()
    [alert] = night.alerts.values()
    assert alert.ack_until == START + timedelta(minutes=20)


def test_an_acknowledged_warning_that_grows_critical_calls_again() -> None:
    night = Night()
    play(night, "xx")
    night.ack()
    play(night, "XX")
    assert night.states == ["firing"]
    assert "slack reply Worse:" in night.said


def test_a_muted_alert_says_nothing_until_the_mute_ends() -> None:
    night = Night()
    night.mutes = [Mute("queue_depth|jobs|", START + timedelta(minutes=10), "ann", START)]
    play(night, "x" * 10)
    assert night.said == []
    play(night, "xx")
    assert night.said == POST


def test_what_comes_and_goes_while_muted_is_never_told() -> None:
    night = Night()
    night.mutes = [Mute("queue_depth|jobs|", START + timedelta(minutes=60), "ann", START)]
    play(night, "xxxx....")
    assert (night.said, night.states) == ([], ["resolved"])


def test_maintenance_of_a_service_keeps_it_quiet_until_its_end() -> None:
    night = Night()
    down = sample(rule=Rule.SERVICE_DOWN, subject="manim", needs=1)
    night.look(down, maintenance={"manim": START + timedelta(minutes=5)})
    assert night.said == []
    night.pass_minutes(6)
    night.look(down, maintenance={"manim": START + timedelta(minutes=5)})
    assert night.said == POST


def test_what_follows_from_a_service_that_is_down_is_not_told_beside_it() -> None:
    night = Night()
    down = sample(rule=Rule.SERVICE_DOWN, subject="manim", needs=1, clears=1)
    deep = sample(needs=1)
    failed = sample("X", rule=Rule.CONSECUTIVE_FAILURES, subject="daily_ca", needs=1)
    late = sample("X", rule=Rule.DEADLINE_AT_RISK, subject="nightly", needs=1)
    night.look(down, deep, failed)
    assert night.said == POST
    night.look(down, deep, failed, late)
    assert night.said == POST * 2  # a deadline is never kept quiet
    night.pass_minutes(15)
    night.look(deep, failed, late)
    # The service is back: its end, and the failures now by themselves; the depth follows from those.
    assert night.said.count("slack state") == 4


def test_trouble_with_slack_is_told_by_email_alone() -> None:
    night = Night()
    night.look(sample(rule=Rule.DELIVERY_FAILING, subject="slack", needs=1, clears=1))
    night.look()
    assert night.said == ["email alerts"]
    alone = Night(Channels(slack=True))
    alone.look(sample(rule=Rule.SOCKET_DOWN, subject="slack", needs=1))
    assert alone.said == POST


def test_without_slack_everything_goes_by_email_and_with_nothing_nothing_fails() -> None:
    mail = Night(Channels(plain=("email",)))
    play(mail, "xx...")
    assert mail.said == ["email alerts", "email alerts"]
    nothing = Night(Channels())
    play(nothing, "xx...")
    assert (nothing.said, nothing.states) == ([], ["resolved"])


def test_alerts_that_slack_has_not_taken_go_into_one_email_once() -> None:
    night = Night()
    many = [sample(needs=1, subject=f"s{n}", rule=Rule.OUTPUT_INVALID) for n in range(3)]
    night.look(*many)
    night.channels = replace(BOTH, slack_failing=True, stuck=frozenset(night.alerts))
    planned = night.look(*many)
    assert [(row.channel, len(row.payload["alerts"])) for row in planned.deliveries] == [("email", 3)]
    assert night.look(*many).deliveries == ()


def test_a_missed_deadline_goes_both_ways_at_once_and_stays_one_alert() -> None:
    night = Night()
    risk = replace(sample(rule=Rule.DEADLINE_AT_RISK, subject="nightly"), period="2026-11-20")
    missed = replace(sample("X", rule=Rule.DEADLINE_MISSED, subject="nightly", needs=1), period="2026-11-20")
    night.look(risk)
    night.look(risk)
    night.look(missed)
    assert night.said == [*POST, "slack state", "slack reply Worse:", "email alerts"]
    assert len(night.alerts) == 1


def test_many_at_once_are_grouped() -> None:
    night = Night()
    planned = night.look(*(sample(needs=1, subject=f"s{n}", rule=Rule.OUTPUT_INVALID) for n in range(1000)))
    kinds = [row.kind for row in planned.deliveries]
    assert kinds == ["state"] * 5 + ["group"]
    group = planned.deliveries[-1].payload
    assert (group["counts"], len(group["lines"]), group["more"]) == ({"output_invalid": 995}, 15, 980)
    assert (
        night.look(*(sample(needs=1, subject=f"s{n}", rule=Rule.OUTPUT_INVALID) for n in range(1000))).deliveries == ()
    )


def test_a_breach_of_the_rate_is_told_once_and_calls_nobody() -> None:
    night = Night()
    for _ in range(60):
        night.look(sample("X", rule=Rule.SLA, subject="nightly", needs=1))
        night.pass_minutes(1)
    assert night.said == POST
