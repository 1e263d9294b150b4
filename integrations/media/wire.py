"""What parent and child say to each other: one JSON line in, JSON lines out.

Request ``{"call", "token", "out", …}``; answers ``{"progress": [fraction, text]}``, then one of ``{"result": {…}}`` and
``{"failure": {"kind", "message", "retryable"}}``. The child's standard input stays open: its end means that the
parent is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from scheduler.domain.codec import segment_from_json, segment_to_json
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.media import MediaReport
from scheduler.ports.media import CardContext, TimedSegment


def context_to_json(context: CardContext) -> dict[str, Any]:
    """A card's context as JSON."""
    return asdict(context) | {"date": context.date.isoformat()}


def context_from_json(source: Mapping[str, Any]) -> CardContext:
    """A card's context from its JSON."""
    values: dict[str, Any] = dict(source) | {"date": date.fromisoformat(source["date"])}
    return CardContext(**values)


def timed_to_json(timed: TimedSegment) -> dict[str, Any]:
    """A timed segment as JSON."""
    return {
        "segment": segment_to_json(timed.segment),
        "clip": str(timed.clip.absolute()),
        "narration": None if timed.narration is None else str(timed.narration.absolute()),
        "duration_s": timed.duration_s,
    }


def timed_from_json(source: Mapping[str, Any]) -> TimedSegment:
    """A timed segment from its JSON."""
    return TimedSegment(
        segment=segment_from_json(source["segment"]),
        clip=Path(source["clip"]),
        narration=None if source["narration"] is None else Path(source["narration"]),
        duration_s=float(source["duration_s"]),
    )


def report_to_json(report: MediaReport) -> dict[str, Any]:
    """A report as JSON; digital silence is None, which JSON has and -inf is not."""
    values = asdict(report)
    return values | {"peak_dbfs": None if report.peak_dbfs == float("-inf") else report.peak_dbfs}


def report_from_json(source: Mapping[str, Any]) -> MediaReport:
    """A report from its JSON."""
    peak = source["peak_dbfs"]
    values: dict[str, Any] = dict(source) | {"peak_dbfs": float("-inf") if peak is None else peak}
    return MediaReport(**values)


def failure_to_json(failure: StageFailure) -> dict[str, Any]:
    """A failure as JSON."""
    return {"kind": failure.kind.value, "message": failure.message, "retryable": failure.retryable}


def failure_from_json(source: Mapping[str, Any]) -> StageFailure:
    """A failure from its JSON."""
    return StageFailure(source["message"], kind=FailureClass(source["kind"]), retryable=bool(source["retryable"]))
