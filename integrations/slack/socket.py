"""Slack's Socket Mode: presses of buttons reach us without a public port. A watchdog builds the connection anew.

The SDK's ``websockets`` client is used: its aiohttp one redials an address that has expired for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from integrations.slack.classify import error_code, explain
from scheduler.domain.outbox import SocketLook
from scheduler.ports.clock import Clock

log = structlog.get_logger("predawn.slack")
_sdk_log = logging.getLogger("predawn.slack.socket")
_sdk_log.setLevel(logging.CRITICAL)

Press = Callable[[Mapping[str, Any]], Awaitable[None]]
CLOSE_S = 5.0
MOST_PAUSE_S = 15.0
CHECKS = 3
"""Looks at the connection within the watchdog's time."""


class SlackSocket:
    """Keeps one connection, and hands presses on after their envelope was answered.

    Args:
        open_client: makes the Web API client that asks for an address.
        app_token: ``xapp-…``.
        on_press: acts on a press; runs beside the connection.
        clock: for since when there is none.
        watchdog_s: seconds without a connection that answers, after which it is built anew.
    """

    def __init__(
        self,
        open_client: Callable[[], AsyncWebClient],
        app_token: str,
        on_press: Press,
        clock: Clock,
        *,
        watchdog_s: float = 30.0,
    ) -> None:
        self._open_client = open_client
        self._app_token = app_token
        self._on_press = on_press
        self._clock = clock
        self._watchdog_s = watchdog_s
        self._look = SocketLook(down_since=clock.now(), error="not connected yet")
        self._acting: set[asyncio.Task[None]] = set()

    def look(self) -> SocketLook:
        """How the socket is, for the rules."""
        return self._look

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until ``stop`` is set; presses that are being acted on are finished."""
        pause = 0.0
        while not stop.is_set():
            try:
                await self._one_connection(stop)
                pause = 0.0
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may work; the rules tell of it
                self._down(_words(error))
                pause = min(MOST_PAUSE_S, self._watchdog_s, max(1.0, pause * 2))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.05, min(pause, self._watchdog_s / CHECKS)))
        if self._acting:
            await asyncio.wait(self._acting, timeout=CLOSE_S)

    async def _one_connection(self, stop: asyncio.Event) -> None:
        """Connect and watch; returns when the connection has been silent for too long."""
        client = SocketModeClient(
            app_token=self._app_token,
            web_client=self._open_client(),
            logger=_sdk_log,
            ping_interval=self._watchdog_s / CHECKS,
        )
        loose: Any = client
        loose.message_listeners.append(self._on_message)
        loose.socket_mode_request_listeners.append(self._on_request)
        try:
            async with asyncio.timeout(self._watchdog_s):
                await loose.connect()
            alive_at = self._clock.monotonic()
            while not stop.is_set():
                if await self._answers(loose):
                    alive_at = self._clock.monotonic()
                    self._look = SocketLook(None, self._look.connections)
                else:
                    self._down("the connection does not answer")
                    if self._clock.monotonic() - alive_at >= self._watchdog_s:
                        log.warning("no answer on Slack's socket: building it anew", seconds=self._watchdog_s)
                        return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._watchdog_s / CHECKS)
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_S):
                    await loose.close()
            # The SDK leaves its tasks behind when closing fails halfway.
            for task in (loose.message_processor, loose.message_receiver, loose.current_session_monitor):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await task

    async def _answers(self, client: Any) -> bool:
        """Whether the other end answers a ping: a half-open connection looks connected."""
        if not await client.is_connected():
            return False
        try:
            async with asyncio.timeout(self._watchdog_s / CHECKS):
                await (await client.current_session.ping())
        except Exception:  # noqa: BLE001 - closed, dropped, silent: all the same here
            return False
        return True

    def _down(self, why: str) -> None:
        since = self._look.down_since or self._clock.now()
        if self._look.error != why:
            log.warning("Slack's socket is down", error=why)
        self._look = SocketLook(since, self._look.connections, why)

    async def _on_message(self, client: Any, message: Mapping[str, Any], raw: str | None) -> None:
        del client, raw
        if message.get("type") == "hello":
            count = int(message.get("num_connections") or 1)
            self._look = SocketLook(None, count)
            log.info("Slack's socket is connected", connections=count)

    async def _on_request(self, client: Any, request: SocketModeRequest) -> None:
        # First the answer, within Slack's 3 s; then the work.
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type != "interactive":
            return
        payload = cast("Mapping[str, Any]", cast("Any", request).payload)
        task = asyncio.create_task(self._act(payload))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)

    async def _act(self, payload: Mapping[str, Any]) -> None:
        try:
            await self._on_press(payload)
        except Exception:  # a press that fails must not end the connection
            log.exception("a press could not be acted on")


def _words(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return (
            explain(error_code(error))
            .replace("bot token (xoxb-…)", "app token (xapp-…)")
            .replace("alerts.slack.bot_token", "alerts.slack.app_token")
        )
    return f"{type(error).__name__}: {error}".rstrip(": ")
