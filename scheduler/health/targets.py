"""What is probed in an installation: every service that is configured, and how one sees that it is well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from config.settings import Settings

SERVICE_OF: Mapping[str, str] = {
    "chat-script": "script",
    "manim-api": "manim",
    "sora": "sora",
    "sora-route": "sora",
    "a4f": "tts",
    "revideo-api": "revideo",
    "orchestrator": "orchestrator",
    "orchestrator-route": "orchestrator",
    "supabase": "storage",
    "s3": "s3",
}
"""The service that a provider of ours needs (its ``Provider.service``), by its name; the others need none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service and its health check.

    Attributes:
        service: the name in probes, and ``Provider.service``.
        url: its base URL, as it is shown.
        path: asked with GET.
        speaks_health: ``path`` is a health check, whose body says how it is. Else any answer that is no server error is
            a sign of life: what is asked need not be there.
        key: sent as bearer token; an answer that refuses it counts as a failure.
    """

    service: str
    url: str
    path: str = "/health"
    speaks_health: bool = True
    key: SecretStr | None = None


def targets(settings: Settings) -> tuple[Target, ...]:
    """The services of the settings that are in use."""
    services, storage = settings.services, settings.storage
    found = [
        Target(name, service.url)
        for name, service in (
            ("manim", services.manim),
            ("revideo", services.revideo),
            ("orchestrator", services.orchestrator),
        )
        if service.enabled
    ]
    if services.sora.enabled:
        found.append(_openai("sora", services.sora.url, services.sora.token))
    if settings.speech.a4f_url is not None:
        found.append(_openai("tts", settings.speech.a4f_url, settings.speech.a4f_key))
    if settings.script.url is not None:
        found.append(_openai("script", settings.script.url, settings.script.key))
    if storage.supabase.url is not None:
        bucket = f"/storage/v1/bucket/{storage.supabase.bucket}"
        found.append(Target("storage", storage.supabase.url, bucket, speaks_health=False, key=storage.supabase.key))
    if storage.s3.bucket is not None:
        endpoint = storage.s3.endpoint or f"https://s3.{storage.s3.region}.amazonaws.com"
        found.append(Target("s3", endpoint, "/", speaks_health=False))
    return tuple(found)


def _openai(service: str, url: str, key: SecretStr | None) -> Target:
    """A server of the OpenAI contract: it has no health check, the list of its models costs nothing."""
    path = "/models" if url.endswith("/v1") else "/v1/models"
    return Target(service, url, path, speaks_health=False, key=key)
