"""Local media for tests about services: real files and real decoding, without a process for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from shutil import copyfile
from typing import Any

import av
import numpy as np

from integrations.media.probe import probe
from scheduler.domain.content import Segment
from scheduler.domain.failure import StageFailure
from scheduler.domain.media import MediaReport
from scheduler.ports.media import CardContext, Composed, Progress, Spoken, TimedSegment

FPS = 30
RATE = 48_000


def moving_picture(path: Path, *, seconds: float, sound: bool) -> Path:
    """A small real 1280×720 mp4 in which a bar moves; with a tone when ``sound``."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        writer: Any = container
        video = writer.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "g": "15"})
        video.width, video.height, video.pix_fmt = 1280, 720, "yuv420p"
        audio = writer.add_stream("aac", rate=RATE, layout="mono") if sound else None
        picture = np.full((720, 1280, 3), 90, dtype=np.uint8)
        for number in range(round(seconds * FPS)):
            picture[300:400, :] = 90
            picture[300:400, (number * 24) % 1200 : (number * 24) % 1200 + 80] = 240
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            writer.mux(video.encode(frame))
        writer.mux(video.encode())
        if audio is not None:
            for start in range(0, int(seconds * RATE), 1024):
                wave = np.sin(np.arange(start, start + 1024) * 2 * np.pi * 440 / RATE).astype(np.float32) * 0.4
                tone = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="fltp", layout="mono")
                tone.sample_rate, tone.pts, tone.time_base = RATE, start, Fraction(1, RATE)
                writer.mux(audio.encode(tone))
            writer.mux(audio.encode())
    return path


class FileMedia:
    """Renders by copying a file; decodes for real.

    Attributes:
        gate: renders wait for it.
        most: most renders at the same time so far.
    """

    def __init__(self, clip: Path, video: Path, sound: Path) -> None:
        self.clip, self.video, self.sound = clip, video, sound
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = self.most = self.cancelled = 0
        self.started = asyncio.Event()
        self.contexts: list[CardContext] = []
        self.segments: list[TimedSegment] = []
        self.voices: list[str] = []
        self.fails: Exception | None = None

    async def _render(self, source: Path, out: Path, progress: Progress | None) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.started.set()
        try:
            if progress is not None:
                progress(0.5, "half")
            await self.gate.wait()
            if self.fails is not None:
                raise self.fails
            await asyncio.to_thread(copyfile, source, out)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    async def card_clip(
        self, segment: Segment, context: CardContext, out: Path, *, duration_s: float, progress: Progress | None = None
    ) -> float:
        self.contexts.append(context)
        await self._render(self.clip, out, progress)
        return (await self.probe(out)).duration_s

    async def compose(
        self,
        segments: Sequence[TimedSegment],
        out: Path,
        *,
        title: str,
        language: str,
        progress: Progress | None = None,
    ) -> Composed:
        self.segments = list(segments)
        for timed in segments:
            for path in (timed.clip, timed.narration):
                if path is not None and not await asyncio.to_thread(path.stat):
                    raise StageFailure.invalid_input(f"{path} is missing")
        await self._render(self.video, out, progress)
        await asyncio.to_thread(out.with_suffix(".jpg").write_bytes, b"jpeg")
        return Composed(out, out.with_suffix(".jpg"), (await self.probe(out)).duration_s)

    async def add_captions(
        self, video: Path, segments: Sequence[TimedSegment], out: Path, *, language: str
    ) -> Composed:
        await asyncio.to_thread(copyfile, video, out)
        await asyncio.to_thread(out.with_suffix(".jpg").write_bytes, b"jpeg")
        return Composed(out, out.with_suffix(".jpg"), (await self.probe(out)).duration_s)

    async def speak(self, text: str, out: Path, *, voice: str, speed: float = 1.0) -> Spoken:
        self.voices.append(voice)
        await asyncio.to_thread(copyfile, self.sound, out)
        return Spoken(out, 2.0)

    async def silence(self, out: Path, *, duration_s: float) -> Spoken:
        def write() -> None:
            with av.open(str(out), "w", format="wav") as container:
                writer: Any = container
                stream = writer.add_stream("pcm_s16le", rate=24_000, layout="mono")
                quiet = np.zeros((1, int(24_000 * duration_s)), dtype=np.int16)
                frame = av.AudioFrame.from_ndarray(quiet, format="s16", layout="mono")
                frame.sample_rate = 24_000
                writer.mux(stream.encode(frame))
                writer.mux(stream.encode())

        await asyncio.to_thread(write)
        return Spoken(out, duration_s)

    async def probe(self, path: Path) -> MediaReport:
        return await asyncio.to_thread(probe, path)
