"""Serves registered files, and nothing else, under unguessable addresses."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from integrations.kit.serve import Served, serve

MAX_FILES = 4096
"""Addresses kept; the ones that were asked for longest ago go first. A render needs two for each segment."""


class ArtifactServer:
    """Implements ``ArtifactPublisher``: an address for each file below ``roots``, on loopback unless said otherwise.

    Args:
        roots: folders whose files may be served.
        port: 0 takes any free one.
        host: the address it listens on.
        public_url: how services reach it, where that is not host and port.
    """

    def __init__(
        self, roots: Sequence[Path], *, port: int = 0, host: str = "127.0.0.1", public_url: str | None = None
    ) -> None:
        self._roots = tuple(roots)
        self._port = port
        self._host = host
        self._public_url = public_url
        self._served: Served | None = None
        self._paths: OrderedDict[str, Path] = OrderedDict()
        self._tokens: dict[Path, str] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start serving; returns when it answers. A second call does nothing.

        Raises:
            PortTakenError: the port is in use.
        """
        if self._served is None:
            app = Starlette(routes=[Route("/{token}/{name}", self._answer, methods=["GET"])])
            self._served = await serve(app, name="files for the render services", port=self._port, host=self._host)

    async def stop(self) -> None:
        """End it; every address is dead from here on."""
        served, self._served = self._served, None
        self._paths.clear()
        self._tokens.clear()
        if served is not None:
            await served.stop()

    def url_for(self, path: Path) -> str:
        """An unguessable URL of this file, good until ``stop``; the same file has the same URL.

        Raises:
            ValueError: the file is not below a folder that is served.
            RuntimeError: the server is not started.
        """
        if self._served is None:
            raise RuntimeError("the artifact server is not started: await start() first")
        real = path.resolve()
        if not self._is_ours(real):
            folders = ", ".join(str(root) for root in self._roots)
            raise ValueError(f"{path} is not below a folder that is served ({folders})")
        token = self._tokens.get(real)
        if token is None:
            token = secrets.token_urlsafe(24)
            self._tokens[real] = token
            self._paths[token] = real
            if len(self._paths) > MAX_FILES:
                _, oldest = self._paths.popitem(last=False)
                del self._tokens[oldest]
        else:
            self._paths.move_to_end(token)
        return f"{self._public_url or self._served.url}/{token}/{quote(real.name)}"

    async def _answer(self, request: Request) -> Response:
        path = self._paths.get(request.path_params["token"])
        if path is None or path.name != request.path_params["name"]:
            return _nothing()
        found = await asyncio.to_thread(self._look, path)
        if found is None:
            return _nothing()
        return FileResponse(path, stat_result=found, headers={"cache-control": "no-store"})

    def _look(self, path: Path) -> os.stat_result | None:
        """The file's state, if it is still a plain file at its own place: a link put there later is not followed."""
        try:
            if path.resolve(strict=True) != path or not self._is_ours(path):
                return None
            found = path.stat()
        except OSError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def _is_ours(self, path: Path) -> bool:
        return any(path.is_relative_to(root.resolve()) and path != root.resolve() for root in self._roots)


def _nothing() -> Response:
    return PlainTextResponse("not found", status_code=404)
