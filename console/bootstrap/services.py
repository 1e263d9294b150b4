"""The local services put together: stand-ins for the render services and endpoints on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Callable, Collection, Mapping

from pydantic import SecretStr

from config.settings import Settings
from integrations.local_services.faults import Fault, parse_faults
from integrations.media.toolkit import MediaToolkit


def check_faults(faults: Collection[str]) -> dict[str, Fault]:
    """The faults of ``--fault SERVICE=KIND``, by service.

    Raises:
        ValueError: a service or kind that there is not.
    """
    return parse_faults(faults)


@contextlib.asynccontextmanager
async def local_services(
    settings: Settings, ports: Mapping[str, int], faults: Collection[str]
) -> AsyncGenerator[dict[str, str], None]:
    """The stand-ins are up while the body runs; yields their URLs by service.

    Raises:
        ValueError: a fault is wrong.
        PortTakenError: a port is in use.
    """
    from integrations.local_services.running import LocalServices  # noqa: PLC0415 - 40 MB that a mere render needs not

    chosen = check_faults(faults)
    media = MediaToolkit(processes=settings.pipeline.render_processes)
    running = LocalServices(media, settings.home / "local-services", ports=ports, faults=chosen)
    async with running as started:
        yield dict(started.urls)


def local_service_urls(urls: Mapping[str, str]) -> dict[str, str]:
    """URLs of local services as settings keys (``tts`` is the speech endpoint)."""
    keys = {
        "manim": "services.manim.url",
        "revideo": "services.revideo.url",
        "orchestrator": "services.orchestrator.url",
        "tts": "speech.a4f_url",
        "script": "script.url",
        "sora": "services.sora.url",
        "storage": "storage.supabase.url",
    }
    return {keys[name]: url for name, url in urls.items()}


def exercised(settings: Settings, faults: Collection[str]) -> Settings:
    """The settings under which services that are off by themselves are used where a fault is injected into them.

    With ``orchestrator=…`` jobs take the route over it, with ``sora=…`` it stands behind the Manim API, with
    ``storage=…`` videos are published there. (The chat
    endpoint is used as soon as it has an address.)
    """
    chosen = check_faults(faults)
    update: dict[str, object] = {}
    if "orchestrator" in chosen:
        update["pipeline"] = settings.pipeline.model_copy(update={"route": "orchestrator"})
    if "sora" in chosen:
        sora = settings.services.sora.model_copy(update={"enabled": True})
        update["services"] = settings.services.model_copy(update={"sora": sora})
    if "storage" in chosen:
        supabase = settings.storage.supabase.model_copy(update={"key": SecretStr("local")})
        update["storage"] = settings.storage.model_copy(update={"supabase": supabase})
    return settings.model_copy(update=update)


def with_services(settings: Settings, urls: Mapping[str, str]) -> Settings:
    """The settings with the URLs of services replaced, by dotted key."""
    document = settings.model_dump()
    for key, url in urls.items():
        table = document
        *path, last = key.split(".")
        for name in path:
            table = table[name]
        table[last] = url
    return Settings.model_validate(document)


async def run_local_services(
    settings: Settings, ports: Mapping[str, int], faults: Collection[str], say: Callable[[str], None]
) -> None:
    """The stand-ins until SIGTERM or SIGINT."""
    configured = settings.local_services
    chosen = {
        "manim": configured.manim_port,
        "revideo": configured.revideo_port,
        "tts": configured.speech_port,
        "orchestrator": configured.orchestrator_port,
        "script": configured.script_port,
        "sora": configured.sora_port,
    } | dict(ports)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with local_services(settings, chosen, faults) as urls:
        for name, url in urls.items():
            say(f"{name:<12} {url}")
        say("stop with ctrl-c")
        await stop.wait()
