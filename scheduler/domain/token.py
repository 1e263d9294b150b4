"""Tokens of the HTTP API: what they look like, and how they are checked. The token itself is kept nowhere. Pure.

A token is ``pd_<id>_<secret>``. The secret is 32 random bytes, so a plain SHA-256 is a safe thing to keep: there is
nothing to guess, unlike with passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.access import Role

PREFIX = "pd"
_FORM = re.compile(r"pd_([a-z0-9]{10})_[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as kept.

    Attributes:
        id: its part that is no secret, to find it by.
        name: who or what uses it; the actor's name.
        hash: SHA-256 of the whole token, lower-case hex.
        expires_at: None: never.
        revoked_at: from when on it counts no more.
    """

    id: str
    name: str
    role: Role
    hash: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_good(self, at: datetime) -> bool:
        """Whether it may be used at this time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def new_secret() -> str:
    """A fresh token, as its user gets it."""
    public = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    return f"{PREFIX}_{public}_{secrets.token_urlsafe(32)}"


def id_of(secret: str) -> str | None:
    """The part by which a token is found; None: it is no token of ours."""
    found = _FORM.fullmatch(secret)
    return found.group(1) if found else None


def hash_of(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(token: Token, secret: str) -> bool:
    """Whether this is the token, compared in constant time."""
    return hmac.compare_digest(token.hash, hash_of(secret))


def is_name(text: str) -> bool:
    """Whether a token may be called so."""
    return _NAME.fullmatch(text) is not None
