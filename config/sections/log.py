"""Logs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from config.sections.base import Section


class LogSettings(Section):
    """Logs of the daemon: JSON lines."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    file: Path | None = None
    """Default: ``<home>/log/predawn.jsonl``."""
