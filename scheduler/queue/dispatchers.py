"""Which dispatcher a worker gets."""

from __future__ import annotations

from config.settings import QueueSettings
from scheduler.ports.dispatcher import Dispatcher
from scheduler.ports.store import Store, StoreUnavailableError
from scheduler.queue.embedded import EmbeddedDispatcher
from scheduler.queue.notices import Notices
from scheduler.queue.pooler import is_postgresql, libpq_url

POSTGRESQL_POLL_S = 0.1
"""PostgreSQL is a round trip away: not polled more often than this. Polling sees the room that others' jobs leave;
queued jobs are heard of at once."""


def make_dispatcher(url: str, store: Store, settings: QueueSettings) -> Dispatcher:
    """The dispatcher that the settings ask for; ``auto`` takes pgqueuer on PostgreSQL and the embedded one on SQLite.

    Raises:
        StoreUnavailableError: pgqueuer is asked for and is not installed, or the database is not PostgreSQL.
    """
    postgresql = is_postgresql(url)
    wanted = settings.dispatcher
    if wanted == "auto":
        wanted = "pgqueuer" if postgresql else "embedded"
    if wanted == "embedded":
        if not postgresql:
            return EmbeddedDispatcher(store.data_version, poll_s=settings.poll_s)
        poll_s = max(settings.poll_s, POSTGRESQL_POLL_S)
        return EmbeddedDispatcher(store.data_version, poll_s=poll_s, listen=Notices(url).listen)
    if not postgresql:
        raise StoreUnavailableError(
            "queue.dispatcher is pgqueuer, which needs PostgreSQL; set database.url to "
            "postgresql://user@host:5432/name or queue.dispatcher to embedded"
        )
    try:
        from scheduler.queue.pgq.dispatcher import PgQueuerDispatcher  # noqa: PLC0415 - an extra, and 0.2 s to import
    except ModuleNotFoundError as error:
        raise StoreUnavailableError(
            f"Workers on PostgreSQL need pgqueuer ({error.name} is missing): pip install 'predawn[postgres]', or set "
            "queue.dispatcher to embedded"
        ) from error
    return PgQueuerDispatcher(libpq_url(url), settings)
