"""The console's figures in a pseudo-terminal, side by side with a stock DataTable that does the same.

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

from benchmarks._console_terminal import MeasuredTerminal, Use
from benchmarks._console_world import Writer, fill, set_running

FEW, MANY = 1_000, 1_000_000
STOCK_ROWS = 20_000
"""The stock table gets no more: with a million it does not start."""
SLOW_LINE = 20_000.0
"""Bytes a second."""
LONGEST_S = 30.0
"""Whoever takes longer has not done it."""
_QUICK = {"rounds": 1, "idle_s": 3.0, "keys": 20, "pages": 8}
_WHOLE = {"rounds": 5, "idle_s": 12.0, "keys": 100, "pages": 24}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one program; None: it could not be, or was not done within half a minute.

    Attributes:
        paint_s: from the start of the process until the newest jobs and how many there are stand on the screen.
        key_ms: p95 from a key to its frame, while 200 jobs a second change.
        filter_ms: from the last character of a filter to its first page.
        busy_bytes: bytes a second with ten renders running.
        idle_bytes: and with nothing going on.
        idle_cpu: share of a core then.
        rss_mb: resident memory after all of it.
        slow_s: most seconds that the screen was behind on a line of 20 KB/s, paging through the list.
        blocked_ms: longest time for which the event loop was held up.
    """

    paint_s: float | None = None
    key_ms: float | None = None
    filter_ms: float | None = None
    busy_bytes: float | None = None
    idle_bytes: float | None = None
    idle_cpu: float | None = None
    rss_mb: float | None = None
    slow_s: float | None = None
    blocked_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured: starts, seconds of watching, keys, pages."""

    rounds: int
    idle_s: float
    keys: int
    pages: int


def start(kind: str, home: Path, report: Path | None = None, bytes_per_s: float | None = None) -> MeasuredTerminal:
    """The program in a terminal, as people start it.

    Args:
        kind: ``console`` or ``stock``.
        home: the folder with the database.
        report: watch the event loop, which costs CPU time, and write there how long it was held up.
        bytes_per_s: how fast the terminal is.
    """
    command = [sys.executable, "-m", "benchmarks._console_child", kind, str(home), str(report or "")]
    if kind == "console" and report is None:
        command = [sys.executable, "-m", "console.cli.main", "--home", str(home), "console"]
    return MeasuredTerminal(command, environment={"PREDAWN_HOME": str(home)}, bytes_per_s=bytes_per_s)


def useful(lines: Sequence[str]) -> bool:
    """Jobs stand there, and with the console the verdict too."""
    text = "\n".join(lines)
    verdict = any(word in text for word in ("IDLE", "ON TRACK", "AT RISK", "Stock"))
    return verdict and text.count("completed") > 1


def first_paint(kind: str, home: Path, rounds: int) -> float | None:
    """Median seconds from the start of the program to a useful screen."""
    found: list[float] = []
    for _ in range(rounds):
        terminal = start(kind, home)
        try:
            terminal.wait(useful, LONGEST_S)
            found.append(time.monotonic() - terminal.began)
        except TimeoutError:
            return None
        finally:
            terminal.close()
    return statistics.median(found)


def place(lines: Sequence[str]) -> str:
    """Which row of the list the cursor is on, as the program says itself."""
    for one in lines:
        _, found, rest = one.partition(" row ")
        if found:
            return rest.split()[0]
    return ""


def keys(terminal: MeasuredTerminal, presses: int) -> float | None:
    """The 95th percentile of milliseconds from a key to its frame."""
    found: list[float] = []
    for n in range(presses):
        before = place(terminal.lines())
        terminal.send(b"\x1b[B" if n % 30 < 15 else b"\x1b[A")  # noqa: PLR2004 - down and up again, within what is in sight
        try:
            found.append(terminal.wait(lambda lines, before=before: place(lines) != before, LONGEST_S) * 1000)
        except TimeoutError:
            return None
        time.sleep(0.05)
    return statistics.quantiles(found, n=20)[18]


def behind(terminal: MeasuredTerminal, presses: int) -> float | None:
    """Most seconds from a key to where it leads while one pages through the list, four times a second."""
    worst = 0.0
    for _ in range(presses):
        before = place(terminal.lines())
        terminal.send(b"\x1b[6~")
        try:
            waited = terminal.wait(lambda lines, before=before: place(lines) != before, LONGEST_S)
        except TimeoutError:
            return None
        worst = max(worst, waited)
        time.sleep(max(0.25 - waited, 0.0))
    return worst


def seconds_until(terminal: MeasuredTerminal, text: str) -> float | None:
    """Until this stands on the screen; None: it never did."""
    try:
        return terminal.wait(lambda lines: any(text in one for one in lines), LONGEST_S)
    except TimeoutError:
        return None


def measure(kind: str, home: Path, report: Path, amount: Amount) -> Figures:
    """All figures of one program over one database."""
    set_running(home, 0)
    report.unlink(missing_ok=True)
    paint_s = first_paint(kind, home, amount.rounds)
    if paint_s is None:
        return Figures()
    idle, busy = watched(kind, home, amount.idle_s)
    key_ms, filter_s = moved(kind, home, report, amount.keys)
    return Figures(
        paint_s=paint_s,
        key_ms=key_ms,
        filter_ms=None if filter_s is None else filter_s * 1000,
        busy_bytes=busy.bytes_per_s,
        idle_bytes=idle.bytes_per_s,
        idle_cpu=idle.cpu,
        rss_mb=busy.rss / 1e6,
        slow_s=slow(kind, home, amount.pages),
        blocked_ms=float(report.read_text()) if report.exists() else 0.0,
    )


def watched(kind: str, home: Path, seconds: float) -> tuple[Use, Use]:
    """What the first screen uses while nothing goes on, and while ten renders run."""
    terminal = start(kind, home)
    try:
        terminal.wait(useful, LONGEST_S)
        time.sleep(4)  # what is done once after a start is over
        idle = terminal.use(seconds)
        set_running(home, 10)
        time.sleep(3)
        with Writer(home, 10, batches=1):
            busy = terminal.use(seconds)
    finally:
        terminal.close()
        set_running(home, 0)
    return idle, busy


def moved(kind: str, home: Path, report: Path, presses: int) -> tuple[float | None, float | None]:
    """Milliseconds from a key to its frame, seconds to a filter's first page; the event loop is watched meanwhile."""
    terminal = start(kind, home, report)
    try:
        terminal.wait(useful, LONGEST_S)
        terminal.send(b"2")  # the list; the stock table is one
        if seconds_until(terminal, " row ") is None:
            return None, None
        with Writer(home, 200):
            time.sleep(3)
            key_ms = keys(terminal, presses)
        terminal.send(b"/status:faile")
        time.sleep(1)
        terminal.send(b"d")
        return key_ms, seconds_until(terminal, "filter status:failed")
    finally:
        terminal.close()


def slow(kind: str, home: Path, pages: int) -> float | None:
    """Most seconds that the screen was behind on a slow line."""
    terminal = start(kind, home, bytes_per_s=SLOW_LINE)
    try:
        terminal.wait(useful, LONGEST_S)
        terminal.send(b"2")
        if seconds_until(terminal, " row ") is None:
            return None
        time.sleep(2)
        return behind(terminal, pages)
    except TimeoutError:
        return None
    finally:
        terminal.close()


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
    parser.add_argument("--programs", default="console,stock", help="which programs (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a short look: figures mean little")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    chosen = parser.parse_args(arguments)
    amount = Amount(**(_QUICK if chosen.quick else _WHOLE))  # pyright: ignore[reportArgumentType] - one is a float
    measured: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as folder:
        keep_bytecode(Path(folder))
        ground = chosen.keep or Path(folder)
        many = {"console": chosen.rows, "stock": min(STOCK_ROWS, chosen.rows)}
        for kind in chosen.programs.split(","):
            for rows in (chosen.few, many[kind]):
                home = ground / str(rows)
                if not (home / "predawn.db").exists():
                    print(f"filling {rows:,} jobs", file=sys.stderr)
                    fill(home, rows)
                print(f"{kind} over {rows:,} jobs", file=sys.stderr)
                if not measured:
                    first_paint(kind, home, 1)  # who is installed has its bytecode
                measured[f"{NAMES[kind]}, {rows:,} jobs"] = measure(kind, home, Path(folder) / "report", amount)
    if chosen.json:
        print(json.dumps({name: asdict(figures) for name, figures in measured.items()}, indent=2))
        return 0
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(measured))
    few, large = [*measured.values(), Figures(), Figures()][:2]
    if few.paint_s and large.paint_s:
        print(f"\nfirst paint, many by few: {large.paint_s / few.paint_s:.2f} (target 1.15)")
    return 0


NAMES = {"console": "console", "stock": "stock DataTable"}


def keep_bytecode(folder: Path) -> None:
    """Let what is measured keep its bytecode, as whoever installs the program has it."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))


if __name__ == "__main__":
    sys.exit(main())
