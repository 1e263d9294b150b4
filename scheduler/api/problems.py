"""Errors as problem documents (RFC 9457): what is wrong and what to do, never a stack trace."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from scheduler.ports.operations import InvalidError, NotFoundError, OperationError, PermissionDeniedError
from scheduler.ports.store import StoreError

log = structlog.get_logger("predawn.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
METHODS = ("DELETE", "GET", "HEAD", "POST")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:predawn:problem:not-found",
                "title": "Not Found",
                "status": 404,
                "detail": "no job 3f2a…",
                "error": "no job 3f2a…",
            }
        },
    )

    type: str
    """``urn:predawn:problem:<word>``."""
    title: str
    status: int
    detail: str
    """What happened, and what to do."""
    error: str
    """The same as ``detail``: the word of the Orchestrator contract."""


class ApiError(Exception):
    """An answer other than success, raised where it is found out.

    Args:
        status: HTTP status.
        detail: what happened, and what to do.
        more: further members of the document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more or {}


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> JSONResponse:
    """A problem document."""
    title = HTTPStatus(status).phrase
    word = title.lower().replace(" ", "-").replace("'", "")
    body = {"type": f"urn:predawn:problem:{word}", "title": title, "status": status, "detail": detail, "error": detail}
    return JSONResponse(
        {**body, **(more or {})}, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for the OpenAPI document."""
    always = (400, 401, 403, 413, 422, 429, 503)
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*always, *statuses})
    }


def install(api: FastAPI) -> None:
    """Answer every error of the program with a problem document."""

    @api.exception_handler(ApiError)
    async def _api_error(_request: Request, error: ApiError) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        return problem(error.status, error.detail, headers=error.headers, more=error.more)

    @api.exception_handler(OperationError)
    async def _operation(_request: Request, error: OperationError) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        return problem(status_of(error), str(error))

    @api.exception_handler(StoreError)
    async def _store(_request: Request, error: StoreError) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        log.error("request failed: database", error=str(error))
        return problem(503, str(error), headers={"retry-after": str(RETRY_AFTER_S)})

    @api.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        found = [_told(one) for one in cast("Sequence[Mapping[str, Any]]", error.errors())]
        detail = "; ".join(f"{one['field']}: {one['message']}" for one in found[:5]) or "the request is wrong"
        return problem(422, detail, more={"errors": found[:20]})

    @api.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return problem(error.status_code, _worded(request, error), headers=error.headers)
        allowed = ", ".join(methods_at(request))
        told = f"{request.method} does nothing at {request.url.path[:200]}; it takes {allowed}"
        return problem(error.status_code, told, headers={"allow": allowed})

    @api.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        reference = uuid.uuid4().hex[:12]
        log.error("request failed", path=request.url.path, reference=reference, exc_info=error)
        return problem(500, f"this is a fault of predawn; its log says more under {reference}")


def status_of(error: OperationError) -> int:
    """The HTTP status of what an operation refused."""
    match error:
        case NotFoundError():
            return 404
        case PermissionDeniedError():
            return 403
        case InvalidError():
            return 422
        case _:
            return 409


def _told(error: Mapping[str, Any]) -> dict[str, str]:
    place = [str(part) for part in error.get("loc", ()) if part != "body"]
    said = str(error.get("msg", "wrong")).removeprefix("Value error, ")
    match error.get("type"):
        case "json_invalid":
            why = cast("Mapping[str, Any]", error.get("ctx") or {}).get("error", "it ends too early")
            return {"field": "body", "message": f"is no JSON (at character {''.join(place)}: {why})"[:300]}
        case "model_attributes_type":
            return {"field": "body", "message": "must be a JSON object, sent with Content-Type: application/json"}
        case _:
            return {"field": ".".join(place) or "body", "message": said[:300]}


def _worded(request: Request, error: HTTPException) -> str:
    """What to do about an address that there is not."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"there is nothing at {request.url.path[:200]}; GET /openapi.json lists what there is"
    return str(error.detail)


def methods_at(request: Request) -> list[str]:
    """What an address takes, of all the routes that share it."""
    routes = cast("FastAPI", request.app).routes
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
