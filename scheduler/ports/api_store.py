"""What the HTTP API keeps in the store: tokens, and webhooks that were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.domain.render import Attempt
from scheduler.domain.token import Token


@dataclass(frozen=True, slots=True)
class Logged:
    """An attempt with its place in ``render_logs``, which grows by insertion."""

    seq: int
    attempt: Attempt


class ApiStore(Protocol):
    """Tokens, and webhooks that were taken."""

    def add_token(self, token: Token) -> bool:
        """Keep a token. False: another one that was not revoked has the name."""
        ...

    def tokens(self) -> list[Token]:
        """All tokens, by name, revoked ones too."""
        ...

    def get_token(self, token_id: str) -> Token | None:
        """The token with this id."""
        ...

    def revoke_token(self, name: str) -> bool:
        """Let a token count no more. False: there is none of this name that still does."""
        ...

    def take_webhook(self, webhook_id: str, *, forget_after_s: float) -> bool:
        """Note that a webhook was taken. False: it was taken before, at most ``forget_after_s`` seconds ago."""
        ...

    def render_log(self, *, after: int | None, limit: int) -> list[Logged]:
        """Attempts in the order they were started, behind place ``after``; None: only the newest one."""
        ...

    def logged(self, attempt_ids: Sequence[str]) -> list[Attempt]:
        """These attempts as they are now."""
        ...
