"""The files a local service has made and serves: a folder with a bound."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

MAX_FILES = 128
MAX_BYTES = 2 * 2**30
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\.[a-z0-9]{2,4}")


class Shelf:
    """A folder whose plain files are served by name; the oldest go when there are too many.

    Args:
        folder: made when missing; what an earlier process left in it is removed by ``clear``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def clear(self) -> None:
        """Start with an empty folder: jobs are in memory, so nobody can know the old files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)

    def path(self, name: str) -> Path:
        """The path of the file called ``name``."""
        return self.folder / name

    def tidy(self) -> None:
        """Remove the oldest files beyond the bounds."""
        files = sorted(
            ((p.stat().st_mtime, p.stat().st_size, p) for p in self.folder.iterdir() if p.is_file()), reverse=True
        )
        total = 0
        for number, (_, size, path) in enumerate(files, start=1):
            total += size
            if number > MAX_FILES or (total > MAX_BYTES and number > 1):
                path.unlink(missing_ok=True)

    async def answer(self, request: Request) -> Response:
        """``GET /videos/{file}``, with ranges."""
        name = request.path_params["file"]
        path = self.path(name)
        if not NAME.fullmatch(name) or not await asyncio.to_thread(path.is_file):
            return JSONResponse({"error": "no such file"}, status_code=404)
        return FileResponse(path)
