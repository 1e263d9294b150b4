"""Serve an ASGI program inside the running event loop: no signal handlers, a known port, a prompt stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

TICK_S = 1.0
"""Seconds between the server's looks at the clock, for its date header."""
SETTLE_S = 0.01
"""Seconds between the last connection taken and the look at who is connected."""
STOP_S = 5.0
"""Seconds a stop may take before connections are dropped."""


class PortTakenError(RuntimeError):
    """Another program listens on the port already."""


@dataclass(slots=True)
class Served:
    """A running server.

    Attributes:
        host: address it listens on.
        port: the bound port, also when 0 was asked for.
    """

    host: str
    port: int
    _server: _Server
    _task: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Its base URL, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def stop(self) -> None:
        """End it: no new connections, short answers finish, the rest is dropped. A second call does nothing."""
        self._server.should_exit = True
        self._server.stopping.set()
        try:
            await asyncio.wait_for(asyncio.shield(self._task), STOP_S)
        except TimeoutError:
            self._server.force_exit = True
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, telling when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.stopping = asyncio.Event()

    async def main_loop(self) -> None:
        """Wait to be stopped, with one tick a second instead of ten: an idle daemon should be idle."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), TICK_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the program around us."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Like uvicorn's own, but without its fixed pauses when nobody is connected."""
        # Take nobody more, and let those who were just taken appear, before the listener goes: closed in between,
        # asyncio loses a connection without closing it, and its caller waits for ever.
        loop = asyncio.get_running_loop()
        for sock in sockets or ():
            loop.remove_reader(sock)
        await asyncio.sleep(SETTLE_S)
        for server in self.servers:
            server.close()
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for sock in sockets or ():
            sock.close()
        await self.lifespan.shutdown()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()


def bind(host: str, port: int, *, name: str) -> socket.socket:
    """A bound socket that does not listen yet: connections are refused until it does.

    Raises:
        PortTakenError: the port is in use; the message names it and the remedy.
        OSError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for sockets that name TCP; left on, every answer waits 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            why = "is taken by another program" if error.errno == errno.EADDRINUSE else "may not be used by this user"
            raise PortTakenError(
                f"port {port} for {name} {why}; stop that program or choose other ports with --port-base"
            ) from error
        raise
    sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return sock


async def serve(
    app: ASGIApp,
    *,
    name: str,
    port: int = 0,
    host: str = "127.0.0.1",
    grace_s: int = 1,
    proxies: Sequence[str] = (),
) -> Served:
    """Start serving ``app``; returns when it answers.

    Args:
        app: the ASGI program.
        name: for messages and the task.
        port: 0 takes any free one.
        host: loopback unless said otherwise.
        grace_s: seconds that running answers get when it is stopped.
        proxies: addresses and networks whose ``X-Forwarded-For`` is believed.

    Raises:
        PortTakenError: the port is in use.
        OSError: the address cannot be used.
    """
    sock = bind(host, port, name=name)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=grace_s,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        ws="none",
    )
    server = _Server(config)
    bound = int(sock.getsockname()[1])
    task = asyncio.create_task(server.serve(sockets=[sock]), name=f"serve {name}")
    ready = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        sock.close()
        raise
    finally:
        ready.cancel()
    if task.done():
        sock.close()
        task.result()
        raise RuntimeError(f"{name} ended before it listened on port {bound}")
    return Served(host=host, port=bound, _server=server, _task=task)
