"""The local Video Orchestrator: whole jobs and workflows, really rendered, on the same contract."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from integrations.local_services.jobs import Product, RenderJob
from integrations.local_services.manim import RenderBody
from integrations.local_services.plan import Plan, plan_of
from integrations.local_services.render_app import Body, RenderService, Spoil, Words
from integrations.local_services.revideo import ComposeBody, Composer
from integrations.local_services.shelf import Shelf
from integrations.local_services.speech import espeak_voice
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.timing import PAUSE_S, segment_durations
from scheduler.ports.media import CardContext, LocalMedia, TimedSegment

WORDS = Words(
    submit="/render", completed="completed", failed="failed", queued="pending", running="processing", estimates=True
)
MAX_STEPS = 400
CARD_S = 6.0
ESPEAK_VOICES = frozenset({"en", "en-us", "en-gb-x-rp", "hi"})
"""Voices that are taken as they are; for any other word the text decides."""


class Step(Body):
    """One step of a workflow."""

    step: Literal["manim", "tts", "revideo"]
    scene_spec: RenderBody | None = None
    text: Annotated[str, Field(max_length=10_000)] = ""
    composition_spec: ComposeBody | None = None

    @model_validator(mode="after")
    def _has_its_spec(self) -> Self:
        if self.step == "manim" and self.scene_spec is None:
            raise ValueError("workflow: a manim step needs its scene_spec")
        if self.step == "tts" and not self.text.strip():
            raise ValueError("workflow: a tts step needs its text")
        return self


class OrchestratorBody(Body):
    """``POST /render``, in either form of the contract."""

    job_id: Annotated[str, Field(max_length=100)] | None = None
    job_type: Annotated[str, Field(min_length=1, max_length=100)]
    input: Annotated[str, Field(min_length=1, max_length=20_000)] | dict[str, Any] | None = None
    style: Annotated[str, Field(max_length=100)] = "standard"
    length: Annotated[str, Field(max_length=100)] = "medium"
    voice: Annotated[str, Field(max_length=100)] = "en-us"
    workflow: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)] | None = None
    callback_url: Annotated[str, Field(max_length=2000)] | None = None
    priority: Literal["high", "normal", "low"] = "normal"

    @model_validator(mode="after")
    def _is_one_form(self) -> Self:
        if (self.workflow is None) == (self.input is None):
            raise ValueError("input: give either input or workflow")
        if self.workflow is None:
            self.plan()
        else:
            _check_workflow(self.workflow)
        return self

    def plan(self) -> Plan:
        """What the job form asks for, segment by segment.

        Raises:
            ValueError: there is nothing in ``input`` that a video could be made of.
        """
        return plan_of(self.input or {}, length=self.length)


def _check_workflow(steps: Sequence[Step]) -> None:
    composed = [step for step in steps if step.step == "revideo"]
    scenes = sum(step.step == "manim" for step in steps)
    if len(composed) != 1 or steps[-1] is not composed[0]:
        raise ValueError("workflow: it ends with its one revideo step")
    if composed[0].composition_spec is None and not scenes:
        raise ValueError("workflow: without a composition_spec there must be manim steps to compose")


@dataclass(frozen=True, slots=True)
class Shown:
    """A segment and what stands on its card beside it."""

    segment: Segment
    context: CardContext


class Workshop:
    """Makes whole videos.

    Args:
        media: renders.
        shelf: takes the product.
        work: a folder for clips and narrations; each job's part of it is removed at its end.
    """

    def __init__(self, media: LocalMedia, shelf: Shelf, work: Path) -> None:
        self._media = media
        self._shelf = shelf
        self._work = work
        self._composer = Composer(media, shelf, work / "compositions")

    async def render(self, body: OrchestratorBody, job: RenderJob) -> Product:
        """Make one video.

        Raises:
            StageFailure: something cannot be fetched or rendered.
        """
        if body.workflow is None:
            plan = body.plan()
            today = await asyncio.to_thread(dt.date.today)
            points = sum(segment.kind is SegmentKind.POINT for segment in plan.segments)
            context = CardContext("Video Orchestrator", plan.date or today, points, plan.language)
            shown = [Shown(segment, context) for segment in plan.segments]
            return await self._made(shown, title=plan.title, language=plan.language, voice=body.voice, job=job)
        spec = body.workflow[-1].composition_spec
        if spec is not None:
            return await self._composer.render(spec, job)
        today = await asyncio.to_thread(dt.date.today)
        shown = paired(body.workflow, today)
        return await self._made(shown, title=body.job_type, language="en", voice=body.voice, job=job)

    async def _made(self, shown: Sequence[Shown], *, title: str, language: str, voice: str, job: RenderJob) -> Product:
        folder = self._work / job.id
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            timed: list[TimedSegment] = []
            for number, one in enumerate(shown):
                timed.append(await self._timed(one, folder, voice="hi" if language == "hi" else voice))
                job.report(0.5 * (number + 1) / len(shown))
            composed = await self._media.compose(
                timed,
                self._shelf.path(f"{job.id}.mp4"),
                title=title,
                language=language,
                progress=lambda fraction, _text="": job.report(0.5 + 0.5 * fraction),
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return Product(video=composed.video.name, duration_s=composed.duration_s, thumbnail=composed.thumbnail.name)

    async def _timed(self, one: Shown, folder: Path, *, voice: str) -> TimedSegment:
        segment, narration, spoken_s = one.segment, None, 0.0
        if segment.narration.strip():
            chosen = voice if voice in ESPEAK_VOICES else espeak_voice("alloy", segment.narration)
            out = folder / f"narration-{segment.index}.wav"
            spoken = await self._media.speak(segment.narration, out, voice=chosen)
            narration, spoken_s = spoken.path, spoken.duration_s
        clip = folder / f"clip-{segment.index}.mp4"
        clip_s = await self._media.card_clip(
            segment, one.context, clip, duration_s=max(segment.duration_s, spoken_s + PAUSE_S)
        )
        (duration_s,) = segment_durations([segment], narration_s=[spoken_s], clip_s=[clip_s])
        return TimedSegment(segment=segment, clip=clip, narration=narration, duration_s=duration_s)


def paired(steps: Sequence[Step], today: dt.date) -> list[Shown]:
    """The scenes of a workflow in order, each with the text of the tts step behind it. Pure."""
    shown: list[Shown] = []
    scenes = sum(step.step == "manim" for step in steps)
    for step in steps:
        if step.step == "tts" and shown:
            last = shown[-1]
            shown[-1] = replace(last, segment=replace(last.segment, narration=step.text))
        spec = step.scene_spec
        if step.step != "manim" or spec is None:
            continue
        content = spec.content
        segment = Segment(
            index=len(shown),
            kind=spec.scene_type,
            heading=content.heading,
            lines=content.lines,
            narration="",
            duration_s=spec.style.duration_s or content.duration_s or CARD_S,
            source=content.source,
            number=content.number,
        )
        context = CardContext(content.programme, content.date or today, content.points or scenes, content.language)
        shown.append(Shown(segment, context))
    return shown


def orchestrator_service(
    media: LocalMedia, shelf: Shelf, work: Path, *, spoil: Spoil | None = None, synchronous: bool = False
) -> RenderService:
    """The local Video Orchestrator over ``media``."""
    workshop = Workshop(media, shelf, work)
    return RenderService(WORDS, OrchestratorBody, workshop.render, shelf, spoil=spoil, synchronous=synchronous)
