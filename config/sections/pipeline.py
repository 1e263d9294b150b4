"""How stages are run, and by when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.sections.base import Name, Seconds, Section


class StageSettings(Section):
    """Policy of one stage."""

    providers: tuple[Name, ...]
    """The fallback chain, best first. Providers that are not configured (no URL) are left out."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """Calls of one provider: one and three retries."""
    timeout_s: Seconds = 180.0
    """Seconds one call may take."""
    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Share of the progress bar."""


class StagesSettings(Section):
    """The stages of the pipeline."""

    brief: StageSettings = StageSettings(providers=("brief-check",), timeout_s=60, weight=0.5)
    """Validation of the input; disk, memory, codecs."""
    script_gen: StageSettings = StageSettings(providers=("chat-script", "template-script"), timeout_s=60, weight=0.5)
    """The script."""
    manim: StageSettings = StageSettings(providers=("manim-api", "sora", "static-cards"), timeout_s=240, weight=5)
    """The pictures of each segment."""
    tts: StageSettings = StageSettings(providers=("a4f", "cached-audio", "espeak", "silence"), timeout_s=60, weight=1)
    """The narration of each segment."""
    revideo: StageSettings = StageSettings(
        providers=("revideo-api", "orchestrator", "local-composer"), timeout_s=300, weight=8
    )
    """The composed video."""
    verify: StageSettings = StageSettings(providers=("media-probe",), attempts=1, timeout_s=120, weight=1)
    """The check of the composed video."""
    upload: StageSettings = StageSettings(providers=("supabase", "s3", "local-directory"), timeout_s=120, weight=0.5)
    """The publication."""


RouteWord = Literal["pipeline", "orchestrator"]


class PipelineSettings(Section):
    """How stages are run."""

    route: RouteWord = "pipeline"
    """Who makes a job: this pipeline, or the Video Orchestrator as a whole, with the pipeline as its fallback."""
    routes: dict[Name, RouteWord] = {}
    """The same by job type, ``{ daily_ca = "orchestrator" }``. A type not named here takes the route of its own
    (``doubt``: orchestrator) or the one above; a job's ``payload.route`` outranks all."""
    route_timeout_s: Seconds = 600.0
    """Seconds that a whole job may take elsewhere before the pipeline takes over."""
    route_attempts: Annotated[int, Field(ge=1, le=20)] = 2
    """Times a whole job is handed over: one and one retry, because each may take minutes."""

    backoff_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    """Seconds before the first retry; doubled for each further one (1, 2, 4)."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a wait that is drawn at random."""
    render_processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Local rendering processes at once in one worker."""
    stages: StagesSettings = StagesSettings()
    """Policies by stage."""


class EstimateSettings(Section):
    """How long a provider takes before there is history."""

    p50_s: Annotated[float, Field(ge=0, le=86_400)]
    """Seconds in half of the cases."""
    p90_s: Annotated[float, Field(ge=0, le=86_400)]
    """Seconds in nine of ten."""


class DeadlineSettings(Section):
    """Deadline-aware rendering."""

    warning_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """AT RISK when the P90 finish comes later than this many seconds before the deadline."""
    margin_s: Annotated[float, Field(ge=0, le=3_600)] = 120.0
    """Seconds before the deadline by which a render steps down to be out; at most a tenth of the time it has."""
    min_samples: Annotated[int, Field(ge=1, le=1000)] = 10
    """Below this many good attempts the estimates below are used instead of history."""
    estimates: dict[Name, EstimateSettings] = {
        "brief-check": EstimateSettings(p50_s=0.5, p90_s=2),
        "chat-script": EstimateSettings(p50_s=10, p90_s=40),
        "template-script": EstimateSettings(p50_s=0.2, p90_s=1),
        "manim-api": EstimateSettings(p50_s=10, p90_s=60),
        "sora": EstimateSettings(p50_s=120, p90_s=400),
        "static-cards": EstimateSettings(p50_s=6, p90_s=20),
        "a4f": EstimateSettings(p50_s=5, p90_s=20),
        "cached-audio": EstimateSettings(p50_s=0.2, p90_s=1),
        "espeak": EstimateSettings(p50_s=1.5, p90_s=5),
        "silence": EstimateSettings(p50_s=0.5, p90_s=2),
        "revideo-api": EstimateSettings(p50_s=15, p90_s=90),
        "orchestrator": EstimateSettings(p50_s=20, p90_s=120),
        "orchestrator-route": EstimateSettings(p50_s=60, p90_s=300),
        "sora-route": EstimateSettings(p50_s=90, p90_s=300),
        "local-composer": EstimateSettings(p50_s=12, p90_s=30),
        "media-probe": EstimateSettings(p50_s=3, p90_s=10),
        "supabase": EstimateSettings(p50_s=5, p90_s=30),
        "s3": EstimateSettings(p50_s=5, p90_s=30),
        "local-directory": EstimateSettings(p50_s=0.5, p90_s=2),
    }
    """By provider."""
