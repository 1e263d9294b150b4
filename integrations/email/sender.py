"""The channel ``email``: one message a call, with a Message-ID that a repetition shares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib
from aiosmtplib import errors

from config.sections.alerts import EmailSettings
from integrations.kit.notices import Letter, letter_of
from scheduler.domain.outbox import Absent, Ambiguous, Answer, Delivery, Found, Permanent, Sent, Transient

TLS_PORT = 465
PERMANENT_CODE = 500


class EmailSender:
    """See ``scheduler.ports.outbox.Sender``.

    A doubtful message is sent again under the same Message-ID: most receivers show it once, and twice is better than
    never.
    """

    channel = "email"

    def __init__(self, settings: EmailSettings, *, link: str | None = None) -> None:
        self._settings = settings
        self._link = link

    async def send(self, delivery: Delivery) -> Answer:
        """Send one message."""
        letter = letter_of(delivery.kind, delivery.payload, link=self._link)
        message = compose(self._settings, letter, message_id=message_id(delivery.id, self._settings))
        message["Date"] = format_datetime(delivery.created_at)
        return await post(self._settings, message)

    async def find(self, delivery: Delivery) -> Found:
        """Nobody can look into other people's mailboxes."""
        del delivery
        return Absent()


def message_id(delivery_id: str, settings: EmailSettings) -> str:
    """The same for each try of a delivery."""
    domain = settings.sender.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{delivery_id}.predawn@{domain}>"


def compose(settings: EmailSettings, letter: Letter, *, message_id: str | None = None) -> EmailMessage:
    """A plain-text message."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = letter.subject
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Auto-Submitted"] = "auto-generated"
    if message_id is not None:
        message["Message-ID"] = message_id
    message.set_content(letter.text)
    return message


async def post(settings: EmailSettings, message: EmailMessage) -> Answer:
    """One SMTP conversation, and what became of it."""
    sending = False
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.port == TLS_PORT,
        start_tls=settings.starttls and settings.port != TLS_PORT,
        timeout=settings.call_timeout_s,
    )
    try:
        await client.connect()
        if settings.user is not None:
            secret = settings.password.get_secret_value() if settings.password is not None else ""
            await client.login(settings.user, secret)
        sending = True
        refused, _ = await client.send_message(message)
        await _leave(client)
    except Exception as error:  # noqa: BLE001 - classify raises what is none of the network's
        client.close()
        return classify(error, sending=sending, settings=settings)
    if refused:
        # The others have it; sending again would give it to them twice.
        return Sent(f"{message['Message-ID']} but not to {', '.join(sorted(refused))}")
    return Sent(str(message["Message-ID"]))


async def _leave(client: aiosmtplib.SMTP) -> None:
    """The message is taken: how the conversation ends does not matter any more."""
    try:
        await client.quit()
    except (errors.SMTPException, OSError, TimeoutError):
        client.close()


def classify(error: Exception, *, sending: bool, settings: EmailSettings) -> Permanent | Transient | Ambiguous:
    """What an error of a conversation means. Pure.

    Args:
        error: as raised.
        sending: the message was under way, so the server may have taken it.
        settings: for the words.
    """
    server = f"{settings.host}:{settings.port}"
    said = f"{type(error).__name__}: {error}"
    found: Permanent | Transient | Ambiguous
    match error:
        case errors.SMTPAuthenticationError():
            why = f"({error.code} {error.message}): see alerts.email.user and password"
            found = Permanent(f"{server} refuses the login {why}")
        case errors.SMTPRecipientsRefused():
            words = "; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients)
            never = all(one.code >= PERMANENT_CODE for one in error.recipients)
            never_words = f"{server} takes mail for none of alerts.email.to ({words})"
            found = Permanent(never_words) if never else Transient(f"{server} takes no mail now ({words})")
        case errors.SMTPConnectError() | errors.SMTPConnectTimeoutError():
            found = Transient(f"{server} cannot be reached ({said})")
        case errors.SMTPResponseException():
            words = f"{server} answered {error.code} {error.message}"
            found = Permanent(words) if error.code >= PERMANENT_CODE else Transient(words)
        case errors.SMTPException() if "not supported" in str(error):
            # The library raises its base class for a server without STARTTLS.
            found = Permanent(f"{server} cannot do what is asked ({error}): see alerts.email.starttls and user")
        case errors.SMTPException() | OSError() | asyncio.TimeoutError():
            lost = f"the connection to {server} was lost ({said})"
            found = Ambiguous(lost) if sending else Transient(lost)
        case _:
            raise error
    return found


def trial_letter(extra: Mapping[str, str]) -> Letter:
    """What ``predawn alerts test email`` sends."""
    lines = "\n".join(f"{key}: {value}" for key, value in extra.items())
    return Letter("[predawn] test: e-mail works", f"This is a test of predawn's alerts. Nothing is wrong.\n\n{lines}\n")
