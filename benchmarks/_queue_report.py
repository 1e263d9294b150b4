"""What ``benchmarks.queue`` found, as a table, as targets, as JSON, and as a part of ``docs/benchmarks.md``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._queue_engines import KINDS
from benchmarks._queue_runs import Amounts, Figures
from benchmarks._queue_scale import Cost, Scale

PACKAGES = ("huey", "pgqueuer", "procrastinate", "asyncpg", "psycopg", "sqlalchemy")
SYNCS = 50
PICKUP_MS = {"predawn-full": 25, "predawn-pgqueuer": 10, "predawn-embedded": 10}
"""What the 95th percentile of pick-ups may be at most, for those that are meant to be quick."""

Passes = Mapping[str, Sequence[Figures]]
"""Every pass of every engine."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run found.

    Attributes:
        machine: what it ran on, by name.
    """

    command: str
    amounts: Amounts
    repeats: int
    machine: Mapping[str, str]
    passes: Passes
    scale: Scale | None

    @property
    def medians(self) -> dict[str, Figures]:
        """The median of each figure of each engine."""
        return {name: Figures.middle(found) for name, found in self.passes.items()}

    def ratio(self, name: str, figure: str) -> float | None:
        """An engine's figure by that of the peer it stands beside: the median over the repeats, pass by pass."""
        peer = self.passes.get(KINDS[name].beside)
        if peer is None:
            return None
        pairs = zip(self.passes[name], peer, strict=True)
        return median(getattr(ours, figure) / getattr(theirs, figure) for ours, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached, and what was.

    Attributes:
        at_least: True: the figure may not be smaller; False: not larger.
    """

    what: str
    wanted: float
    got: float
    unit: str
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.got >= self.wanted if self.at_least else self.got <= self.wanted

    @property
    def words(self) -> str:
        """The target in one line."""
        sign, verdict = "≥" if self.at_least else "≤", "met" if self.met else "MISSED"
        return f"{verdict} {self.what}: {_number(self.got)}{self.unit} (target {sign} {self.wanted:g}{self.unit})"


def targets(report: Report) -> list[Target]:
    """The targets that this run can tell about."""
    found: list[Target] = []
    for name, figures in report.medians.items():
        if KINDS[name].ours:
            found += _of_engine(report, name, figures)
    if report.scale:
        few, many = report.scale.few.rows, report.scale.many.rows
        found += [
            Target(f"{name} at {many:,} finished jobs by that at {few:,}", 1.5, ratio, "×", at_least=False)
            for name, ratio in report.scale.ratios.items()
            if name != "page"
        ]
    return found


def _of_engine(report: Report, name: str, figures: Figures) -> list[Target]:
    words = KINDS[name].words.removeprefix("predawn, ")
    ratio = report.ratio(name, "process_s")
    found: list[Target] = []
    if name == "predawn-full":
        found.append(Target(f"{words}, jobs processed per second", 2500, figures.process_s, "", at_least=True))
        if ratio is not None:
            found.append(Target(f"{words}, processed by huey's", 1, ratio, "×", at_least=True))
    if KINDS[name].database == "postgresql" and ratio is not None:
        found.append(Target(f"{words}, processed by pgqueuer's", 0.8, ratio, "×", at_least=True))
    if name in PICKUP_MS:
        late = figures.pickup_p95_ms
        found.append(Target(f"{words}, pick-up p95 from another process", PICKUP_MS[name], late, " ms", at_least=False))
    return [*found, Target(f"{words}, idle CPU", 1, figures.idle_cpu, " %", at_least=False)]


HEADS = (
    ("engine", ""),
    ("enqueue", "jobs/s"),
    ("process", "jobs/s"),
    ("by peer", "×"),
    ("together", "jobs/s"),
    ("at once", "jobs/s"),
    ("pick-up", "p50 ms"),
    ("pick-up", "p95 ms"),
    ("idle", "CPU %"),
    ("RSS", "MiB"),
)


def rows(report: Report) -> list[tuple[str, ...]]:
    """The cells of the table, engine by engine."""
    found: list[tuple[str, ...]] = []
    for name, f in report.medians.items():
        ratio = report.ratio(name, "process_s")
        found.append(
            (
                KINDS[name].words,
                *(f"{value:,.0f}" for value in (f.enqueue_s, f.process_s)),
                "–" if ratio is None else f"{ratio:.2f}",
                *(f"{value:,.0f}" for value in (f.together_s, f.flow_s)),
                *(f"{value:.1f}" for value in (f.pickup_p50_ms, f.pickup_p95_ms, f.idle_cpu)),
                f"{f.rss_mib:.0f}",
            )
        )
    return found


def table(report: Report) -> str:
    """Engines as an aligned table."""
    lines = [tuple(head for head, _ in HEADS), tuple(unit for _, unit in HEADS), *rows(report)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )


def scale_lines(scale: Scale) -> list[str]:
    """What the history costs, a line for each figure."""
    words = {"claim": "end 10 and claim 10", "depth": "counters", "page": "newest 50 jobs"}
    few, many = asdict(scale.few), asdict(scale.many)
    return [
        f"{words[name]}: {few[f'{name}_ms']:.2f} ms at {few['rows']:,} finished jobs, "
        f"{many[f'{name}_ms']:.2f} ms at {many['rows']:,} ({ratio:.2f}×)"
        for name, ratio in scale.ratios.items()
    ]


def as_json(report: Report) -> dict[str, Any]:
    """Everything, for programs."""
    medians = report.medians
    return {
        "command": report.command,
        "amounts": asdict(report.amounts),
        "repeats": report.repeats,
        "machine": dict(report.machine),
        "engines": {
            name: {
                "beside": KINDS[name].beside,
                "median": asdict(medians[name]),
                "passes": [asdict(one) for one in found],
                "process_by_peer": report.ratio(name, "process_s"),
            }
            for name, found in report.passes.items()
        },
        "scale": None if report.scale is None else asdict(report.scale) | {"ratios": report.scale.ratios},
        "targets": [asdict(target) | {"met": target.met} for target in targets(report)],
    }


def joined(documents: Sequence[Mapping[str, Any]]) -> Report:
    """One report of several runs' ``as_json``, for a machine that is free for minutes at a time only.

    Raises:
        ValueError: they measured different amounts.
    """
    if any(one["amounts"] != documents[0]["amounts"] for one in documents):
        raise ValueError("the runs to be joined measured different amounts")
    passes: dict[str, list[Figures]] = {}
    for name in KINDS:
        found = [one for document in documents for one in document["engines"].get(name, {}).get("passes", ())]
        if found:
            passes[name] = [Figures(**one) for one in found]
    scales = [document["scale"] for document in documents if document["scale"]]
    where = max((document["machine"] for document in documents), key=lambda found: len(found["versions"]))
    commands = dict.fromkeys(str(document["command"]) for document in documents)
    return Report(
        command="; ".join(commands),
        amounts=Amounts(**documents[0]["amounts"]),
        repeats=min(map(len, passes.values()), default=0),
        machine=where,
        passes=passes,
        scale=Scale(Cost(**scales[-1]["few"]), Cost(**scales[-1]["many"])) if scales else None,
    )


def machine(folder: Path, postgresql: str | None, load: float) -> dict[str, str]:
    """What the figures hang on: cores, versions, the disk."""
    versions = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    if postgresql:
        versions["PostgreSQL"] = postgresql
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "load": f"{load:.1f} before the first round",
        "sync": f"{_sync_ms(folder):.2f} ms to write and sync 4 KiB",
    }


def _sync_ms(folder: Path) -> float:
    times: list[float] = []
    path = folder / "sync"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            file.write(b"0" * 4096)
            os.fsync(file.fileno())
            times.append((time.perf_counter() - begun) * 1e3)
    path.unlink()
    return median(times)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 - from there on, decimals tell nothing
