"""The local Manim API: cards instead of Manim scenes, on the same contract."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from integrations.local_services.jobs import Product, RenderJob
from integrations.local_services.render_app import Body, RenderService, Spoil, Words
from integrations.local_services.shelf import Shelf
from scheduler.domain.content import Segment, SegmentKind
from scheduler.ports.media import CardContext, LocalMedia

WORDS = Words(submit="/render", completed="completed", failed="failed")
DEFAULT_DURATION_S = 6.0


class Content(Body):
    """``content``: the segment, and what stands on every card."""

    heading: Annotated[str, Field(min_length=1, max_length=500)]
    lines: Annotated[tuple[Annotated[str, Field(max_length=2000)], ...], Field(max_length=20)] = ()
    narration: Annotated[str, Field(max_length=10_000)] = ""
    source: Annotated[str, Field(max_length=300)] | None = None
    index: Annotated[int, Field(ge=0, le=10_000)] = 0
    number: Annotated[int, Field(ge=1, le=10_000)] | None = None
    duration_s: Annotated[float, Field(ge=0.5, le=600)] | None = None
    programme: Annotated[str, Field(min_length=1, max_length=100)] = "Daily Current Affairs"
    date: dt.date | None = None
    points: Annotated[int, Field(ge=0, le=10_000)] = 1
    language: Annotated[str, Field(max_length=35)] = "en"


class SceneStyle(Body):
    """``style``: this stand-in renders 1280×720 at 30 frames a second, and says so when asked for anything else."""

    width: Literal[1280] = 1280
    height: Literal[720] = 720
    fps: Literal[30] = 30
    duration_s: Annotated[float, Field(ge=0.5, le=600)] | None = None


class RenderBody(Body):
    """``POST /render``."""

    scene_type: SegmentKind
    content: Content
    style: SceneStyle = SceneStyle()


def manim_service(
    media: LocalMedia, shelf: Shelf, *, spoil: Spoil | None = None, synchronous: bool = False
) -> RenderService:
    """The local Manim API over ``media``."""

    async def render(body: RenderBody, job: RenderJob) -> Product:
        content = body.content
        duration_s = body.style.duration_s or content.duration_s or DEFAULT_DURATION_S
        segment = Segment(
            index=content.index,
            kind=body.scene_type,
            heading=content.heading,
            lines=content.lines,
            narration=content.narration,
            duration_s=duration_s,
            source=content.source,
            number=content.number,
        )
        context = CardContext(
            programme=content.programme,
            date=content.date or await asyncio.to_thread(dt.date.today),
            points=content.points,
            language=content.language,
        )
        name = f"{job.id}.mp4"
        length_s = await media.card_clip(segment, context, shelf.path(name), duration_s=duration_s, progress=job.report)
        return Product(video=name, duration_s=length_s)

    return RenderService(WORDS, RenderBody, render, shelf, spoil=spoil, synchronous=synchronous)
