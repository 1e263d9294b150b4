"""A scripted service on loopback, and the calls that are made to it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from shutil import copyfile
from typing import Any

import av
import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from integrations.kit.serve import serve
from scheduler.domain.content import Script, Segment, SegmentKind
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.media import MediaReport
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.media import CardContext, Composed, Progress, Spoken, TimedSegment
from scheduler.ports.provider import Call

Answer = Response | Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Scripted:
    """Answers each (method, path) by its list, the last answer again and again; anything else is 404."""

    script: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    seen: list[Seen] = field(default_factory=list[Seen])
    asked: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    def on(self, route: str, *answers: Answer) -> None:
        self.script[route] = list(answers)

    def count(self, route: str) -> int:
        return self.asked[route]

    async def until(self, route: str, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while self.asked[route] < times:
                self.changed.clear()
                await self.changed.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        route = f"{request.method} {request.url.path}"
        self.seen.append(Seen(request.method, request.url.path, request.headers, json.loads(raw) if raw else None))
        number = self.asked[route]
        self.asked[route] += 1
        self.changed.set()
        answers = self.script.get(route)
        if not answers:
            await JSONResponse({"error": "no such page"}, status_code=404)(scope, receive, send)
            return
        answer = answers[min(number, len(answers) - 1)]
        response = answer if isinstance(answer, Response) else await answer(request)
        await response(scope, receive, send)


@asynccontextmanager
async def scripted() -> AsyncGenerator[Scripted]:
    program = Scripted()
    program.on("GET /health", JSONResponse({"status": "healthy"}))
    served = await serve(program, name="a scripted service", grace_s=0)
    program.url = served.url
    try:
        yield program
    finally:
        await served.stop()


@asynccontextmanager
async def raw_server(answer: bytes, *, hold: bool = False) -> AsyncGenerator[str]:
    """Sends these very bytes to whoever connects, then closes, or holds the connection."""
    stop = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if hold:
            await stop.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        stop.set()
        server.close()
        await server.wait_closed()


def make_script(points: int = 0, *, duration_s: float = 2.0, outro: bool = True) -> Script:
    """An intro, so many points, and an outro."""
    kinds = [SegmentKind.INTRO, *[SegmentKind.POINT] * points, *([SegmentKind.OUTRO] if outro else [])]
    segments = tuple(
        Segment(
            index=index,
            kind=kind,
            heading=f"Heading {index}",
            lines=(f"Line of {index}.",) if kind is SegmentKind.POINT else (),
            narration=f"This is segment number {index}.",
            duration_s=duration_s,
            number=index if kind is SegmentKind.POINT else None,
        )
        for index, kind in enumerate(kinds)
    )
    return Script(title="Test video", date=date(2026, 11, 20), language="en", segments=segments)


def make_job(job_id: str = "0123456789abcdef", *, run_date: date | None = date(2026, 11, 20)) -> Job:
    now = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    return Job(
        id=job_id,
        seq=1,
        job_type="daily_ca",
        priority=Priority.HIGH,
        status=JobStatus.PROCESSING,
        payload={},
        retry_count=0,
        max_retries=3,
        created_at=now,
        updated_at=now,
        run_date=run_date,
    )


@dataclass
class Kept:
    """What a call saved and reported."""

    parts: dict[str, StageOutput] = field(default_factory=dict[str, StageOutput])
    progress: list[float] = field(default_factory=list[float])

    async def save(self, part: str, output: StageOutput) -> None:
        self.parts[part] = output

    def report(self, fraction: float, _text: str = "") -> None:
        self.progress.append(fraction)


def make_call(
    workdir: Path,
    stage: StageName,
    *,
    script: Script | None = None,
    kept: Kept | None = None,
    timeout_s: float = 10.0,
    inputs: Mapping[StageName, StageOutput] | None = None,
    job: Job | None = None,
) -> Call:
    kept = kept or Kept()
    job = job or make_job()
    workdir.mkdir(parents=True, exist_ok=True)
    return Call(
        job=job,
        stage=stage,
        workdir=workdir,
        timeout_s=timeout_s,
        correlation_id="corr-1",
        idempotency_key=f"{job.id}:{stage.value}",
        script=script or make_script(),
        inputs=inputs or {},
        parts=dict(kept.parts),
        save_part=kept.save,
        progress=kept.report,
    )


def report_of(path: Path, *, duration_s: float = 2.0, **changes: Any) -> MediaReport:
    fields: dict[str, Any] = {
        "path": str(path),
        "size": max(path.stat().st_size, 4096),
        "container": "mp4",
        "duration_s": duration_s,
        "video_codec": "h264",
        "width": 1280,
        "height": 720,
        "fps": 30.0,
        "frames": int(duration_s * 30),
        "audio_codec": "aac",
        "sample_rate": 48_000,
        "caption_codec": None,
        "caption_cues": 0,
        "silent_s": 0.0,
        "silent_ratio": 0.1,
        "peak_dbfs": -3.0,
        "black_ratio": 0.0,
        "frozen_s": 0.0,
        "distinct_frames": 10,
        "faststart": True,
    }
    return MediaReport(**{**fields, **changes})


class StubMedia:
    """Local media that finds in a file what a test says; for tests about HTTP, where decoding is beside the point."""

    def __init__(self, **found: Any) -> None:
        self.found = found

    async def probe(self, path: Path) -> MediaReport:
        return report_of(path, **self.found)

    async def add_captions(
        self, video: Path, segments: Sequence[TimedSegment], out: Path, *, language: str
    ) -> Composed:
        await asyncio.to_thread(copyfile, video, out)
        await asyncio.to_thread(out.with_suffix(".jpg").write_bytes, b"jpeg")
        return Composed(out, out.with_suffix(".jpg"), sum(s.duration_s for s in segments))

    async def card_clip(
        self, segment: Segment, context: CardContext, out: Path, *, duration_s: float, progress: Progress | None = None
    ) -> float:
        raise NotImplementedError

    async def speak(self, text: str, out: Path, *, voice: str, speed: float = 1.0) -> Spoken:
        raise NotImplementedError

    async def silence(self, out: Path, *, duration_s: float) -> Spoken:
        raise NotImplementedError

    async def compose(
        self,
        segments: Sequence[TimedSegment],
        out: Path,
        *,
        title: str,
        language: str,
        progress: Progress | None = None,
    ) -> Composed:
        raise NotImplementedError


def tone(
    path: Path, *, seconds: float = 2.0, level: float = 0.3, codec: str = "pcm_s16le", hole_s: float = 0.0
) -> Path:
    """A sound file with a tone, with so many seconds of silence in its middle."""
    rate = 24_000
    samples = (np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * 440 / rate) * level * 32767).astype(np.int16)
    half, hole = samples.size // 2, round(hole_s * rate / 2)
    samples[half - hole : half + hole] = 0
    with av.open(str(path), "w") as container:
        writer: Any = container
        stream = writer.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=stream.codec_context.format or "s16", layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            writer.mux(stream.encode(piece))
        writer.mux(stream.encode())
    return path


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def content(path: str | Path) -> bytes:
    return Path(path).read_bytes()


def remove(path: str | Path) -> None:
    Path(path).unlink()
