"""The pipeline's figures: against the critical path, per job, and for a minute of video rendered here.

``python -m benchmarks.pipeline``: about six minutes, most of it waiting for services of fixed latency. ``--quick``
waits less: its ratio is not the one that counts. ``--with-moviepy`` renders the same cards through moviepy too.
Exits with 1 when something that was measured in full is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass

from benchmarks import _pipeline_local as local
from benchmarks import _pipeline_overhead as overhead
from benchmarks import _pipeline_services as services

RATIO, JOB_MS, MINUTE_S, FASTER, RSS_MB = 1.05, 20.0, 10.0, 5.0, 350.0
SHOWN_MS = 0.1
SLOW = services.Latencies(script=10, manim=45, tts=10, revideo=80)
QUICK = services.Latencies(script=1, manim=3, tts=1, revideo=5)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside what it must be; ``met`` None: not judged."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        word = {True: "met", False: "MISSED", None: ""}[self.met]
        return f"{self.what:<58}{self.measured:>14}  {self.target:>10}  {word}".rstrip()


def of_services(*, quick: bool) -> list[Line]:
    """Makespan over critical path."""
    latencies = QUICK if quick else SLOW
    alone, together = asyncio.run(services.measure(latencies))
    spoilt = alone.spoilt + together.spoilt
    return [
        Line("critical path of one render, services alone", f"{latencies.critical_path_s:.0f} s"),
        Line("one render", f"{alone.seconds:.1f} s"),
        Line(f"{together.renders} renders at once", f"{together.seconds:.1f} s"),
        Line("  beyond the critical path", f"{together.seconds - together.critical_path_s:.1f} s"),
        Line(
            "  makespan over critical path",
            f"{together.ratio:.3f}",
            f"≤ {RATIO}",
            None if quick else together.ratio <= RATIO and not spoilt,
        ),
        Line("  renders that were degraded or failed", str(spoilt), "0", spoilt == 0),
    ]


def of_jobs(*, quick: bool) -> list[Line]:
    """Overhead per job."""
    full, normal, fsync = overhead.run(20 if quick else 200)
    lines = [
        Line(
            "a job of empty stages, every commit safe (FULL)",
            f"{full.total:.1f} ms",
            f"≤ {JOB_MS:.0f} ms",
            full.total <= JOB_MS,
        ),
        Line("  in the store", f"{full.store:.1f} ms"),
        Line("  between the loop and its threads", f"{full.hops:.1f} ms"),
        Line("  in the runner", f"{full.rest:.1f} ms"),
    ]
    lines += [Line(f"    {name}", f"{calls:g}× {ms:.2f} ms") for name, calls, ms in full.calls if ms >= SHOWN_MS]
    return [
        *lines,
        Line("the same with NORMAL: without the waits for the disk", f"{normal.total:.1f} ms"),
        Line("one fsync of this disk", f"{fsync:.2f} ms"),
    ]


def of_local(*, with_moviepy: bool) -> list[Line]:
    """A minute of video."""
    found = local.measure(with_moviepy=with_moviepy)
    lines = [
        Line(
            f"60 s of video rendered here ({found.video_s:.0f} s measured)",
            f"{found.per_minute_s:.1f} s",
            f"≤ {MINUTE_S:.0f} s",
            found.per_minute_s <= MINUTE_S,
        ),
        Line("  its narration, beside it", f"{found.speech_s:.1f} s"),
        *_held("  memory of all processes together", found.held),
        *_held("  of predawn render and all that it starts", local.whole_program()),
        Line("  a child process before it begins to work", f"{local.timed_import():.2f} s"),
    ]
    if found.times_faster is not None and found.moviepy_s is not None:
        lines += [
            Line(f"the same cards through {local.MOVIEPY}", f"{found.moviepy_s:.1f} s"),
            Line("  how much faster", f"{found.times_faster:.1f}×", f"≥ {FASTER:.0f}×", found.times_faster >= FASTER),
        ]
    return lines


def _held(what: str, held: local.Held) -> list[Line]:
    """Resident memory beside what it may be, and what it is when shared pages are counted once."""
    lines = [Line(what, f"{held.rss_mb:.0f} MB", f"≤ {RSS_MB:.0f} MB", held.rss_mb <= RSS_MB)]
    if held.pss_mb is not None:
        lines.append(Line("    libraries they share counted once", f"{held.pss_mb:.0f} MB"))
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--with-moviepy", action="store_true", help="compare with moviepy, in a venv of its own")
    parser.add_argument("--only", choices=("services", "jobs", "local"), help="one of the three parts")
    chosen = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    lines: list[Line] = []
    if chosen.only in {None, "jobs"}:
        lines += of_jobs(quick=chosen.quick)
    if chosen.only in {None, "local"}:
        lines += of_local(with_moviepy=chosen.with_moviepy)
    if chosen.only in {None, "services"}:
        lines += of_services(quick=chosen.quick)
    print("\n".join(map(str, lines)))
    return int(any(line.met is False for line in lines))


if __name__ == "__main__":
    sys.exit(main())
