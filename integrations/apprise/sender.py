"""The channel ``apprise``: gets what e-mail gets, over whatever its URLs name."""

from __future__ import annotations

import asyncio
from typing import Any

from integrations.kit.notices import letter_of
from scheduler.domain.outbox import Absent, Ambiguous, Answer, Delivery, Found, Sent


class AppriseMissingError(RuntimeError):
    """The extra is not installed."""


class AppriseSender:
    """See ``scheduler.ports.outbox.Sender``. Apprise tells no more than yes or no, so a no is doubtful and said again.

    Raises:
        AppriseMissingError: the library is not installed.
        ValueError: a URL that apprise does not know.
    """

    channel = "apprise"

    def __init__(self, urls: str, *, link: str | None = None) -> None:
        try:
            import apprise  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise AppriseMissingError(
                "alerts.apprise_urls is set, but apprise is not installed: pip install 'predawn[apprise]'"
            ) from error
        self._apprise: Any = apprise.Apprise()
        self._link = link
        for number, url in enumerate(urls.split(), start=1):
            if not self._apprise.add(url):
                # The URL holds secrets: it is named by its place.
                raise ValueError(f"alerts.apprise_urls: the {number}. URL is none that apprise knows")

    async def send(self, delivery: Delivery) -> Answer:
        """Tell all of its URLs."""
        letter = letter_of(delivery.kind, delivery.payload, link=self._link)
        done = await asyncio.to_thread(self._apprise.notify, title=letter.subject, body=letter.text)
        return Sent() if done else Ambiguous("one of the apprise URLs did not take it; see the log")

    async def find(self, delivery: Delivery) -> Found:
        """Nobody can look."""
        del delivery
        return Absent()
