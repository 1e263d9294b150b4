"""The channel that tells callers of the end of their jobs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.settings import Settings
from integrations.callback import CallbackSender
from scheduler.alerting.delivery import Lane
from scheduler.ports.clock import SystemClock

KEY_FILE = "callback.key"
PARALLEL = 2
"""Calls at once: one receiver that does not answer does not hold up all others."""


def callback_lane(settings: Settings) -> Lane:
    """The lane; there is one also when no host is listed, so that rows for others are refused and do not wait."""
    callbacks = settings.api.callbacks
    sender = CallbackSender(
        hosts=callbacks.hosts,
        private=callbacks.private,
        secret=callback_secret(settings),
        timeout_s=callbacks.timeout_s,
        now=SystemClock().now,
        base_url=settings.api.public_url,
    )
    return Lane(sender, parallel=PARALLEL, call_s=callbacks.timeout_s * 2, first_s=1.0, most_s=600.0)


def callback_secret(settings: Settings) -> str:
    """The key of the signature: the configured one, or one that is made once and kept for its owner alone."""
    given = settings.api.callbacks.secret
    if given is not None:
        return given.get_secret_value()
    return kept_secret(settings.home / KEY_FILE)


def kept_secret(path: Path) -> str:
    """The key in a file, which is made if there is none; several processes may do so at once."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(fresh, path)  # fails where another process was faster: its key counts
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text(encoding="ascii").strip()
