"""The local Revideo API: composes with the last resort's code, on the same contract."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from integrations.kit.http import HttpService, Trace
from integrations.local_services.jobs import Product, RenderJob
from integrations.local_services.render_app import Body, RenderService, Spoil, Words
from integrations.local_services.shelf import Shelf
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.failure import StageFailure
from scheduler.ports.media import CardContext, LocalMedia, TimedSegment

WORDS = Words(submit="/compose", completed="success", failed="error")
KINDS = {"intro": SegmentKind.INTRO, "manim": SegmentKind.POINT, "outro": SegmentKind.OUTRO}
FETCH_TIMEOUT_S = 60.0
FETCHES_AT_ONCE = 4
DEFAULT_DURATION_S = 5.0
PAUSE_S = 0.4
MAX_ENTRIES = 400
"""Entries of a composition: an hour of half-minute segments."""

Address = Annotated[str, Field(max_length=2000, pattern=r"^https?://")]


class Entry(Body):
    """One entry of ``segments``: a picture, or the narration of the picture before it."""

    type: Literal["intro", "manim", "narration", "outro"]
    url: Address | None = None
    duration: Annotated[float, Field(ge=0.1, le=600)] | None = None
    title: Annotated[str, Field(max_length=500)] = ""
    text: Annotated[str, Field(max_length=10_000)] = ""
    audio_url: Address | None = None


class Audio(Body):
    """``audio``: for narrations without an ``audio_url``."""

    voice: Annotated[str, Field(min_length=1, max_length=60)] = "en-us"
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0


class ComposeBody(Body):
    """``POST /compose``."""

    segments: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=MAX_ENTRIES)]
    audio: Audio = Audio()
    title: Annotated[str, Field(max_length=300)] = ""
    language: Annotated[str, Field(max_length=35)] = "en"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        scenes_of(self.segments)
        return self


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture with its narration, and where the two stood in ``segments``."""

    index: int
    picture_at: int
    picture: Entry
    narration_at: int | None = None
    narration: Entry | None = None


def scenes_of(entries: tuple[Entry, ...]) -> list[Scene]:
    """Pair each picture with the narration that follows it. Pure.

    Raises:
        ValueError: a narration without a picture before it, two for one picture, or a picture of type ``manim``
            without its clip.
    """
    scenes: list[Scene] = []
    for at, entry in enumerate(entries):
        if entry.type != "narration":
            if entry.type == "manim" and entry.url is None:
                raise ValueError(f"segments.{at}.url: a manim segment needs the address of its clip")
            scenes.append(Scene(len(scenes), at, entry))
            continue
        if not scenes or scenes[-1].narration is not None:
            raise ValueError(f"segments.{at}: a narration follows the picture it belongs to")
        last = scenes[-1]
        scenes[-1] = Scene(last.index, last.picture_at, last.picture, at, entry)
    return scenes


class Composer:
    """Fetches what a composition names and joins it.

    Args:
        media: renders.
        shelf: takes the product.
        work: a folder for what is fetched; each job's part of it is removed at its end.
    """

    def __init__(self, media: LocalMedia, shelf: Shelf, work: Path) -> None:
        self._media = media
        self._shelf = shelf
        self._work = work

    async def render(self, body: ComposeBody, job: RenderJob) -> Product:
        """Compose one video.

        Raises:
            StageFailure: something cannot be fetched or rendered; the message names the entry.
        """
        folder = self._work / job.id
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            timed = await self._fetched(body, folder, job)
            job.report(0.1)
            composed = await self._media.compose(
                timed,
                self._shelf.path(f"{job.id}.mp4"),
                title=body.title or "Video",
                language=body.language,
                progress=lambda fraction, _text="": job.report(0.1 + 0.9 * fraction),
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return Product(video=composed.video.name, duration_s=composed.duration_s, thumbnail=composed.thumbnail.name)

    async def _fetched(self, body: ComposeBody, folder: Path, job: RenderJob) -> list[TimedSegment]:
        slots = asyncio.Semaphore(FETCHES_AT_ONCE)
        trace = Trace(correlation_id=job.id, idempotency_key=job.id)
        async with HttpService("a source of the composition", "http://127.0.0.1") as source:

            async def one(scene: Scene) -> TimedSegment:
                async with slots:
                    return await self._timed(source, trace, body, scene, folder)

            tasks = [asyncio.create_task(one(scene)) for scene in scenes_of(body.segments)]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _timed(
        self, source: HttpService, trace: Trace, body: ComposeBody, scene: Scene, folder: Path
    ) -> TimedSegment:
        narration, spoken_s = await self._narration(source, trace, body, scene, folder)
        asked = scene.picture.duration or (scene.narration.duration if scene.narration else None)
        duration_s = asked or (spoken_s + PAUSE_S if spoken_s else DEFAULT_DURATION_S)
        segment = Segment(
            index=scene.index,
            kind=KINDS[scene.picture.type],
            heading=scene.picture.title or body.title or scene.picture.type,
            lines=(),
            narration=scene.narration.text if scene.narration else "",
            duration_s=duration_s,
        )
        clip = folder / f"clip-{scene.index}.mp4"
        if scene.picture.url is not None:
            await _fetch(source, trace, scene.picture.url, clip, f"segments.{scene.picture_at}.url")
        else:
            today = await asyncio.to_thread(dt.date.today)
            context = CardContext(programme=body.title or "predawn", date=today, points=0, language=body.language)
            await self._media.card_clip(segment, context, clip, duration_s=duration_s)
        return TimedSegment(segment=segment, clip=clip, narration=narration, duration_s=duration_s)

    async def _narration(
        self, source: HttpService, trace: Trace, body: ComposeBody, scene: Scene, folder: Path
    ) -> tuple[Path | None, float]:
        """The sound of a scene and its length where it is known: fetched, or spoken here."""
        entry = scene.narration
        if entry is None:
            return None, 0.0
        if entry.audio_url is not None:
            sound = folder / f"narration-{scene.index}"
            await _fetch(source, trace, entry.audio_url, sound, f"segments.{scene.narration_at}.audio_url")
            return sound, entry.duration or 0.0
        if not entry.text.strip():
            return None, 0.0
        spoken = await self._media.speak(
            entry.text, folder / f"narration-{scene.index}.wav", voice=body.audio.voice, speed=body.audio.speed
        )
        return spoken.path, spoken.duration_s


def revideo_service(
    media: LocalMedia, shelf: Shelf, work: Path, *, spoil: Spoil | None = None, synchronous: bool = False
) -> RenderService:
    """The local Revideo API over ``media``."""
    composer = Composer(media, shelf, work)
    return RenderService(WORDS, ComposeBody, composer.render, shelf, spoil=spoil, synchronous=synchronous)


async def _fetch(source: HttpService, trace: Trace, url: str, out: Path, field: str) -> None:
    try:
        await source.download(url, out, trace=trace, timeout_s=FETCH_TIMEOUT_S)
    except StageFailure as failure:
        raise StageFailure(f"{field}: {failure.message}", kind=failure.kind, retryable=failure.retryable) from failure
