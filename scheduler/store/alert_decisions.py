"""What the stores of alerts decide alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler.domain.notice import SUMMARY
from scheduler.domain.outbox import NewDelivery
from scheduler.ports.alert_store import Fold

FOLDED = "it came and went before it could be told: in the summary"
LINES = 20
"""Lines of a summary; of more only the number is told."""


def summary_of(fold: Fold, waiting: Mapping[str, Any] | None) -> NewDelivery:
    """The summary with one more line; it takes the place of the one that waits."""
    lines: list[str] = list(waiting["lines"]) if waiting else []
    count = (int(waiting["count"]) if waiting else 0) + 1
    if len(lines) < LINES:
        lines.append(fold.line)
    return NewDelivery(fold.channel, SUMMARY, SUMMARY, payload={"lines": lines, "count": count}, supersedes=True)
