"""Renders: one pass of a job through the pipeline, its stages, attempts and checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.failure import FailureClass

ADDED_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
"""What a stage that a plug-in adds may be called."""


class StageName(StrEnum):
    """The stages of the pipeline, in the order people read them (``manim`` and ``tts`` run side by side).

    A plug-in may add stages of its own: ``StageName("watermark")`` is a name, always the same object, but no member of
    the iteration.
    """

    BRIEF = "brief"
    SCRIPT_GEN = "script_gen"
    MANIM = "manim"
    TTS = "tts"
    REVIDEO = "revideo"
    VERIFY = "verify"
    UPLOAD = "upload"

    @classmethod
    def _missing_(cls, value: object) -> StageName | None:
        if not isinstance(value, str) or not ADDED_NAME.fullmatch(value):
            return None
        made = str.__new__(cls, value)
        made._name_, made._value_ = value.upper(), value
        known: dict[object, StageName] = cls._value2member_map_  # pyright: ignore[reportAssignmentType] - so it is
        return known.setdefault(value, made)


class RenderStatus(StrEnum):
    """How a render stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """Its worker died or lost the lease; the next render of the job goes on from the checkpoints."""


@dataclass(frozen=True, slots=True)
class Render:
    """A row of ``renders``. ``number`` counts the job's renders from 1; ``attempt`` is the lease it ran under."""

    id: str
    job_id: str
    number: int
    attempt: int
    status: RenderStatus
    started_at: datetime
    finished_at: datetime | None = None
    degraded: bool = False
    video_url: str | None = None
    thumbnail_url: str | None = None
    duration_s: float | None = None
    correlation_id: str | None = None


class AttemptStatus(StrEnum):
    """The words of ``render_logs.status`` (contracts.md)."""

    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of ``render_logs``: one call of one provider.

    Attributes:
        retry_count: how many calls of this provider in this stage and render came before it.
        fallback_position: 0 for the first provider of the chain.
        resumed: the stage was taken from a checkpoint, not run.
        duration_ms: None while it runs.
        detail: bounded JSON: waits before the attempt, notes, sizes.
    """

    id: str
    render_id: str
    job_id: str
    stage: StageName
    provider: str
    status: AttemptStatus
    started_at: datetime
    retry_count: int = 0
    fallback_position: int = 0
    resumed: bool = False
    duration_ms: int | None = None
    error_class: FailureClass | None = None
    error_message: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def skipped(self) -> bool:
        """Whether the provider was passed over: it was never asked."""
        return self.status is AttemptStatus.FAILED and bool(self.detail.get("skipped"))

    @property
    def stopped(self) -> bool:
        """Whether the call was broken off: its job was cancelled or timed out."""
        return self.error_class is FailureClass.CANCELLED


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file a stage made.

    Attributes:
        path: absolute path on the machine that made it.
        sha256: lower-case hex digest; a checkpoint whose file no longer matches in size is not used.
        size: bytes.
        media_type: IANA type, ``video/mp4``.
        url: where a service can fetch it, or None when only the path is known.
    """

    path: str
    sha256: str
    size: int
    media_type: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class StageOutput:
    """What a stage hands on, and what its checkpoint keeps.

    Attributes:
        data: small JSON object; its keys are documented by each stage in ``scheduler/pipeline/stages``.
        artifacts: files by role (``video``, ``thumbnail``, ``clip/0``, ``narration/0``).
        provider: the provider that made it.
        degraded: made by any provider but the first of its chain, or from degraded parts.
    """

    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    artifacts: Mapping[str, Artifact] = field(default_factory=dict[str, Artifact])
    provider: str = ""
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A row of ``checkpoints``: a stage's kept output, or (``part`` not empty) one finished part of it.

    Parts keep what is done inside a long stage (the clip of one segment), so that a retry, a fallback or a crash
    asks only for what is missing. Unique by (job, stage, part).
    """

    job_id: str
    stage: StageName
    part: str
    output: StageOutput
    attempt: int
    created_at: datetime | None = None
