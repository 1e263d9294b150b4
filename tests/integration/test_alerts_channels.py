"""``predawn alerts test``, e-mail and the commands, against servers that say no in every way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alerts_slack import APP_TOKEN, CHANNEL, TOKEN, FakeSlack, fake_slack
from alerts_world import START, Mailbox, alert_world, failures, free_port, mail_server
from pydantic import SecretStr

from config.sections.alerts import EmailSettings, SlackSettings
from config.settings import Settings
from console.bootstrap.alert_test import try_channel
from console.bootstrap.reading import make_operations
from integrations.email.sender import EmailSender
from scheduler.domain.access import Role
from scheduler.domain.alert import AlertState
from scheduler.domain.outbox import Delivery, DeliveryState, NewDelivery, Permanent, Sent, Transient
from scheduler.ports.operations import Actor, InvalidError, PermissionDeniedError
from scheduler.testing import FakeClock, MemoryStore


def settings_of(tmp_path: Path, **alerts: Any) -> Settings:
    settings = Settings(home=tmp_path)
    return settings.model_copy(update={"alerts": settings.alerts.model_copy(update=alerts)})


def slack_of(slack: FakeSlack, **values: Any) -> SlackSettings:
    fields: dict[str, Any] = {
        "bot_token": SecretStr(TOKEN),
        "app_token": SecretStr(APP_TOKEN),
        "channel": CHANNEL,
        "api_url": f"{slack.url}/api",
        "call_timeout_s": 1,
        "may_act": ("U1",),
    }
    return SlackSettings(**fields | values)


async def test_slack_that_works_is_said_step_by_step(tmp_path: Path) -> None:
    async with fake_slack() as slack:
        steps = (await try_channel(settings_of(tmp_path, slack=slack_of(slack)), "slack")).steps
        assert [step.what for step in steps] == ["bot token", "message", "history", "app token", "buttons"]
        assert all(step.fine for step in steps)
        assert len(slack.messages) == 1


@pytest.mark.parametrize(
    ("change", "scopes", "words"),
    [
        ({"bot_token": None}, None, "alerts.slack.bot_token is not set"),
        ({"channel": None}, None, "alerts.slack.channel is not set"),
        ({"bot_token": SecretStr("xoxb-wrong")}, None, "copy the bot token"),
        ({"channel": "C0WRONG"}, None, "channel_not_found: there is no such channel"),
        ({}, "channels:history", "lacks the scope chat:write (to post)"),
        ({}, "chat:write", "lacks the scope channels:history"),
        ({"app_token": SecretStr("xapp-wrong")}, None, "copy the app token (xapp-…)"),
        ({"may_act": ()}, None, "nobody may press a button"),
    ],
)
async def test_what_is_wrong_with_slack_is_named(
    tmp_path: Path, change: dict[str, Any], scopes: str | None, words: str
) -> None:
    async with fake_slack() as slack:
        slack.scopes = scopes or slack.scopes
        steps = (await try_channel(settings_of(tmp_path, slack=slack_of(slack, **change)), "slack")).steps
        assert not steps[-1].fine
        assert words in steps[-1].told


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    port = free_port()
    nowhere = SlackSettings(bot_token=SecretStr(TOKEN), channel=CHANNEL, api_url=f"http://127.0.0.1:{port}/api")
    trial = await try_channel(settings_of(tmp_path, slack=nowhere), "slack")
    assert "cannot be reached" in trial.told
    email = EmailSettings(host="127.0.0.1", port=port, to=("a@example.org",))
    trial = await try_channel(settings_of(tmp_path, email=email), "email")
    assert f"127.0.0.1:{port} cannot be reached" in trial.told
    for channel in ("deadman", "apprise", "email"):
        assert f"alerts.{channel}" in (await try_channel(settings_of(tmp_path), channel)).told


async def test_a_channel_is_tried_by_an_operation_that_is_written_down(tmp_path: Path) -> None:
    operator = Actor("ann", "tui", role=Role.OPERATOR)
    box = Mailbox()
    with mail_server(box) as port:
        email = EmailSettings(host="127.0.0.1", port=port, starttls=False, to=("ops@example.org",))
        operations = make_operations(settings_of(tmp_path, email=email), MemoryStore(FakeClock(START)))
        assert operations.channels_set_up() == ("email",)
        trial = await asyncio.to_thread(operations.try_channel, "email", actor=operator)
        assert (trial.fine, len(box.mails)) == (True, 1)
        box.refuse = "554 no thanks"
        assert "554" in (await asyncio.to_thread(operations.try_channel, "email", actor=operator)).told
    with pytest.raises(InvalidError, match="choose one of slack, email"):
        operations.try_channel("pigeon", actor=operator)
    with pytest.raises(PermissionDeniedError):
        operations.try_channel("email", actor=Actor("bob", "tui"))
    lines = [line.entry for line in operations.audit().items]
    assert [(one.target, one.outcome.value) for one in lines] == [
        ("email", "refused"),
        ("pigeon", "refused"),
        ("email", "done"),
        ("email", "done"),
    ]


def row(**values: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": "d-1",
        "seq": 1,
        "channel": "email",
        "kind": "test",
        "subject": "x",
        "payload": {"subject": "Über\nBcc: evil@example.org", "text": "नमस्ते"},
        "state": DeliveryState.LEASED,
        "attempts": 1,
        "created_at": START,
        "waiting_since": START,
        "next_at": START,
    }
    return Delivery(**fields | values)


async def test_a_letter_said_twice_has_one_message_id_and_no_header_can_be_smuggled_in() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        settings = EmailSettings(host="127.0.0.1", port=port, starttls=False, to=("ops@example.org",), sender="p@x.org")
        sender = EmailSender(settings)
        first, second = await sender.send(row()), await sender.send(row())
    assert first == second == Sent("<d-1.predawn@x.org>")
    assert [mail["Message-ID"] for mail in box.mails] == ["<d-1.predawn@x.org>"] * 2
    assert box.mails[0]["Bcc"] is None
    assert box.subjects[0] == "Über Bcc: evil@example.org"
    assert box.text(0).strip() == "नमस्ते"


@pytest.mark.parametrize(
    ("answer", "kind"), [("451 try later", Transient), ("554 no thanks", Permanent), ("552 too big", Permanent)]
)
async def test_what_a_mail_server_answers(answer: str, kind: type[Any]) -> None:
    box = Mailbox()
    box.refuse = answer
    with mail_server(box) as port:
        settings = EmailSettings(host="127.0.0.1", port=port, starttls=False, to=("ops@example.org",))
        found = await EmailSender(settings).send(row())
    assert isinstance(found, kind)
    assert answer[:3] in str(found)


async def test_tls_that_the_server_does_not_speak_is_named_and_not_left_out() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        found = await EmailSender(EmailSettings(host="127.0.0.1", port=port, to=("ops@example.org",))).send(row())
    assert isinstance(found, Permanent)
    assert "alerts.email.starttls" in found.error
    assert box.mails == []


async def test_a_message_that_slack_refuses_for_good_goes_by_email_at_once() -> None:
    async with alert_world() as world:
        world.slack.fault = lambda _m, _v: "error:is_archived"
        world.observe(ended=failures(3))
        await world.run(31)
        assert len(world.box.mails) == 1
        assert "3 daily_ca jobs failed" in world.box.text()
        assert "archived" in world.box.text()
        [alert] = [a for a in world.store.alerts().items if a.subject == "daily_ca"]
        assert alert.state is AlertState.FIRING


async def test_blocks_that_slack_finds_too_long_go_as_plain_text_and_a_deleted_message_is_posted_anew() -> None:
    async with alert_world() as world:
        world.slack.fault = lambda _m, values: "error:msg_blocks_too_long" if values.get("blocks") else "ok"
        world.observe(ended=failures(3))
        await world.run(5)
        [message] = world.slack.messages
        assert (message.blocks, "3 daily_ca jobs failed" in message.text) == ([], True)
        world.slack.fault = lambda _m, _v: "ok"
        world.slack.messages.clear()
        [alert] = world.store.alerts().items
        payload = world.store.deliveries(alert_id=alert.id).items[0].payload
        world.store.enqueue_deliveries([NewDelivery("slack", "state", alert.id, payload=payload, alert_id=alert.id)])
        await world.run(5)
        assert len(world.slack.messages) == 1
