"""Routes that answer HEAD wherever they answer GET (RFC 9110, 9.1): players and caches ask so before they fetch."""

from __future__ import annotations

from fastapi.routing import APIRoute
from sse_starlette import EventSourceResponse
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class ReadableRoute(APIRoute):
    """An operation; one that is read by GET answers HEAD, too. The server leaves the body away.

    Streams do not: to their end is a long way. HEAD is not in the OpenAPI document, as it is understood.
    """

    def _is_head(self, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] == "HEAD"
            and "GET" in (self.methods or ())
            and self.response_class is not EventSourceResponse
        )

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As for GET."""
        return super().matches({**scope, "method": "GET"} if self._is_head(scope) else scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As for GET; a file is not read for it."""
        if self._is_head(scope):
            await self.app(scope, receive, send)
        else:
            await super().handle(scope, receive, send)
