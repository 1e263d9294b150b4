"""Puts a report of ``benchmarks.queue`` into the documentation: a table between two markers, and a picture."""

from __future__ import annotations

from html import escape
from pathlib import Path

from benchmarks._queue_engines import KINDS
from benchmarks._queue_report import HEADS, Report, rows, scale_lines, targets

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "benchmarks.md"
PICTURE = DOCS / "images" / "benchmark-queue.svg"
BEGIN = "<!-- benchmarks.queue: written by `python -m benchmarks.queue --write-docs` -->"
END = "<!-- benchmarks.queue: end -->"

WIDTH, LABEL, NUMBER, BAR, GAP, TOP = 760, 230, 70, 20, 8, 34
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .head { font-weight: 600; }
    .ours { fill: #1f6feb; } .peer { fill: #8c959f; }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; } .ours { fill: #58a6ff; } .peer { fill: #7d8590; }
    }"""


def write(report: Report) -> list[Path]:
    """Write both; the files that were written."""
    page = PAGE.read_text(encoding="utf-8")
    before, marker, rest = page.partition(BEGIN)
    _, ending, after = rest.partition(END)
    if not marker or not ending:
        raise ValueError(f"{PAGE.name} must hold the lines {BEGIN} and {END}, in this order")
    PAGE.write_text(f"{before}{BEGIN}\n\n{section(report)}\n\n{END}{after}", encoding="utf-8")
    PICTURE.write_text(picture(report), encoding="utf-8")
    return [PAGE, PICTURE]


def section(report: Report) -> str:
    """The part between the markers."""
    heads = [f"{head} {unit}".strip() for head, unit in HEADS]
    body = [[f"**{cells[0]}**" if cells[0].startswith("predawn") else cells[0], *cells[1:]] for cells in rows(report)]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in body]
    parts = [
        "\n".join(lines),
        "Targets:\n\n" + "\n".join(f"- {target.words}" for target in targets(report)),
        _circumstances(report),
        f"Command: `{report.command}`",
    ]
    if report.scale:
        parts.insert(2, "A long history (SQLite):\n\n" + "\n".join(f"- {line}" for line in scale_lines(report.scale)))
    return "\n\n".join(parts)


def _circumstances(report: Report) -> str:
    machine = report.machine
    return (
        f"{report.amounts.jobs:,} jobs, concurrency 10, median of {report.repeats}, ratios by repeat. "
        f"{machine['cores']} cores, {machine['system']}, load {machine['load']}, {machine['sync']}; "
        f"{machine['versions']}."
    )


def picture(report: Report) -> str:
    """Bars: jobs processed a second, and the 95th percentile of pick-ups; light or dark as the reader's screen."""
    medians = report.medians
    speeds = [(name, figures.process_s) for name, figures in medians.items()]
    delays = [(name, figures.pickup_p95_ms) for name, figures in medians.items()]
    left, height = _bars("Jobs processed per second (more is better)", speeds, "{:,.0f}", 0)
    right, whole = _bars("Pick-up from another process, 95th percentile, ms (less is better)", delays, "{:.1f}", height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" role="img" '
        f'aria-label="predawn beside other queues: jobs per second and pick-up times">\n'
        f"    <style>{STYLE}\n    </style>\n{left}{right}</svg>\n"
    )


def _bars(title: str, values: list[tuple[str, float]], spelling: str, top: int) -> tuple[str, int]:
    most = max(value for _, value in values) or 1.0
    lines = [f'    <text class="head" x="8" y="{top + 22}">{escape(title)}</text>\n']
    y = top + TOP
    for name, value in values:
        length = max((WIDTH - LABEL - NUMBER) * value / most, 1)
        side = "ours" if KINDS[name].ours else "peer"
        lines += [
            f'    <text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(KINDS[name].words)}</text>\n',
            f'    <rect class="{side}" x="{LABEL}" y="{y}" width="{length:.0f}" height="{BAR}" rx="2"/>\n',
            f'    <text x="{LABEL + length + 6:.0f}" y="{y + 15}">{spelling.format(value)}</text>\n',
        ]
        y += BAR + GAP
    return "".join(lines), y + GAP
