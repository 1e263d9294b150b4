"""Alerts and the outbox over HTTP: the same reads and commands as in the console and under a Slack message."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scheduler.api.context import Caller, Ctx
from scheduler.api.problems import ApiError, responses
from scheduler.api.routing import ReadableRoute
from scheduler.domain.alert import Alert, AlertState
from scheduler.domain.outbox import Delivery, DeliveryState
from scheduler.ports.alerts import CHANNELS
from scheduler.ports.operations import InvalidError

router = APIRouter(prefix="/api/admin", tags=["alerts"], route_class=ReadableRoute)

AlertId = Annotated[str, Path(min_length=1, max_length=64, description="An alert's id, or a unique prefix of it.")]
DeliveryId = Annotated[str, Path(min_length=1, max_length=64)]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=100)]


class AlertView(BaseModel):
    """An alert; the fields are those of ``predawn alerts list --json``."""

    model_config = ConfigDict(extra="allow")

    id: str
    fingerprint: str
    rule: str
    severity: str
    state: str
    count: int
    began_at: datetime


class AlertDetailView(AlertView):
    """With what happened to it and what was said of it."""

    events: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]


class AlertPage(BaseModel):
    """Alerts, newest first."""

    items: list[AlertView]
    next: str | None


class DeliveryView(BaseModel):
    """A row of the outbox."""

    model_config = ConfigDict(extra="allow")

    id: str
    channel: str
    kind: str
    state: str
    attempts: int


class DeliveryPage(BaseModel):
    """The outbox, newest first."""

    items: list[DeliveryView]
    next: str | None


class MuteBody(BaseModel):
    """How long it is kept quiet."""

    model_config = ConfigDict(extra="forbid")

    for_s: Annotated[float, Field(ge=60, le=30 * 86_400, description="Seconds, a minute to 30 days.")]


class TrialBody(BaseModel):
    """Which channel is tried."""

    model_config = ConfigDict(extra="forbid")

    channel: Annotated[str, Field(max_length=20, description=f"One of {', '.join(CHANNELS)}.")]


class TrialStepView(BaseModel):
    """One thing that was tried."""

    what: str
    fine: bool
    told: str


class TrialView(BaseModel):
    """How a channel fared."""

    channel: str
    fine: bool
    told: str
    steps: list[TrialStepView]


class MuteView(BaseModel):
    """A mute and its end."""

    model_config = ConfigDict(extra="allow")

    fingerprint: str
    until: datetime


def _json(one: Alert | Delivery | Any) -> dict[str, Any]:
    found: dict[str, Any] = jsonable_encoder(one)
    return found


def _or_conflict(act: Any, *given: Any, **named: Any) -> Any:
    try:
        return act(*given, **named)
    except InvalidError as error:
        raise ApiError(409, str(error)) from error


@router.get("/alerts", response_model=AlertPage, responses=responses())
async def alerts(
    context: Ctx,
    actor: Caller,
    *,
    state: Annotated[list[AlertState] | None, Query(description="Only these; none: all that fired.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Alerts by pages."""
    page = await asyncio.to_thread(context.operations.alerts, states=tuple(state or ()), limit=limit, cursor=cursor)
    return JSONResponse({"items": [_json(one) for one in page.items], "next": page.next_cursor})


@router.get("/alerts/{alert_id}", response_model=AlertDetailView, responses=responses(404))
async def alert(alert_id: AlertId, context: Ctx, actor: Caller) -> Response:
    """One alert with its history."""
    detail = await asyncio.to_thread(context.operations.alert, alert_id)
    told = {"events": [_json(one) for one in detail.events], "deliveries": [_json(one) for one in detail.deliveries]}
    return JSONResponse(_json(detail.alert) | told)


@router.post("/alerts/{alert_id}/ack", response_model=AlertView, responses=responses(404, 409))
async def acknowledge(alert_id: AlertId, context: Ctx, actor: Caller) -> Response:
    """See to an alert: no repeats and no escalation until that lapses."""
    return JSONResponse(
        _json(await asyncio.to_thread(_or_conflict, context.operations.ack_alert, alert_id, actor=actor))
    )


@router.post("/alerts/{alert_id}/mute", response_model=MuteView, responses=responses(404))
async def mute(alert_id: AlertId, body: MuteBody, context: Ctx, actor: Caller) -> Response:
    """Keep an alert's trouble quiet for a while, also when it comes back."""
    found = await asyncio.to_thread(context.operations.mute_alert, alert_id, for_s=body.for_s, actor=actor)
    return JSONResponse(_json(found))


@router.post("/alerts/{alert_id}/unmute", status_code=204, responses=responses(404))
async def unmute(alert_id: AlertId, context: Ctx, actor: Caller) -> Response:
    """End a mute; it is no mistake when there was none."""
    await asyncio.to_thread(context.operations.unmute_alert, alert_id, actor=actor)
    return Response(status_code=204)


@router.post("/alerts/test", response_model=TrialView, responses=responses())
async def try_channel(body: TrialBody, context: Ctx, actor: Caller) -> Response:
    """Send a test over a channel; what is wrong with it is in the answer, which is 200 all the same."""
    trial = await asyncio.to_thread(context.operations.try_channel, body.channel, actor=actor)
    return JSONResponse(_json(trial) | {"fine": trial.fine, "told": trial.told})


@router.get("/outbox", response_model=DeliveryPage, responses=responses())
async def outbox(
    context: Ctx,
    actor: Caller,
    *,
    state: Annotated[list[DeliveryState] | None, Query()] = None,
    channel: Annotated[list[str] | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What was said, is to be said, and could not be said."""
    page = await asyncio.to_thread(
        context.operations.deliveries,
        states=tuple(state or ()),
        channels=tuple(channel or ()),
        limit=limit,
        cursor=cursor,
    )
    return JSONResponse({"items": [_json(one) for one in page.items], "next": page.next_cursor})


@router.post("/outbox/{delivery_id}/retry", response_model=DeliveryView, responses=responses(404, 409))
async def retry(delivery_id: DeliveryId, context: Ctx, actor: Caller) -> Response:
    """Try a dead, waiting or doubtful delivery now."""
    return JSONResponse(
        _json(await asyncio.to_thread(_or_conflict, context.operations.retry_delivery, delivery_id, actor=actor))
    )
