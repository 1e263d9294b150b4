"""What remote services tell: ``POST /webhooks/video-complete``.

A message changes nothing by itself: it only makes whoever watches that job look at once. So one about a job that nobody
knows does no harm, and a forged one could do none either; it is refused all the same.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from scheduler.api.context import Ctx
from scheduler.api.problems import ApiError, responses
from scheduler.api.routing import ReadableRoute
from scheduler.domain.access import Role
from scheduler.domain.callback import job_id_of, message_id, signature_problem
from scheduler.ports.operations import Actor

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=ReadableRoute)

SIGNATURE = "x-predawn-signature"


class WebhookTaken(BaseModel):
    """What became of a message."""

    taken: bool
    known: bool
    """Whether somebody in this very process waits for that job; other processes are told, too."""


@router.post(
    "/video-complete",
    status_code=202,
    response_model=WebhookTaken,
    responses=responses(400, 404, 409),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"job_id": {"type": "string"}}},
                    "example": {"job_id": "video_123", "status": "completed"},
                }
            },
        }
    },
)
async def video_complete(
    request: Request,
    context: Ctx,
    x_predawn_signature: Annotated[
        str, Header(max_length=200, description="t=<seconds>,v1=<HMAC-SHA256 of seconds.body, hex>")
    ] = "",
) -> Response:
    """A remote service says that a video is done: it is looked at now. Signed, fresh, and taken once."""
    options = context.options
    if options.webhook_secret is None:
        raise ApiError(404, "no webhooks are set up here: api.webhooks.secret")
    body = await request.body()
    problem = signature_problem(
        x_predawn_signature, options.webhook_secret, body, now=datetime.now(UTC), window_s=options.webhook_window_s
    )
    if problem is not None:
        raise ApiError(401, problem)
    job_id = job_id_of(_document(body))
    if job_id is None:
        raise ApiError(422, "the message names no job: job_id, render_id, video_id or id")
    address = request.client.host if request.client is not None else "unknown"
    actor = Actor("webhook", "http", role=Role.VIEWER, origin=address)
    fresh = await asyncio.to_thread(
        context.operations.take_webhook,
        message_id(x_predawn_signature),
        about=job_id,
        # A message whose clock is ahead by the window stays good for twice as long.
        forget_after_s=2 * options.webhook_window_s,
        actor=actor,
    )
    if not fresh:
        raise ApiError(409, "this message was taken before")
    known = options.nudge(job_id)
    if not known:
        # Whoever waits for it may be another process; where nobody does, the question is forgotten.
        await asyncio.to_thread(context.operations.ask_look, job_id)
    return JSONResponse({"taken": True, "known": known}, status_code=202)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the body is no JSON") from error
    if not isinstance(document, dict):
        raise ApiError(422, "the body must be a JSON object")
    return cast("dict[str, Any]", document)
