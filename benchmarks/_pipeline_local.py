"""A minute of video rendered here: seconds, memory, and the same cards through moviepy."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from benchmarks import render
from integrations.media.probe import probe
from scheduler.domain.timing import LEAD_S, segment_durations

MOVIEPY = "moviepy==2.2.1"
FONTS = Path(__file__).resolve().parents[1] / "integrations" / "media" / "fonts"
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Local:
    """Cards and composing of about a minute.

    Attributes:
        seconds: for ``video_s`` seconds of video.
        speech_s: of which narration took none: it is measured apart, as moviepy gets it ready.
        rss_mb: of this process and its children together, at most.
        moviepy_s: seconds for the same cards and sound through moviepy; None: not measured.
    """

    video_s: float
    seconds: float
    speech_s: float
    rss_mb: float
    moviepy_s: float | None = None
    moviepy_video_s: float | None = None

    @property
    def per_minute_s(self) -> float:
        """Seconds for 60 s of video."""
        return self.seconds * 60 / self.video_s

    @property
    def times_faster(self) -> float | None:
        """How many times as long moviepy takes for a second of video."""
        if self.moviepy_s is None or not self.moviepy_video_s:
            return None
        return (self.moviepy_s / self.moviepy_video_s) / (self.seconds / self.video_s)


class Memory:
    """Watches how much this process and its children hold, from a thread."""

    def __init__(self) -> None:
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._done.wait(LOOK_S):
            held = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, held)


def measure(*, with_moviepy: bool) -> Local:
    """Render; the benchmark's own memory (a few imports) is in ``rss_mb``."""
    processes = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as name:
        folder = Path(name)
        with Memory() as memory:
            rows, video_s = asyncio.run(render.run(folder, processes))
        took = {row.stage: row.seconds for row in rows}
        seconds = took["cards"] + took["compose"]
        theirs = moviepy_seconds(folder) if with_moviepy else (None, None)
    return Local(video_s, seconds, took["speech"], memory.peak / 2**20, *theirs)


def moviepy_seconds(folder: Path) -> tuple[float, float]:
    """The same script through moviepy: seconds, and the length of its video.

    Raises:
        CalledProcessError: moviepy cannot be installed or fails; its words are on standard error.
    """
    python = interpreter_with_moviepy()
    spec, out = folder / "cards.json", folder / "moviepy.mp4"
    spec.write_text(json.dumps(cards_of(folder), ensure_ascii=False), encoding="utf-8")
    script = Path(__file__).with_name("_pipeline_moviepy.py")
    done = subprocess.run([python, script, spec, out], check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1]), probe(out).duration_s


def interpreter_with_moviepy() -> Path:
    """Python with moviepy, in a venv outside the project (it pins an old Pillow); made at its first use."""
    home = Path(tempfile.gettempdir()) / f"predawn-bench-moviepy-{os.getuid()}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        print(f"making a venv for {MOVIEPY} in {home}", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", MOVIEPY], check=True)
        (home / "ready").touch()
    return python


def cards_of(folder: Path) -> list[dict[str, object]]:
    """The script as moviepy's side reads it: the narrations that were spoken, and the same seconds on the screen."""
    segments = render.script()
    narrations = [folder / f"{segment.index}.wav" for segment in segments]
    clips = [folder / f"{segment.index}.mp4" for segment in segments]
    spoken = [wav_seconds(path) for path in narrations]
    shown = segment_durations(segments, narration_s=spoken, clip_s=[probe(clip).duration_s for clip in clips])
    return [
        {
            "heading": segment.heading,
            "lines": segment.lines,
            "source": segment.source,
            "duration_s": seconds,
            "narration": str(narration),
            "font": str(FONTS / ("Mukta-Regular.ttf" if segment.heading > "\u0900" else "DejaVuSans.ttf")),
            "captions": captions(segment.narration, length),
        }
        for segment, seconds, narration, length in zip(segments, shown, narrations, spoken, strict=True)
    ]


def captions(narration: str, seconds: float) -> list[tuple[float, float, str]]:
    """Seven words at a time, spread over the narration."""
    words = narration.split()
    groups = [" ".join(words[at : at + 7]) for at in range(0, len(words), 7)]
    each = seconds / len(groups)
    return [(LEAD_S + number * each, LEAD_S + (number + 1) * each, group) for number, group in enumerate(groups)]


def wav_seconds(path: Path) -> float:
    """Length of a wav file."""
    import wave  # noqa: PLC0415 - only for the comparison

    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


def timed_import() -> float:
    """Seconds that one child process takes before it begins to work: paid by every call of local media."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", "import integrations.media.child, av, numpy"], check=True)
    return time.perf_counter() - began
