"""What is watched, whom it is told, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from config.sections.base import Seconds, Section, Url

Count = Annotated[int, Field(ge=1, le=10_000)]


class RuleSettings(Section):
    """When the rules fire and when they are quiet again."""

    consecutive_failures: Count = 3
    """Failed jobs of one type in a row; the retries inside a job count once."""
    queue_depth: Count = 20
    """Queued jobs above which the queue is too deep, seen twice."""
    queue_clear: Annotated[int, Field(ge=0, le=10_000)] = 15
    """Queued jobs at or below which it is fine again, seen three times."""
    queue_age_s: Seconds = 1800.0
    """Seconds that the oldest queued job may wait."""
    start_late_s: Seconds = 300.0
    """Seconds after its time at which a run that has not started is late."""
    min_duration_s: Annotated[float, Field(ge=0, le=86_400)] = 10.0
    """Seconds of video below which the output of a run is too short to be right."""
    min_render_s: Annotated[float, Field(ge=0, le=86_400)] = 3.0
    """Seconds of rendering below which a run was too fast to be true."""
    worker_lost_s: Seconds = 60.0
    """Seconds without a sign of life after which a worker that nobody has replaced is lost."""
    undeliverable_s: Seconds = 120.0
    """Seconds a message may wait before a channel counts as failing and e-mail steps in."""
    socket_down_s: Seconds = 60.0
    """Seconds without Slack's socket before that is told by e-mail."""


class SlackSettings(Section):
    """Slack: one message an alert, edited in place. Without a token nothing is sent."""

    bot_token: SecretStr | None = None
    """Bot token, ``xoxb-…``, with the scopes of the shipped manifest. Default: none."""
    app_token: SecretStr | None = None
    """App token, ``xapp-…``, for the buttons (Socket Mode). Default: none, messages have no buttons."""
    channel: str | None = None
    """Channel id, ``C0123456789`` (not its name). Default: none."""
    mention: str | None = None
    """Whom to mention when nobody acknowledges: ``<!subteam^S…>``, ``<@U…>`` or ``<!here>``. Default: nobody."""
    api_url: Url = "https://slack.com/api"
    """Base URL of the Web API."""
    call_timeout_s: Annotated[float, Field(ge=0.2, le=120)] = 10.0
    """Seconds until a call counts as failed."""
    interval_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Seconds between two messages (Slack takes one a second a channel)."""
    watchdog_s: Annotated[float, Field(ge=0.2, le=600)] = 30.0
    """Seconds without the socket after which it is built anew."""
    may_acknowledge: tuple[str, ...] = ()
    """Slack users (``U…``) and user groups (``S…``) who may acknowledge, mute and look at details. Default: nobody."""
    may_act: tuple[str, ...] = ()
    """Slack users (``U…``) and user groups (``S…``) who may re-render and cancel as well. Default: nobody."""
    teams: tuple[str, ...] = ()
    """Workspaces (``T…``) whose members count; empty: any that the app is installed in."""


class EmailSettings(Section):
    """E-mail by SMTP. Without a server nothing is sent."""

    host: str | None = None
    """SMTP server. Default: none."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """Its port; 465 speaks TLS from the start."""
    user: str | None = None
    """Login name. Default: no login."""
    password: SecretStr | None = None
    """Password. Default: none."""
    starttls: bool = True
    """Whether to switch to TLS (not on port 465, which has it). False: only for a server on this machine."""
    sender: str = "predawn@localhost"
    """Address it comes from."""
    to: tuple[str, ...] = ()
    """Addresses it goes to."""
    call_timeout_s: Annotated[float, Field(ge=0.2, le=300)] = 20.0
    """Seconds until a message counts as failed."""


class DeadmanSettings(Section):
    """The dead-man's switch: outside checks (Healthchecks and its kind) that raise the alarm when we fall silent."""

    nightly_url: SecretStr | None = None
    """Check of the nightly run: gets ``/start``, success and ``/fail``. Default: none."""
    liveness_url: SecretStr | None = None
    """Check of the daemon: gets a ping while scheduler, database, rules and outbox are all fresh. Default: none."""
    every_s: Annotated[float, Field(ge=0.1, le=86_400)] = 300.0
    """Seconds between liveness pings."""
    fresh_s: Annotated[float, Field(ge=0.1, le=86_400)] = 180.0
    """Seconds after which a vital sign that has not been renewed is stale."""
    outbox_age_s: Annotated[float, Field(ge=1, le=86_400)] = 1800.0
    """Seconds that a message may wait in the outbox before liveness stops."""


class AlertSettings(Section):
    """Alerts: rules, acknowledgement, escalation, and the channels that tell of them."""

    enabled: bool = True
    """Whether the daemon evaluates rules. With no channel set up, alerts are on the console alone."""
    every_s: Annotated[float, Field(ge=0.05, le=600)] = 30.0
    """Seconds between two looks."""
    reopen_s: Annotated[float, Field(ge=0, le=86_400)] = 1800.0
    """Seconds after its resolution within which the same trouble re-opens its alert."""
    ack_s: Seconds = 7200.0
    """Seconds after which an acknowledgement lapses."""
    ack_near_s: Seconds = 1200.0
    """The same near the deadline."""
    near_s: Seconds = 3600.0
    """Seconds before the deadline that are near."""
    mention_s: Seconds = 600.0
    """Seconds a critical alert may go unacknowledged before people are mentioned in its thread."""
    email_s: Seconds = 1200.0
    """Seconds a critical alert may go unacknowledged before it is e-mailed."""
    group_above: Count = 5
    """Alerts that fire at one look beyond which the rest goes into one message."""
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days that sent messages are kept."""
    console_url: Url | None = None
    """Address of the HTTP API or console that messages link to. Default: none, they name a command."""
    apprise_urls: SecretStr | None = None
    """Further channels as apprise URLs separated by spaces (extra ``apprise``); they get what e-mail gets."""
    rules: RuleSettings = RuleSettings()
    slack: SlackSettings = SlackSettings()
    email: EmailSettings = EmailSettings()
    deadman: DeadmanSettings = DeadmanSettings()
