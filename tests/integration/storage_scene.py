"""What the tests of publication share: a finished render's files, and counted calls on a real storage service."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from http_scripted import Kept, make_call
from pydantic import SecretStr
from services_media import moving_picture
from starlette.types import ASGIApp, Receive, Scope, Send

from config.settings import SupabaseSettings
from integrations.kit.artifacts import artifact_of
from integrations.kit.serve import serve
from scheduler.domain.job import Job
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.provider import Call

MIB = 2**20


def upload_call(
    folder: Path,
    *,
    size: int | None = None,
    job: Job | None = None,
    seed: int = 1,
    kept: Kept | None = None,
    timeout_s: float = 10.0,
    thumbnail: bool = True,
) -> Call:
    """A call of stage upload: a small real video, or so many random bytes."""
    made = folder / "made"
    made.mkdir(parents=True, exist_ok=True)
    video = made / "video.mp4"
    if size is not None:
        video.write_bytes(random.Random(seed).randbytes(size))
    elif not video.exists():
        moving_picture(video, seconds=1, sound=True)
    (made / "video.jpg").write_bytes(b"\xff\xd8jpeg" * 50)
    artifacts = {"video": artifact_of(video, "video/mp4")}
    if thumbnail:
        artifacts["thumbnail"] = artifact_of(made / "video.jpg", "image/jpeg")
    inputs = {
        StageName.REVIDEO: StageOutput(data={"duration_s": 1.0}, artifacts=artifacts),
        StageName.VERIFY: StageOutput(data={"duration_s": 1.02}),
    }
    return make_call(folder / "upload", StageName.UPLOAD, job=job, inputs=inputs, kept=kept, timeout_s=timeout_s)


def settings(url: str, **changes: Any) -> SupabaseSettings:
    return SupabaseSettings(url=url, key=SecretStr("service-key-1"), **changes)


class Counted:
    """A program whose calls are counted.

    Attributes:
        calls: by method and the first words of the path.
        headers: of the last call of each kind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.calls: Counter[str] = Counter()
        self.headers: dict[str, Mapping[bytes, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        kind = f"{scope['method']} {self._kind(scope['path'])}"
        self.calls[kind] += 1
        self.headers[kind] = dict(scope["headers"])
        await self.app(scope, receive, send)

    def _kind(self, path: str) -> str:
        for part in ("object/info", "object/public", "upload/resumable", "object"):
            if path.startswith(f"/storage/v1/{part}"):
                return part
        return path


class Line:
    """A line to a server that can be cut.

    Attributes:
        cut_after: bytes of the next PATCH that pass before the connection is dropped, once.
        cuts: how often it was.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut_after: int | None = None
        self.cuts = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(self._pass(there, writer))
        left: int | None = None
        try:
            while data := await reader.read(65_536):
                if data.startswith(b"PATCH ") and self.cut_after is not None:
                    left, self.cut_after = self.cut_after, None
                back.write(data if left is None else data[:left])
                await back.drain()
                left = None if left is None else left - len(data)
                if left is not None and left <= 0:
                    self.cuts += 1
                    break
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            back.close()
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncGenerator[tuple[Line, str]]:
    """A line that can be cut, and the address of its near end."""
    line = Line(int(url.rpartition(":")[2]))
    server = await asyncio.start_server(line, "127.0.0.1", 0)
    try:
        yield line, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def counted(app: ASGIApp) -> AsyncGenerator[tuple[Counted, str]]:
    program = Counted(app)
    served = await serve(program, name="storage", grace_s=0)
    try:
        yield program, served.url
    finally:
        await served.stop()
