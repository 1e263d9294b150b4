"""How fast local rendering is: a 60-second video from its script, stage by stage, in seconds and memory.

``python -m benchmarks.render`` prints one table. Peak memory is that of the largest child process so far.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import psutil

from integrations.media.toolkit import MediaToolkit
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.timing import segment_durations
from scheduler.ports.media import CardContext, TimedSegment

LIMIT_S = 15.0
"""Cards and composing of the 60-second video must not take longer on 2 cores."""
STORIES = (
    (
        "RBI cuts the repo rate to 5.5% and the cash reserve ratio to 3%",
        ("The committee voted 5–1 for the third cut in a row.", "About ₹2.5 lakh crore is freed in four steps."),
    ),
    (
        "Prime Minister opens the Chenab bridge, the world's highest railway arch",
        ("It stands 359 metres above the river.", "It joins Kashmir to the railway network."),
    ),
    (
        "भारत की जनगणना मार्च 2027 तक होगी",
        ("जनगणना दो चरणों में होगी।", "इसमें जाति की गणना भी होगी।"),
    ),
    (
        "Banks may lend up to 85% of the value of gold for small loans",
        ("The limit holds for loans of up to ₹2.5 lakh.", "Gold is returned on the day of repayment."),
    ),
)
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured stage."""

    stage: str
    seconds: float
    video_s: float
    cpu_s: float
    peak_mb: int


def script() -> list[Segment]:
    """Six segments that come to about a minute."""
    points = [
        Segment(
            index=n,
            kind=SegmentKind.POINT,
            heading=heading,
            lines=lines,
            narration=" ".join((f"{heading}.", *lines)),
            duration_s=12.0,
            source="Press Information Bureau, 6 June 2025",
            number=n,
        )
        for n, (heading, lines) in enumerate(STORIES, 1)
    ]
    intro = Segment(0, SegmentKind.INTRO, "Rates, a bridge and a census", (), "Good morning. Four stories today.", 4.0)
    outro = Segment(len(points) + 1, SegmentKind.OUTRO, "That was the day", (), "Tomorrow again at six.", 3.0)
    return [intro, *points, outro]


class Bench:
    """Measures stages as they run."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    async def measure(self, stage: str, work: Awaitable[Made], *, video_s: float = 0.0) -> Made:
        """Await ``work`` and note what it took."""
        begun, used = time.perf_counter(), _children()
        made = await work
        now = _children()
        row = Row(stage, time.perf_counter() - begun, video_s, now[0] - used[0], now[1])
        self.rows.append(row)
        return made


async def run(folder: Path, processes: int) -> tuple[Sequence[Row], float]:
    """Render the video once; the rows, and the length of the video in seconds."""
    async with MediaToolkit(processes) as media:  # as the daemon has it: children serve more than one call
        return await _run(media, folder)


async def _run(media: MediaToolkit, folder: Path) -> tuple[Sequence[Row], float]:
    bench, segments = Bench(), script()
    context = CardContext("Daily Current Affairs", date(2025, 6, 6), len(STORIES))
    spoken = await bench.measure(
        "speech",
        asyncio.gather(*(media.speak(s.narration, folder / f"{s.index}.wav", voice="en-us") for s in segments)),
    )
    lengths = [sound.duration_s for sound in spoken]
    clips = await bench.measure(
        "cards",
        asyncio.gather(
            *(
                media.card_clip(s, context, folder / f"{s.index}.mp4", duration_s=length)
                for s, length in zip(segments, lengths, strict=True)
            )
        ),
    )
    durations = segment_durations(segments, narration_s=lengths, clip_s=clips)
    timed = [
        TimedSegment(s, folder / f"{s.index}.mp4", sound.path, seconds)
        for s, sound, seconds in zip(segments, spoken, durations, strict=True)
    ]
    total = sum(durations)
    composed = await bench.measure(
        "compose", media.compose(timed, folder / "video.mp4", title="Benchmark", language="en"), video_s=total
    )
    await bench.measure("probe", media.probe(composed.video), video_s=total)
    return bench.rows, composed.duration_s


def table(rows: Sequence[Row], video_s: float) -> str:
    """The rows as a table, and cards and composing together, scaled to a 60-second video."""
    together = sum(row.seconds for row in rows if row.stage in {"cards", "compose"})
    lines = [
        f"{'stage':<24}{'seconds':>9}{'frames/s':>10}{'CPU s':>8}{'peak MB':>9}",
        *(
            f"{r.stage:<24}{r.seconds:>9.2f}{r.video_s * 30 / r.seconds if r.video_s else 0:>10.0f}"
            f"{r.cpu_s:>8.2f}{r.peak_mb:>9}"
            for r in rows
        ),
        f"{'cards + compose':<24}{together:>9.2f}{video_s * 30 / together:>10.0f}",
        f"{'  for 60 s of video':<24}{together * 60 / video_s:>9.2f}{'':>10}{'limit':>8}{LIMIT_S:>9.0f}",
    ]
    return "\n".join(lines)


def _children() -> tuple[float, int]:
    """CPU seconds of children so far, those that still wait included, and the most that an ended one held, MB."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    waiting = [child.cpu_times() for child in psutil.Process().children()]
    return usage.ru_utime + usage.ru_stime + sum(one.user + one.system for one in waiting), usage.ru_maxrss // unit


def main() -> int:
    """Print the table; 1 when the video took longer than the limit."""
    processes = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as folder:
        rows, video_s = asyncio.run(run(Path(folder), processes))
    print(f"local rendering, {video_s:.1f} s of video, {processes} processes, {os.cpu_count()} cores")
    print(table(rows, video_s))
    together = sum(row.seconds for row in rows if row.stage in {"cards", "compose"})
    return int(together * 60 / video_s > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
