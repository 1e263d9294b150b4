"""What the stand-ins render with: the real toolkit, which is asked for the same thing only once.

Sixty installations ask their services for the same three cards. What predawn itself does (checks, last resorts,
verification) is never remembered.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from integrations.media.toolkit import MediaToolkit
from integrations.media.wire import context_to_json
from scheduler.domain.codec import segment_to_json
from scheduler.domain.content import Segment
from scheduler.domain.media import MediaReport
from scheduler.ports.media import CardContext, Composed, Progress, Spoken, TimedSegment


def memory_beside(folder: Path) -> Path:
    """A folder that all tests of a session share, in whatever process they run."""
    for above in folder.parents:
        if above.name.startswith("pytest-") and above.name.removeprefix("pytest-").isdigit():
            return above / "remembered"
    return folder / "remembered"


class RememberingMedia:
    """Implements ``LocalMedia``; ``memory`` keeps what was rendered."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._media = MediaToolkit(processes=2)
        memory.mkdir(parents=True, exist_ok=True)

    async def card_clip(
        self, segment: Segment, context: CardContext, out: Path, *, duration_s: float, progress: Progress | None = None
    ) -> float:
        asked = ["card", segment_to_json(segment), context_to_json(context), duration_s]

        async def render(target: Path) -> float:
            return await self._media.card_clip(segment, context, target, duration_s=duration_s, progress=progress)

        return await self._once(asked, out, render)

    async def speak(self, text: str, out: Path, *, voice: str, speed: float = 1.0) -> Spoken:
        async def render(target: Path) -> float:
            return (await self._media.speak(text, target, voice=voice, speed=speed)).duration_s

        return Spoken(out, await self._once(["speech", text, voice, speed], out, render))

    async def silence(self, out: Path, *, duration_s: float) -> Spoken:
        return await self._media.silence(out, duration_s=duration_s)

    async def compose(
        self,
        segments: Sequence[TimedSegment],
        out: Path,
        *,
        title: str,
        language: str,
        progress: Progress | None = None,
    ) -> Composed:
        files = [file for timed in segments for file in (timed.clip, timed.narration) if file is not None]
        digests = [hashlib.sha256(await asyncio.to_thread(file.read_bytes)).hexdigest() for file in files]
        shown = [[segment_to_json(timed.segment), timed.duration_s] for timed in segments]

        async def render(target: Path) -> float:
            made = await self._media.compose(segments, target, title=title, language=language, progress=progress)
            return made.duration_s

        seconds = await self._once(["video", shown, digests, title, language], out, render)
        return Composed(out, out.with_suffix(".jpg"), seconds)

    async def add_captions(
        self, video: Path, segments: Sequence[TimedSegment], out: Path, *, language: str
    ) -> Composed:
        return await self._media.add_captions(video, segments, out, language=language)

    async def probe(self, path: Path) -> MediaReport:
        return await self._media.probe(path)

    async def _once(self, asked: list[Any], out: Path, render: Callable[[Path], Awaitable[float]]) -> float:
        """Render into the memory, or find it there; its length in seconds."""
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        kept = self._memory / key
        if not kept.is_dir():
            fresh = self._memory / f"{key}-{uuid.uuid4().hex}"
            fresh.mkdir()
            seconds = await render(fresh / f"made{out.suffix}")
            (fresh / "seconds").write_text(str(seconds), encoding="ascii")
            try:
                fresh.rename(kept)
            except OSError:  # somebody else was quicker
                shutil.rmtree(fresh)
        for file in kept.glob("made.*"):
            await asyncio.to_thread(shutil.copyfile, file, out.with_suffix(file.suffix))
        return float((kept / "seconds").read_text(encoding="ascii"))
