"""Checks over several settings, which single fields cannot make. Pure: settings in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.settings import Settings

BEATS_PER_LEASE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Settings that do not go together; ``keys`` are the dotted keys it concerns, the one to change first."""

    keys: tuple[str, ...]
    message: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything that does not go together."""
    yield from _lease(settings)
    yield from _ports(settings)
    yield from _chains(settings)
    yield from _estimates(settings)
    yield from _storage(settings)


def _lease(settings: Settings) -> Iterator[Finding]:
    queue = settings.queue
    if queue.heartbeat_s > queue.lease_s / BEATS_PER_LEASE:
        yield Finding(
            ("queue.heartbeat_s", "queue.lease_s"),
            f"{queue.heartbeat_s:g} s is more than a third of queue.lease_s ({queue.lease_s:g} s): one late heartbeat "
            f"would lose the job; take at most {queue.lease_s / BEATS_PER_LEASE:g}",
        )


def _ports(settings: Settings) -> Iterator[Finding]:
    local = settings.local_services
    ports = {
        "local_services.manim_port": local.manim_port,
        "local_services.revideo_port": local.revideo_port,
        "local_services.speech_port": local.speech_port,
        "local_services.orchestrator_port": local.orchestrator_port,
        "local_services.script_port": local.script_port,
        "local_services.sora_port": local.sora_port,
    }
    if settings.api.enabled:
        ports["api.port"] = settings.api.port
    taken: dict[int, str] = {}
    for key, port in ports.items():
        if port and port in taken:
            yield Finding(
                (key, taken[port]), f"port {port} is also {taken[port]}'s; take another, or 0 for any free one"
            )
        taken.setdefault(port, key)


def _chains(settings: Settings) -> Iterator[Finding]:
    stages = settings.pipeline.stages
    for name in type(stages).model_fields:
        key = f"pipeline.stages.{name}.providers"
        chain: tuple[str, ...] = getattr(stages, name).providers
        if not chain:
            yield Finding((key,), "the fallback chain is empty: the stage could never be done; name a provider")
        twice = sorted({provider for provider in chain if chain.count(provider) > 1})
        if twice:
            yield Finding((key,), f"{', '.join(twice)} stands in it more than once; more tries are set by attempts")


def _estimates(settings: Settings) -> Iterator[Finding]:
    for name, estimate in settings.deadline.estimates.items():
        if estimate.p50_s > estimate.p90_s:
            key = f"deadline.estimates.{name}"
            yield Finding(
                (f"{key}.p50_s", f"{key}.p90_s"),
                f"half of the cases ({estimate.p50_s:g} s) cannot take longer than nine of ten ({estimate.p90_s:g} s)",
            )


def _storage(settings: Settings) -> Iterator[Finding]:
    supabase, s3 = settings.storage.supabase, settings.storage.s3
    if supabase.url is not None and supabase.key is None:
        yield Finding(
            ("storage.supabase.key", "storage.supabase.url"),
            "storage.supabase.url is set, but its key is not; name its file in PREDAWN_STORAGE__SUPABASE__KEY_FILE",
        )
    if s3.bucket is not None and (s3.access_key is None or s3.secret_key is None):
        missing = "access_key" if s3.access_key is None else "secret_key"
        yield Finding(
            (f"storage.s3.{missing}", "storage.s3.bucket"),
            "storage.s3.bucket is set, but this is not; both halves of the access key are needed",
        )
