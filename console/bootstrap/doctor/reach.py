"""The doctor looks around: daemon, ports, services, channels."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from config.settings import Settings
from console.bootstrap.daemon import make_prober
from console.bootstrap.doctor.findings import Finding, Named, fail, ok, warn
from console.format import age
from scheduler.domain.access import Role
from scheduler.domain.service import ServiceState
from scheduler.domain.snapshot import ProcessInfo
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store, StoreError
from scheduler.store import open_store
from scheduler.testing import MemoryStore

T = TypeVar("T")

CONNECT_S = 2.0
SOON = timedelta(days=7)
"""A token that ends within this time is worth a word."""
DAEMONS = frozenset({"serve", "up", "demo", "standby"})


def reach_checks(settings: Settings) -> Sequence[Named]:
    """All of them."""
    return (
        ("daemon", lambda: _daemon(settings)),
        ("port", lambda: _port(settings)),
        ("tokens", lambda: _tokens(settings)),
        ("services", lambda: _services(settings)),
        ("channels", lambda: _channels(settings)),
    )


def _processes(settings: Settings) -> list[ProcessInfo] | None:
    """Who has beaten lately; None: see ``_read``."""
    return _read(settings, lambda store: store.processes())


def _read(settings: Settings, read: Callable[[Store], T]) -> T | None:
    """What a store holds; None: there is no database yet, or it cannot be used (another check says so)."""
    url = settings.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    try:
        store = open_store(url, busy_timeout_s=settings.database.busy_timeout_s, migrate=False)
    except StoreError:
        return None
    try:
        return read(store)
    finally:
        store.close()


def _daemon(settings: Settings) -> Iterable[Finding]:
    processes = _processes(settings)
    if processes is None:
        yield warn("daemon", "not known: there is no database to look into", "predawn serve")
        return
    found = [one for one in processes if one.kind in DAEMONS]
    living = [one for one in found if one.alive]
    if living:
        first = living[0]
        yield ok(
            "daemon",
            f"{first.kind}, pid {first.pid} on {first.host}, seen {age(first.beat_at, SystemClock().now())} ago",
        )
    elif found:
        yield fail(
            "daemon",
            f"dead: last seen {age(found[0].beat_at, SystemClock().now())} ago on {found[0].host}",
            "predawn serve",
        )
    else:
        yield warn("daemon", "none runs: nothing starts by itself", "predawn serve")


def _port(settings: Settings) -> Iterable[Finding]:
    api = settings.api
    if not api.enabled or api.port == 0:
        yield ok("port", "the API is switched off" if not api.enabled else "the API takes any free port")
        return
    living = any(one.alive for one in _processes(settings) or [])
    try:
        with socket.create_connection((api.host, api.port), timeout=CONNECT_S):
            taken = True
    except OSError:
        taken = False
    if taken and not living:
        yield fail("port", f"{api.host}:{api.port} is taken by another program", "stop it, or set api.port")
    elif living and not taken:
        yield warn("port", f"a daemon lives, but nothing answers at {api.host}:{api.port}", "look into its log")
    else:
        yield ok("port", f"{api.host}:{api.port} {'answers' if taken else 'is free'}")


def _tokens(settings: Settings) -> Iterable[Finding]:
    """Who may call the API: nobody, or one that may do everything and never ends?"""
    if not settings.api.enabled:
        yield ok("tokens", "the API is switched off")
        return
    tokens = _read(settings, lambda store: store.tokens())
    now = SystemClock().now()
    good = [token for token in tokens or () if token.is_good(now)]
    if not good:
        left = f" ({len(tokens)} ended or revoked)" if tokens else ""
        yield warn(
            "tokens",
            f"the API is on and there is no token that counts{left}: nobody can call it",
            "predawn token add NAME --role operator, or api.enabled = false",
        )
        return
    lasting = [token.name for token in good if token.role is Role.ADMIN and token.expires_at is None]
    if lasting:
        yield warn(
            "tokens",
            f"admin for ever: {', '.join(lasting)}",
            "give it the role it needs and an end: predawn token revoke NAME, then token add NAME --role … --days 90",
        )
    soon = [token for token in good if token.expires_at is not None and token.expires_at - now < SOON]
    for token in soon:
        yield warn(
            "tokens", f"{token.name} ends {token.expires_at:%Y-%m-%d}", "make a new one before: predawn token add"
        )
    if not lasting and not soon:
        yield ok("tokens", ", ".join(f"{token.name} ({token.role})" for token in good))


def _services(settings: Settings) -> Iterable[Finding]:
    """Ask each once; nothing is written."""

    async def ask() -> list[tuple[str, Any]]:
        prober, client = make_prober(settings, MemoryStore(SystemClock()))  # nothing is kept of this look
        async with client:
            return [(health.service, health) for health in await prober.probe_now()]

    found = asyncio.run(ask())
    if not found:
        yield ok("services", "none is enabled: everything is rendered here")
    for name, health in found:
        probe = health.last_probe
        if health.state is ServiceState.UP and probe is not None:
            yield ok(f"service {name}", f"{health.url} answers in {probe.latency_ms or 0:.0f} ms")
        else:
            why = probe.error if probe is not None and probe.error else health.state.value
            yield warn(
                f"service {name}",
                f"{health.url}: {why}",
                f"start it, or set services.{name}.enabled = false; a fallback renders",
            )


def _channels(settings: Settings) -> Iterable[Finding]:
    """Whether anybody hears of trouble."""
    alerts = getattr(settings, "alerts", None)
    if alerts is None:
        yield warn("channels", "no channel is set up: alerts stand on the console alone", "see docs/alerts.md")
        return
    there = [
        name
        for name, value in (
            ("Slack", alerts.slack.bot_token and alerts.slack.channel),
            ("e-mail", alerts.email.host and alerts.email.to),
            ("dead-man's switch", alerts.deadman.liveness_url),
        )
        if value
    ]
    if not {"Slack", "e-mail"} & set(there):
        yield warn(
            "channels",
            "neither Slack nor e-mail is set up: nobody is woken",
            "alerts.slack and alerts.email in the config",
        )
    else:
        yield ok("channels", f"{', '.join(there)}; predawn alerts test CHANNEL sends a message")
