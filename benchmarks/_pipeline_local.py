"""A minute of video rendered here: seconds, memory, and the same cards through moviepy."""

from __future__ import annotations

import asyncio
import contextlib
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
BRIEF = Path(__file__).resolve().parents[1] / "config" / "briefs" / "2025-09-03-gst-two-slabs.md"
FONTS = Path(__file__).resolve().parents[1] / "integrations" / "media" / "fonts"
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Held:
    """Most memory of some processes together, MB.

    Attributes:
        rss_mb: resident; what they share (libraries) is counted for each of them.
        pss_mb: the same with what they share counted once; None where the system does not say (it is not Linux).
    """

    rss_mb: float
    pss_mb: float | None


@dataclass(frozen=True, slots=True)
class Local:
    """Cards and composing of about a minute.

    Attributes:
        seconds: for ``video_s`` seconds of video.
        speech_s: of which narration took none: it is measured apart, as moviepy gets it ready.
        held: by this process and its children together, at most.
        moviepy_s: seconds for the same cards and sound through moviepy; None: not measured.
    """

    video_s: float
    seconds: float
    speech_s: float
    held: Held
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
    """Watches how much a process and all below it hold, from a thread."""

    def __init__(self, process: psutil.Process | None = None) -> None:
        self._top = process or psutil.Process()
        self._rss = self._pss = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def held(self) -> Held:
        """The most so far."""
        return Held(self._rss / 2**20, self._pss / 2**20 if self._pss else None)

    def _watch(self) -> None:
        while not self._done.wait(LOOK_S):
            rss = pss = 0
            with contextlib.suppress(psutil.Error):
                for process in (self._top, *self._top.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        rss += process.memory_info().rss
                        pss += shared_once(process.pid)
            self._rss, self._pss = max(self._rss, rss), max(self._pss, pss)


def shared_once(pid: int) -> int:
    """Bytes that a process holds, its share of what it has together with others; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                return int(rest.split()[0]) * 1024
    return 0


def whole_program() -> Held:
    """``predawn render`` of a shipped brief, and all the processes that it starts."""
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as home:
        command = [sys.executable, "-m", "console.cli.main", "render", "--brief", str(BRIEF), "--out", home]
        environment = {**os.environ, "PREDAWN_HOME": home}
        running = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with Memory(running) as memory:
            code = running.wait()
        if code:
            raise RuntimeError(f"predawn render ended with {code}")
        return memory.held


def measure(*, with_moviepy: bool) -> Local:
    """Render; the benchmark's own memory (what it has imported) is in ``held``."""
    processes = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as name:
        folder = Path(name)
        with Memory() as memory:
            rows, video_s = asyncio.run(render.run(folder, processes))
        took = {row.stage: row.seconds for row in rows}
        seconds = took["cards"] + took["compose"]
        theirs = moviepy_seconds(folder) if with_moviepy else (None, None)
    return Local(video_s, seconds, took["speech"], memory.held, *theirs)


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
