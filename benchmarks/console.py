"""The console's figures in a pseudo-terminal, side by side with a stock DataTable that shows the same jobs.

``python -m benchmarks.console`` fills a database with a thousand and one with a million jobs, runs each program in a
terminal of 160x48 and prints what it measured and what the targets say. ``docs/benchmarks.md`` says what each means.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks._console_terminal import MeasuredTerminal
from benchmarks._console_world import Writer, fill, set_running

FEW, MANY = 1_000, 1_000_000
STOCK_ROWS = 20_000
"""The stock table gets no more: with a million it does not start."""
SLOW_LINE = 20_000.0
"""Bytes a second."""
_CURSOR = "▸"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one program.

    Attributes:
        paint_s: from the start of the process until jobs and verdict stand on the screen.
        key_ms: p95 from a key to its frame, while 200 jobs a second change.
        filter_ms: from the last character of a filter to its first page.
        busy_bytes: bytes a second with ten renders running.
        idle_bytes: and with nothing going on.
        idle_cpu: share of a core then.
        rss_mb: resident memory after all of it.
        slow_s: most seconds that the screen was behind on a line of 20 KB/s, paging through the list.
        blocked_ms: longest time for which the event loop was held up.
    """

    rows: int
    paint_s: float
    key_ms: float | None = None
    filter_ms: float | None = None
    busy_bytes: float | None = None
    idle_bytes: float | None = None
    idle_cpu: float | None = None
    rss_mb: float | None = None
    slow_s: float | None = None
    blocked_ms: float | None = None


def start(kind: str, home: Path, report: Path, bytes_per_s: float | None = None) -> MeasuredTerminal:
    """The program in a terminal."""
    command = [sys.executable, "-m", "benchmarks._console_child", kind, str(home), str(report)]
    return MeasuredTerminal(command, environment={"PREDAWN_HOME": str(home)}, bytes_per_s=bytes_per_s)


def useful(lines: Sequence[str]) -> bool:
    """Verdict and counts stand there."""
    text = "\n".join(lines)
    return ("IDLE" in text or "ON TRACK" in text or "AT RISK" in text) and "completed" in text


def first_paint(kind: str, home: Path, report: Path, rounds: int) -> float:
    """Median seconds from the start to a useful screen."""
    found: list[float] = []
    for _ in range(rounds):
        terminal = start(kind, home, report)
        try:
            terminal.wait(useful if kind == "predawn" else lambda lines: any("completed" in one for one in lines))
            found.append(time.monotonic() - terminal.began)
        finally:
            terminal.close()
    return statistics.median(found)


def cursor_row(lines: Sequence[str]) -> int:
    """The line with the cursor; -1: there is none."""
    return next((n for n, one in enumerate(lines) if _CURSOR in one), -1)


def keys(terminal: MeasuredTerminal, presses: int) -> float:
    """The 95th percentile of milliseconds from a key to its frame."""
    found: list[float] = []
    for n in range(presses):
        before = cursor_row(terminal.lines())
        key = b"j" if n % 30 < 15 else b"k"  # noqa: PLR2004 - down and up again, within what is in sight
        terminal.send(key)
        found.append(terminal.wait(lambda lines, before=before: cursor_row(lines) != before, 10) * 1000)
        time.sleep(0.05)
    return statistics.quantiles(found, n=20)[18]


def behind(terminal: MeasuredTerminal, presses: int) -> float:
    """Most seconds from a key to where it leads while one pages through the list, four times a second."""
    worst = 0.0
    for _ in range(presses):
        before = next((one for one in terminal.lines() if " row " in one), "")
        terminal.send(b"\x1b[6~")
        waited = terminal.wait(lambda lines, before=before: next((x for x in lines if " row " in x), "") != before, 30)
        worst = max(worst, waited)
        time.sleep(max(0.25 - waited, 0.0))
    return worst


def predawn(home: Path, report: Path, rows: int, *, rounds: int, quick: bool) -> Figures:
    """All figures of the console."""
    paint_s = first_paint("predawn", home, report, rounds)
    terminal = start("predawn", home, report)
    try:
        terminal.wait(useful)
        time.sleep(2)
        idle = terminal.use(3 if quick else 20)
        terminal.send(b"2")
        terminal.wait(lambda lines: any("newest first" in one for one in lines))
        with Writer(home, 200):
            time.sleep(1)
            key_ms = keys(terminal, 20 if quick else 200)
        terminal.send(b"/status:faile")
        time.sleep(1)
        terminal.send(b"d")
        filter_ms = terminal.wait(lambda lines: any("filter status:failed" in one for one in lines), 20) * 1000
        terminal.send(b"\r\x1b")
        set_running(home, 10)
        terminal.send(b"1")
        time.sleep(3)
        with Writer(home, 10, batches=1):
            busy = terminal.use(3 if quick else 20)
        rss = terminal.use(0.1).rss
    finally:
        terminal.close()
    blocked = float(report.read_text()) if report.exists() else 0.0
    terminal = start("predawn", home, report, SLOW_LINE)
    try:
        terminal.wait(useful)
        terminal.send(b"2")
        terminal.wait(lambda lines: any("newest first" in one for one in lines))
        time.sleep(2)
        slow_s = behind(terminal, 8 if quick else 40)
    finally:
        terminal.close()
    return Figures(
        rows, paint_s, key_ms, filter_ms, busy.bytes_per_s, idle.bytes_per_s, idle.cpu, rss / 1e6, slow_s, blocked
    )


def stock(home: Path, report: Path, rows: int, *, quick: bool) -> Figures:
    """What can be measured of the stock table."""
    paint_s = first_paint("stock", home, report, 1)
    terminal = start("stock", home, report)
    try:
        terminal.wait(lambda lines: any("completed" in one for one in lines))
        time.sleep(3)
        busy = terminal.use(3 if quick else 10)
    finally:
        terminal.close()
    blocked = float(report.read_text()) if report.exists() else 0.0
    return Figures(
        rows, paint_s, busy_bytes=busy.bytes_per_s, idle_cpu=busy.cpu, rss_mb=busy.rss / 1e6, blocked_ms=blocked
    )


TARGETS: dict[str, tuple[str, float]] = {
    "paint_s": ("first useful paint, s", 0.9),
    "key_ms": ("key to frame p95 at 200 changes/s, ms", 50),
    "filter_ms": ("first page of a filter, ms", 150),
    "busy_bytes": ("bytes/s with 10 renders running", 1500),
    "idle_bytes": ("bytes/s idle", 50),
    "idle_cpu": ("CPU idle, share of a core", 0.005),
    "rss_mb": ("resident memory, MB", 120),
    "slow_s": ("most seconds behind at 20 KB/s", 1.0),
    "blocked_ms": ("event loop held up at most, ms", 50),
}


def table(measured: dict[str, Figures]) -> str:
    """The figures, one a line, a column for each program."""
    names = list(measured)
    lines = ["| figure | target | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for field, (label, target) in TARGETS.items():
        cells: list[str] = []
        for figures in measured.values():
            value: float | None = getattr(figures, field)
            cells.append("–" if value is None else f"{value:.3g}{'' if value <= target else ' (missed)'}")
        lines.append(f"| {label} | {target:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description="The console's figures.")
    parser.add_argument("--rows", type=int, default=MANY, help="jobs in the large database (default %(default)s)")
    parser.add_argument("--few", type=int, default=FEW, help="and in the small one (default %(default)s)")
    parser.add_argument("--keep", type=Path, help="keep the databases in this folder and use them again")
    parser.add_argument("--quick", action="store_true", help="a short look: figures mean little")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    chosen = parser.parse_args(arguments)
    measured: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as folder:
        ground = chosen.keep or Path(folder)
        for rows in (chosen.few, chosen.rows):
            home = ground / str(rows)
            if not (home / "predawn.db").exists():
                print(f"filling {rows:,} jobs", file=sys.stderr)
                fill(home, rows)
            print(f"console over {rows:,} jobs", file=sys.stderr)
            measured[f"console, {rows:,} jobs"] = predawn(
                home, Path(folder) / "report", rows, rounds=1 if chosen.quick else 5, quick=chosen.quick
            )
        home = ground / f"stock-{min(STOCK_ROWS, chosen.rows)}"
        if not (home / "predawn.db").exists():
            fill(home, min(STOCK_ROWS, chosen.rows))
        print("stock DataTable", file=sys.stderr)
        rows = min(STOCK_ROWS, chosen.rows)
        measured[f"stock DataTable, {rows:,} jobs"] = stock(home, Path(folder) / "report", rows, quick=chosen.quick)
    few, many = list(measured.values())[:2]
    if chosen.json:
        print(json.dumps({name: asdict(figures) for name, figures in measured.items()}, indent=2))
    else:
        print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print(table(measured))
        print(f"\nfirst paint, many by few: {many.paint_s / few.paint_s:.2f} (target 1.15)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
