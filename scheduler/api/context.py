"""What the routes share, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from scheduler.api.estimate import WaitEstimate
from scheduler.api.guard import ACTOR, Limits
from scheduler.api.problems import ApiError
from scheduler.api.submits import Submits
from scheduler.api.watch import JobWatch
from scheduler.ports.api import HttpOperations
from scheduler.ports.operations import Actor

if TYPE_CHECKING:
    from scheduler.api.health import Look
    from scheduler.api.metrics import Figures


def nobody(_job_id: str) -> bool:
    """Nobody here watches a job."""
    return False


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """How this installation serves the API.

    Attributes:
        version: predawn's.
        concurrency: jobs at once over all workers.
        file_roots: folders whose files may be handed out: where stages work and where videos are published.
        max_wait_s: longest that a submission is held.
        keepalive_s: seconds between the signs of life of a stream.
        callback_hosts: hosts that may be told of a job's end.
        callback_private: whether they may lie in private ranges.
        webhook_secret: key that webhooks are signed with; None: none is taken.
        webhook_window_s: seconds that a webhook's timestamp may be off.
        job_types: what may be submitted here.
        origins: web apps whose pages may call from a browser.
        nudge: lets whoever in this process watches a job look at once; whether there was anybody.
    """

    version: str
    limits: Limits = field(default_factory=lambda: Limits(100.0, 200, 1024 * 1024, 32))
    concurrency: int = 10
    file_roots: Sequence[Path] = ()
    max_wait_s: float = 600.0
    keepalive_s: float = 15.0
    callback_hosts: Sequence[str] = ()
    callback_private: bool = False
    webhook_secret: str | None = None
    webhook_window_s: float = 300.0
    job_types: Collection[str] = ()
    origins: Sequence[str] = ()
    nudge: Callable[[str], bool] = nobody


@dataclass(frozen=True, slots=True)
class Context:
    """What the routes work with."""

    operations: HttpOperations
    options: ApiOptions
    watch: JobWatch
    submits: Submits
    estimate: WaitEstimate
    look: Look
    figures: Figures


# Both as coroutines: FastAPI runs plain functions in threads, which costs a request more than its own work.
async def context_of(request: Request) -> Context:
    """The program's context."""
    return cast("Context", request.app.state.context)


async def actor_of(request: Request) -> Actor:
    """Who asks.

    Raises:
        ApiError: 401, nobody that is known.
    """
    actor = request.scope.get(ACTOR)
    if not isinstance(actor, Actor):
        raise ApiError(401, "this needs a token: Authorization: Bearer pd_… (predawn token add)")
    return actor


Ctx = Annotated[Context, Depends(context_of)]
Caller = Annotated[Actor, Depends(actor_of)]
