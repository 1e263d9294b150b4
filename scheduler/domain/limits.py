"""What may be changed about the limits of a job type, and what no limit may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

LEAST = {"concurrency": 1, "timeout_s": 0, "max_retries": 0, "retry_delay_s": 0}
"""A type of which nothing is to run is paused: a concurrency of 0 would say the same in a second way."""
MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class LimitsChange:
    """New values for fields of ``QueueConfig``; None leaves one as it is."""

    concurrency: int | None = None
    timeout_s: float | None = None
    max_retries: int | None = None
    retry_delay_s: float | None = None
    paused: bool | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The fields that change."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def problem(self) -> str | None:
        """What is wrong with it, in words; None: nothing. Pure."""
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and least <= value <= MOST):
                return f"{name} must be a number from {least} to {MOST}, not {value}"
        return None
