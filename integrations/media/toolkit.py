"""``MediaToolkit``: local rendering with nothing but what pip installs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from integrations.media import wire
from integrations.media.process import Children
from scheduler.domain.codec import segment_to_json
from scheduler.domain.content import Segment
from scheduler.domain.failure import StageFailure
from scheduler.domain.media import MediaReport
from scheduler.ports.media import CardContext, Composed, Progress, Spoken, TimedSegment

MIN_SPEED, MAX_SPEED = 0.25, 4.0
MAX_DURATION_S = 3600.0


class MediaToolkit:
    """Implements ``scheduler.ports.media.LocalMedia``; every call works in a child process.

    As an async context manager it uses a child for more than one call, and ends them all when it is left.

    Args:
        processes: how many children may work at once.
    """

    def __init__(self, processes: int = 2) -> None:
        self._children = Children(processes)

    async def __aenter__(self) -> Self:
        await self._children.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._children.__aexit__(kind, error, trace)

    async def card_clip(
        self, segment: Segment, context: CardContext, out: Path, *, duration_s: float, progress: Progress | None = None
    ) -> float:
        """Render one segment's card; the clip's length in seconds.

        The clip ends when all text stands: whoever shows it longer holds its last frame.
        """
        _check_duration(duration_s)
        result = await self._children.run(
            "card_clip",
            {
                "segment": segment_to_json(segment),
                "context": wire.context_to_json(context),
                "duration_s": duration_s,
            },
            out=_target(out),
            progress=progress,
        )
        return float(result["duration_s"])

    async def speak(self, text: str, out: Path, *, voice: str, speed: float = 1.0) -> Spoken:
        """Narrate ``text`` into a mono wav, its loudest sample at -3 dBFS."""
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise StageFailure.invalid_input(f"speech speed must be {MIN_SPEED}–{MAX_SPEED:g}, not {speed}")
        result = await self._children.run("speak", {"text": text, "voice": voice, "speed": speed}, out=_target(out))
        return Spoken(path=out, duration_s=float(result["duration_s"]))

    async def silence(self, out: Path, *, duration_s: float) -> Spoken:
        """A silent wav of this length."""
        _check_duration(duration_s)
        result = await self._children.run("silence", {"duration_s": duration_s}, out=_target(out))
        return Spoken(path=out, duration_s=float(result["duration_s"]))

    async def compose(
        self,
        segments: Sequence[TimedSegment],
        out: Path,
        *,
        title: str,
        language: str,
        progress: Progress | None = None,
    ) -> Composed:
        """Join clips and narrations into the finished video."""
        return await self._finish("compose", segments, out, {"title": title, "language": language}, progress)

    async def add_captions(
        self, video: Path, segments: Sequence[TimedSegment], out: Path, *, language: str
    ) -> Composed:
        """Copy a video made elsewhere with our soft captions, fast start and a thumbnail."""
        arguments = {"video": str(_source(video)), "language": language}
        return await self._finish("add_captions", segments, out, arguments, None)

    async def probe(self, path: Path) -> MediaReport:
        """Decode the whole file."""
        return wire.report_from_json(await self._children.run("probe", {"path": str(_absolute(path))}))

    async def _finish(
        self,
        call: str,
        segments: Sequence[TimedSegment],
        out: Path,
        arguments: dict[str, str],
        progress: Progress | None,
    ) -> Composed:
        if not segments:
            raise StageFailure.invalid_input("a video needs at least one segment")
        for timed in segments:
            _check_duration(timed.duration_s)
            if call == "compose":
                _source(timed.clip)
                if timed.narration is not None:
                    _source(timed.narration)
        request = {"segments": [wire.timed_to_json(timed) for timed in segments], **arguments}
        result = await self._children.run(call, request, out=_target(out), progress=progress)
        return Composed(video=out, thumbnail=out.with_suffix(".jpg"), duration_s=float(result["duration_s"]))


def _check_duration(seconds: float) -> None:
    if not 0 < seconds <= MAX_DURATION_S:
        raise StageFailure.invalid_input(f"duration must be above 0 and at most {MAX_DURATION_S:g} s, not {seconds}")


def _source(path: Path) -> Path:
    if not path.is_file():
        raise StageFailure.invalid_input(f"{path} does not exist")
    return _absolute(path)


def _absolute(path: Path) -> Path:
    return path.absolute()


def _target(out: Path) -> Path:
    if not out.parent.is_dir():
        raise StageFailure.invalid_input(f"the folder {out.parent} does not exist")
    return _absolute(out)
