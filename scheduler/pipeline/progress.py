"""Progress of a whole render from the progress of its stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scheduler.domain.render import StageName

Report = Callable[[float, str], None]
"""Hears the overall progress, 0–1, and the stage that runs; called often, so it must be cheap."""


class ProgressMeter:
    """Adds up weighted stages. Overall progress never goes back, not even when a fallback starts a stage anew.

    Args:
        weights: share of each stage; stages that run side by side simply both count.
        report: told after each change.
        start: overall progress to begin with: that of a route that failed, 0–1.
    """

    def __init__(self, weights: Mapping[StageName, float], report: Report, *, start: float = 0.0) -> None:
        self._weights = weights
        self._total = sum(weights.values()) or 1.0
        self._report = report
        self._fractions: dict[StageName, float] = dict.fromkeys(weights, 0.0)
        self._running: set[StageName] = set()
        self._said = start

    @property
    def overall(self) -> float:
        """Overall progress so far, 0–1."""
        return self._said

    def start(self, stage: StageName) -> None:
        """A stage begins."""
        self._running.add(stage)
        self._tell(stage)

    def move(self, stage: StageName, fraction: float) -> None:
        """A stage has come to ``fraction`` (0–1; anything else is brought into that range, not-a-number is ignored)."""
        if fraction == fraction:  # noqa: PLR0124 - false for not-a-number alone
            self._fractions[stage] = max(self._fractions[stage], min(max(fraction, 0.0), 1.0))
            self._tell(stage)

    def finish(self, stage: StageName) -> None:
        """A stage is done."""
        self._fractions[stage] = 1.0
        self._running.discard(stage)
        self._tell(stage)

    def _tell(self, stage: StageName) -> None:
        reached = sum(self._weights[name] * fraction for name, fraction in self._fractions.items()) / self._total
        self._said = max(self._said, min(reached, 1.0))
        # Of stages that run side by side the first one is named: a name that jumps to and fro says nothing.
        shown = next((name for name in self._weights if name in self._running), stage)
        self._report(self._said, shown.value)
