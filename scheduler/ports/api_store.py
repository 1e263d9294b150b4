"""What the HTTP API keeps in the store: tokens, names of jobs, webhooks that were taken, looks that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.domain.render import Attempt
from scheduler.domain.token import Token

MOST_LOOKS = 100
"""Looks that are told at once."""
FORGET_LOOK_S = 30.0
"""Seconds after which a question that nobody could answer counts no more."""
FRESH_LOOK_S = 1.0
"""Seconds for which a look answers those who ask after it: no caller can make us ask a service more often."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An attempt with its place in ``render_logs``, which grows by insertion."""

    seq: int
    attempt: Attempt


class ApiStore(Protocol):
    """Tokens, names of jobs, webhooks that were taken, looks that are asked for."""

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

    def name_job(self, name: str, job_id: str) -> None:
        """Let a job be found by this name; one that had it before has it no more."""
        ...

    def job_named(self, name: str) -> str | None:
        """The id of the job with this name; None: there is none."""
        ...

    def ask_look(self, look_id: str, *, fresh_s: float, forget_after_s: float) -> None:
        """Ask whoever waits for remote work under this id to look at it now.

        One look answers all who ask for it at the same time, and one that is not older than ``fresh_s`` seconds
        answers, too. A question that nobody answered is forgotten after ``forget_after_s`` seconds.
        """
        ...

    def looks_asked(self, *, forget_after_s: float) -> list[str]:
        """The ids that were asked for and are not looked at yet, at most a hundred."""
        ...

    def put_look(self, look_id: str) -> None:
        """Note that what was asked for was looked at."""
        ...

    def was_looked(self, look_id: str) -> bool:
        """Whether nobody waits for a look under this id any more."""
        ...

    def render_log(self, *, after: int | None, limit: int) -> list[Logged]:
        """Attempts in the order they were started, behind place ``after``; None: only the newest one."""
        ...

    def logged(self, attempt_ids: Sequence[str]) -> list[Attempt]:
        """These attempts as they are now."""
        ...
