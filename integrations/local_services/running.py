"""All local services together: started on their ports, with their faults, stopped as one."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType

from starlette.types import ASGIApp

from integrations.kit.serve import bind, serve
from integrations.local_services import spoil
from integrations.local_services.chat import ChatService
from integrations.local_services.faults import SERVICES, Fault, FaultKind
from integrations.local_services.faulty import FaultyApp
from integrations.local_services.jobs import Product
from integrations.local_services.manim import manim_service
from integrations.local_services.orchestrator import orchestrator_service
from integrations.local_services.render_app import RenderService, Spoil
from integrations.local_services.revideo import revideo_service
from integrations.local_services.shelf import Shelf
from integrations.local_services.sora import SoraService
from integrations.local_services.speech import SpeechService
from integrations.local_services.storage import StorageService
from scheduler.ports.media import LocalMedia

HOST = "127.0.0.1"
DEFAULT_PORTS: Mapping[str, int] = {"manim": 5000, "revideo": 5001, "tts": 5002}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningServices:
    """What runs.

    Attributes:
        urls: base URL by service; for a service that is ``down``, the address that refuses.
        faults: what was injected.
    """

    urls: Mapping[str, str]
    faults: Mapping[str, Fault]


class LocalServices:
    """The stand-ins, as an asynchronous context.

    Args:
        media: renders for them.
        home: a folder of their own; what an earlier run left in it is removed.
        ports: by service; only the services named here are started; 0 takes any free port.
        faults: by service.
        seed: of the dice that ``flaky`` rolls, so that a run can be repeated.
        synchronous: the render services answer with the finished video instead of a job.

    Raises:
        PortTakenError: on entering: a port is in use; what was started is stopped again.
        ValueError: no such service.
    """

    def __init__(
        self,
        media: LocalMedia,
        home: Path,
        ports: Mapping[str, int] = DEFAULT_PORTS,
        faults: Mapping[str, Fault] | None = None,
        *,
        seed: int = 0,
        synchronous: bool = False,
    ) -> None:
        self._media = media
        self._home = home
        self._ports = dict(ports)
        self._faults = dict(faults or {})
        self._seed = seed
        self._synchronous = synchronous
        self._open = AsyncExitStack()
        unknown = sorted({*self._ports, *self._faults}.difference(SERVICES))
        if unknown:
            raise ValueError(f"no local service is called {', '.join(unknown)}; there are {', '.join(SERVICES)}")

    async def __aenter__(self) -> RunningServices:
        async with AsyncExitStack() as stack:
            closing = asyncio.Event()
            urls = {name: await self._start(name, port, closing, stack) for name, port in self._ports.items()}
            # Entered last, so it runs first: whoever hangs is let go before the servers wait for their answers.
            stack.callback(closing.set)
            self._open = stack.pop_all()
        return RunningServices(urls=urls, faults=self._faults)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def _start(self, name: str, port: int, closing: asyncio.Event, stack: AsyncExitStack) -> str:
        fault = self._faults.get(name)
        if fault is not None and fault.kind is FaultKind.DOWN:
            # The port is held but nobody listens: connections are refused, and no other program can answer instead.
            held = stack.enter_context(bind(HOST, port, name=f"the local {name}"))
            return f"http://{HOST}:{held.getsockname()[1]}"
        app = await self._program(name, fault, stack)
        if fault is not None:
            app = FaultyApp(app, fault, rng=Random(f"{self._seed}:{name}"), closing=closing)  # noqa: S311 - dice
        served = await serve(app, name=f"the local {name}", port=port, host=HOST)
        stack.push_async_callback(served.stop)
        log.info("local %s at %s%s", name, served.url, f" with fault {fault}" if fault else "")
        return served.url

    async def _program(self, name: str, fault: Fault | None, stack: AsyncExitStack) -> ASGIApp:
        folder = self._home / name
        work = folder / "work"
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
        if name == "tts":
            return SpeechService(self._media, work, fault=fault).app
        if name == "script":
            return ChatService(fault=fault).app
        if name == "storage":
            return (await asyncio.to_thread(StorageService, folder, fault=fault)).app
        shelf = Shelf(folder / "videos")
        await asyncio.to_thread(shelf.clear)
        spoiler = spoiler_for(name, fault)
        service: RenderService | SoraService
        match name:
            case "manim":
                service = manim_service(self._media, shelf, spoil=spoiler, synchronous=self._synchronous)
            case "sora":
                service = SoraService(self._media, shelf, spoil=spoiler)
            case "orchestrator":
                service = orchestrator_service(self._media, shelf, work, spoil=spoiler, synchronous=self._synchronous)
            case _:
                service = revideo_service(self._media, shelf, work, spoil=spoiler, synchronous=self._synchronous)
        stack.push_async_callback(service.queue.close)
        return service.app


def spoiler_for(service: str, fault: Fault | None) -> Spoil | None:
    """What is done to each product of ``service`` under ``fault``; None when nothing is."""
    kind = fault.kind if fault is not None else None

    async def missing(path: Path, _product: Product) -> None:
        await asyncio.to_thread(path.unlink)

    async def truncated(path: Path, _product: Product) -> None:
        await asyncio.to_thread(spoil.cut, path)

    async def silent(path: Path, product: Product) -> None:
        if service in {"manim", "sora"}:
            await asyncio.to_thread(spoil.blacken, path, duration_s=product.duration_s)
        else:
            await asyncio.to_thread(spoil.mute, path)

    match kind:
        case FaultKind.MISSING:
            return missing
        case FaultKind.TRUNCATED:
            return truncated
        case FaultKind.SILENT:
            return silent
        case _:
            return None
