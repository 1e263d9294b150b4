"""Hearing of queued jobs on PostgreSQL: its triggers say so on a channel (migration 0009)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from scheduler.queue.pooler import libpq_url

log = structlog.get_logger("predawn.dispatcher")

CHANNEL = "predawn_jobs"
TURN_S = 0.25
"""Seconds after which a stop is seen at the latest."""
RETRY_S = 2.0
"""Seconds between tries to listen again; meanwhile polling goes on."""
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""So that a connection whose other end has vanished without a word is noticed."""


class Notices:
    """Listens on a connection of its own.

    Args:
        url: the database, as in the settings.
    """

    def __init__(self, url: str) -> None:
        self._conninfo = libpq_url(url)

    def listen(self, look: Callable[[], object], done: threading.Event) -> None:
        """Call ``look`` whenever a job was queued, until ``done``; a lost connection is made anew. Blocks."""
        import psycopg  # noqa: PLC0415 - an extra
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - see above

        words = make_conninfo(self._conninfo, application_name="predawn notices", connect_timeout=10, **KEEPALIVE)
        heard_before = True
        while not done.is_set():
            try:
                with psycopg.connect(words, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    heard_before = True
                    look()  # what was queued while nobody listened
                    while not done.is_set():
                        for _ in connection.notifies(timeout=TURN_S):
                            look()
                            if done.is_set():
                                return
            except psycopg.Error as error:
                if heard_before:
                    log.warning("queued jobs are not heard of, only polled for; trying again", error=_words(error))
                heard_before = False
                done.wait(RETRY_S)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
