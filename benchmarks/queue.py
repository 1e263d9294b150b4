"""predawn's queue beside huey, pgqueuer and procrastinate: speed, pick-up, idle CPU, memory, in one run.

``python -m benchmarks.queue`` measures every engine in turn and the whole round three times, so that what else the
machine does falls on all of them; it prints medians, ratios and what the targets say. ``docs/benchmarks.md`` says what
each figure means.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks._queue_docs import write
from benchmarks._queue_engines import KINDS
from benchmarks._queue_report import Report, as_json, joined, machine, scale_lines, table, targets
from benchmarks._queue_runs import Amounts, BenchError, Figures, Ground, measure
from benchmarks._queue_scale import Scale, scale

FULL = Amounts(jobs=10_000, idle_s=10.0, pickups=60, warm_up=5)
QUICK = Amounts(jobs=200, idle_s=0.3, pickups=3, warm_up=1)
ROUNDS = 300
"""Claims and counts beside few and beside many finished jobs."""
ROWS = (1_000, 1_000_000)
QUICK_ROWS = (200, 2_000)
QUICK_ROUNDS = 20


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description="The queue beside its peers.")
    parser.add_argument("--jobs", type=int, help="no-op jobs in the filled queue (default 10000)")
    parser.add_argument("--repeats", type=int, help="rounds over all engines (default 3)")
    parser.add_argument("--engines", default=",".join(KINDS), help="comma-separated; default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a short look: one round, few jobs; figures mean little")
    parser.add_argument("--no-scale", action="store_true", help="leave out the million finished jobs")
    parser.add_argument("--dir", type=Path, help="where databases are made (default: the system's temporary folder)")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument(
        "--join", type=Path, nargs="+", metavar="FILE", help="measure nothing: put what --json wrote into one report"
    )
    parser.add_argument("--write-docs", action="store_true", help="put table and picture into docs/")
    options = parser.parse_args(arguments)
    options.engines = options.engines.split(",")
    unknown = [name for name in options.engines if name not in KINDS]
    if unknown:
        parser.error(f"--engines: no {', '.join(unknown)}; there are {', '.join(KINDS)}")
    least = (("--jobs", options.jobs), ("--repeats", options.repeats))
    if wrong := [name for name, number in least if number is not None and number < 1]:
        parser.error(f"{', '.join(wrong)}: must be at least 1")
    return options


def rounds(ground: Ground, engines: Sequence[str], amounts: Amounts, repeats: int) -> dict[str, list[Figures]]:
    """Every engine in turn, and again."""
    passes: dict[str, list[Figures]] = {name: [] for name in engines}
    for turn in range(repeats):
        for name in engines:
            with ground.database(KINDS[name]) as url:
                # All engines of one round get their single jobs at the same gaps.
                found = measure(KINDS[name], url, amounts, seed=turn)
            passes[name].append(found)
            print(
                f"round {turn + 1} of {repeats}  {KINDS[name].words:<30} {found.process_s:>7,.0f} jobs/s  "
                f"p95 {found.pickup_p95_ms:.1f} ms",
                file=sys.stderr,
                flush=True,
            )
    return passes


def run(options: argparse.Namespace, command: str) -> Report:
    """Measure what is asked for."""
    quick: bool = options.quick
    amounts = QUICK if quick else FULL
    if options.jobs:
        amounts = replace(amounts, jobs=options.jobs)
    repeats: int = options.repeats or (1 if quick else 3)
    history: Scale | None = None
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="predawn-bench-", dir=options.dir) as name:
        ground = Ground(Path(name))
        try:
            passes = rounds(ground, options.engines, amounts, repeats)
            if not options.no_scale:
                few, many = QUICK_ROWS if quick else ROWS
                print(f"counting and claiming beside {many:,} finished jobs", file=sys.stderr, flush=True)
                history = scale(ground.folder, few=few, many=many, rounds=QUICK_ROUNDS if quick else ROUNDS)
            postgresql = ground.execute("SHOW server_version") if ground.has_postgresql else None
            where = machine(ground.folder, postgresql, load)
        finally:
            ground.close()
    return Report(command, amounts, repeats, where, passes, history)


def show(report: Report) -> None:
    """Print it."""
    print(f"no-op jobs: {report.amounts.jobs:,}, concurrency 10, median of {report.repeats}")
    print(", ".join(f"{name}: {value}" for name, value in report.machine.items()))
    print(f"\n{table(report)}\n")
    if report.scale:
        print("\n".join(scale_lines(report.scale)), end="\n\n")
    print("\n".join(target.words for target in targets(report)))


def _command(options: argparse.Namespace) -> str:
    """The command that measures the same: without where the results went."""
    amounts = (("--jobs", options.jobs), ("--repeats", options.repeats))
    words = ["python", "-m", "benchmarks.queue", *(f"{name} {value}" for name, value in amounts if value)]
    words += ["--engines " + ",".join(options.engines)] if options.engines != list(KINDS) else []
    words += [name for name, on in (("--quick", options.quick), ("--no-scale", options.no_scale)) if on]
    return " ".join(words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what is asked for; 1 when a target was missed (never with ``--quick``)."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        if options.join:
            report = joined([json.loads(file.read_text(encoding="utf-8")) for file in options.join])
        else:
            report = run(options, _command(options))
    except (BenchError, OSError, ValueError) as error:
        print(f"benchmarks.queue: {error}", file=sys.stderr)
        return 2
    show(report)
    if options.json:
        options.json.write_text(json.dumps(as_json(report), indent=2) + "\n", encoding="utf-8")
    if options.write_docs:
        print("\nwritten: " + ", ".join(str(path.name) for path in write(report)))
    return 0 if options.quick or all(target.met for target in targets(report)) else 1


if __name__ == "__main__":
    sys.exit(main())
