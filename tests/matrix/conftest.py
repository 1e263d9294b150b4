"""The matrix prints what it saw as a table, however many processes it ran in."""

from __future__ import annotations

import json
from typing import Any

COLUMNS = ("case", "tried in vain", "used", "outcome", "degraded", "seconds", "on time")
WIDEST = 74


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each case that left a row (``record_property("row", …)``), in the order of the matrix."""
    tables: dict[str, list[dict[str, str]]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "row":
                        row: dict[str, str] = json.loads(value)
                        tables.setdefault(row["table"], []).append(row)
    for title in sorted(tables):
        terminalreporter.write_sep("-", title)
        rows = sorted(tables[title], key=lambda row: int(row["order"]))
        widths = {name: min(WIDEST, max(len(name), *(len(row[name]) for row in rows))) for name in COLUMNS}
        for row in [{name: name for name in COLUMNS}, *rows]:
            terminalreporter.write_line(
                "  ".join(shortened(row[name]).ljust(widths[name]) for name in COLUMNS).rstrip()
            )


def shortened(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
