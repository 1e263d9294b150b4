"""As little of an HTTP client as a load needs: it must cost less than what it measures."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence


class Connection:
    """One connection; one request at a time.

    Attributes:
        body: of the last answer.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.body = b""

    async def open(self) -> None:
        """Connect.

        Raises:
            OSError: nobody listens.
        """
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def ask(self, request: bytes) -> int:
        """The status of the answer to a request."""
        if self._reader is None or self._writer is None:
            raise RuntimeError("open() it first")
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        low = head.lower()
        place = low.index(b"content-length:") + len(b"content-length:")
        length = int(low[place : low.index(b"\r\n", place)])
        self.body = await self._reader.readexactly(length)
        return int(head[9:12])

    def close(self) -> None:
        """Disconnect."""
        if self._writer is not None:
            self._writer.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1]
