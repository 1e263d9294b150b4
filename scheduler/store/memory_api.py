"""Tokens and webhooks in memory, beside ``memory_records``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.job import QueueConfig
from scheduler.domain.render import Attempt
from scheduler.domain.token import Token
from scheduler.ports.api_store import MOST_LOOKS, Logged
from scheduler.ports.clock import Clock
from scheduler.store.memory_records import MemoryRecords


class MemoryApi(MemoryRecords):
    """What the HTTP API keeps, in dicts."""

    def __init__(self, clock: Clock, *, max_crashes: int, defaults: QueueConfig) -> None:
        super().__init__(clock, max_crashes=max_crashes, defaults=defaults)
        self._tokens: dict[str, Token] = {}
        self._webhooks: dict[str, datetime] = {}
        self._names: dict[str, str] = {}
        self._looks: dict[str, tuple[datetime, datetime | None]] = {}

    def add_token(self, token: Token) -> bool:
        """See ``ApiStore``."""
        with self._lock:
            had = self._tokens.get(token.name)
            if (had is not None and had.revoked_at is None) or any(one.id == token.id for one in self._tokens.values()):
                return False
            self._tokens[token.name] = token
            return True

    def tokens(self) -> list[Token]:
        """See ``ApiStore``."""
        with self._lock:
            return sorted(self._tokens.values(), key=lambda token: token.name)

    def get_token(self, token_id: str) -> Token | None:
        """See ``ApiStore``."""
        return next((token for token in self.tokens() if token.id == token_id), None)

    def revoke_token(self, name: str) -> bool:
        """See ``ApiStore``."""
        with self._lock:
            had = self._tokens.get(name)
            if had is None or had.revoked_at is not None:
                return False
            self._tokens[name] = replace(had, revoked_at=self._clock.now())
            return True

    def take_webhook(self, webhook_id: str, *, forget_after_s: float) -> bool:
        """See ``ApiStore``."""
        with self._lock:
            now = self._clock.now()
            since = now - timedelta(seconds=forget_after_s)
            self._webhooks = {one: at for one, at in self._webhooks.items() if at >= since}
            if webhook_id in self._webhooks:
                return False
            self._webhooks[webhook_id] = now
            return True

    def name_job(self, name: str, job_id: str) -> None:
        """See ``ApiStore``."""
        with self._lock:
            self._names[name] = job_id

    def job_named(self, name: str) -> str | None:
        """See ``ApiStore``."""
        return self._names.get(name)

    def ask_look(self, look_id: str, *, fresh_s: float, forget_after_s: float) -> None:
        """See ``ApiStore``."""
        with self._lock:
            now = self._clock.now()
            since = now - timedelta(seconds=forget_after_s)
            self._looks = {one: times for one, times in self._looks.items() if times[0] >= since}
            asked, looked = self._looks.get(look_id, (now, None))
            if looked is not None and looked < now - timedelta(seconds=fresh_s):
                asked, looked = now, None
            self._looks[look_id] = (asked, looked)

    def looks_asked(self, *, forget_after_s: float) -> list[str]:
        """See ``ApiStore``."""
        with self._lock:
            since = self._clock.now() - timedelta(seconds=forget_after_s)
            waiting = [
                (asked, one) for one, (asked, looked) in self._looks.items() if looked is None and asked >= since
            ]
            return [one for _, one in sorted(waiting)][:MOST_LOOKS]

    def put_look(self, look_id: str) -> None:
        """See ``ApiStore``."""
        with self._lock:
            asked, looked = self._looks.get(look_id, (None, None))
            if asked is not None and looked is None:
                self._looks[look_id] = (asked, self._clock.now())

    def was_looked(self, look_id: str) -> bool:
        """See ``ApiStore``."""
        return self._looks.get(look_id, (None, self._clock.now()))[1] is not None

    def render_log(self, *, after: int | None, limit: int) -> list[Logged]:
        """See ``ApiStore``."""
        with self._lock:
            kept = [Logged(place, attempt) for place, attempt in enumerate(self._attempts.values(), start=1)]
        return kept[-1:] if after is None else [one for one in kept if one.seq > after][:limit]

    def logged(self, attempt_ids: Sequence[str]) -> list[Attempt]:
        """See ``ApiStore``."""
        with self._lock:
            return [attempt for attempt in self._attempts.values() if attempt.id in set(attempt_ids)]
