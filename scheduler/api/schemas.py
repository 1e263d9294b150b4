"""The documents of the API, for checking what comes in and describing what goes out."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

JobWord = Literal["pending", "processing", "completed", "failed", "cancelled"]
PriorityWord = Literal["high", "normal", "low"]
Short = Annotated[str, Field(min_length=1, max_length=100)]
Url = Annotated[str, Field(min_length=1, max_length=2000)]


def spelt(pattern: str, remedy: str) -> tuple[AfterValidator, Any]:
    """A text of this form; a wrong one is told the remedy instead of the expression, which the document shows."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if form.search(text) is None:
            raise ValueError(remedy)
        return text

    return AfterValidator(check), Field(json_schema_extra={"pattern": pattern})


MOST_OF_AN_ID = 100
_ID, _ID_SCHEMA = spelt(
    r"^(?!\.{1,2}$)[^/\x00-\x1f\x7f]+$",
    "take an id that can stand in a path: no slash, no control characters, not . or ..",
)
_PROMPT, _PROMPT_SCHEMA = spelt(r"\w", "is blank: say in words what is to be seen, 1–2,000 characters")
_SIZE, _SIZE_SCHEMA = spelt(r"^[0-9]{2,4}x[0-9]{2,4}$", "must be WIDTHxHEIGHT in pixels, like 1280x720")
SCENE_EXAMPLE: dict[str, Any] = {
    "scene_type": "point",
    "content": {"heading": "GST: two slabs", "lines": ["5 %", "18 %"]},
}
WORKFLOW_EXAMPLE: dict[str, Any] = {
    "job_type": "explainer",
    "workflow": [
        {"step": "manim", "scene_spec": SCENE_EXAMPLE},
        {"step": "tts", "text": "From today the goods and services tax has two slabs."},
        {"step": "revideo", "composition_spec": {"title": "GST in one minute"}},
    ],
    "priority": "high",
}
DOUBT_EXAMPLE: dict[str, Any] = {
    "job_type": "doubt",
    "input": {"question": "Why does the RBI change the repo rate?"},
    "style": "simple",
    "length": "short",
    "voice": "en",
}


class RenderBody(BaseModel):
    """``POST /render``, in either form of the contract: a job type with its input, or a workflow."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [DOUBT_EXAMPLE, WORKFLOW_EXAMPLE]})

    job_type: Short = Field(description="A job type of this installation; with a workflow only a word of the caller's.")
    job_id: Annotated[str, Field(min_length=1, max_length=MOST_OF_AN_ID), _ID, _ID_SCHEMA] | None = Field(
        None,
        description="The caller's own id, by which the job is found. The same one again answers the same job, "
        "unless an Idempotency-Key says that it is another request.",
    )
    input: dict[str, Any] | Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="What the job type takes, or the question or prompt as text."
    )
    style: Short | None = None
    length: Short | None = None
    voice: Short | None = None
    workflow: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=60)] | None = Field(
        None, description="Steps: manim and tts for each scene, revideo at the end."
    )
    priority: PriorityWord = "normal"
    callback_url: Url | None = Field(
        None, description="Told of the end; its host must be listed (api.callbacks.hosts)."
    )
    max_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        0, description="Times the whole job is tried again by itself after it has failed."
    )

    @model_validator(mode="after")
    def _is_one_form(self) -> Self:
        if self.workflow is not None and self.input is not None:
            raise ValueError("give either input or workflow")
        return self


class ErrorView(BaseModel):
    """Why a job failed."""

    type: str
    message: str
    stage: str | None
    provider: str | None
    timestamp: str


class AttemptView(BaseModel):
    """One call of one provider."""

    id: str
    render_id: str
    stage: str
    provider: str
    status: Literal["started", "completed", "failed"]
    started_at: str
    duration_ms: int | None
    retry_count: int
    fallback_position: int
    resumed: bool
    error_class: str | None
    error_message: str | None


class JobView(BaseModel):
    """A job."""

    job_id: str
    job_type: str
    status: JobWord
    priority: str
    progress: float = Field(description="Percent.", ge=0, le=100)
    stage: str | None
    estimated_time_remaining: float | None = Field(description="Seconds, waiting included; null: it has ended.")
    created_at: str
    updated_at: str
    started_at: str | None
    completed_at: str | None
    deadline_at: str | None
    retry_at: str | None = Field(description="When a failed job is tried again by itself.")
    retry_count: int
    video_url: str | None
    thumbnail_url: str | None
    duration: float | None = Field(description="Seconds.")
    degraded: bool
    error: ErrorView | None
    reason: str | None


class JobDetailView(JobView):
    """A job with everything done for it."""

    attempts: list[AttemptView]


class JobPage(BaseModel):
    """Jobs, newest first."""

    items: list[JobView]
    next: str | None = Field(description="Cursor of the next page.")


class Submitted(BaseModel):
    """A job that was taken."""

    job_id: str
    status: JobWord
    estimated_time: float | None = Field(description="Seconds until it will have ended.")
    created: bool = Field(description="False: this was asked for before, with the same key.")
    status_url: str


class OutputView(BaseModel):
    """A file that a stage has made."""

    name: str
    stage: str
    provider: str
    degraded: bool
    media_type: str
    size: int
    sha256: str
    url: str = Field(description="Where it can be fetched.")


class Outputs(BaseModel):
    """Intermediate outputs of a job, in the order of the stages."""

    job_id: str
    items: list[OutputView]


class CancelView(BaseModel):
    """What a cancel did."""

    job_id: str
    outcome: Literal["cancelled", "requested"]
    status: JobWord


class HealthShort(BaseModel):
    """Whether predawn can do its work."""

    service: Literal["predawn"]
    status: Literal["healthy", "unhealthy"]
    version: str


class HealthView(HealthShort):
    """The same with reasons, for who has a token."""

    problems: list[str]
    queue: dict[str, int]
    active_jobs: int
    active: list[str]
    oldest_queued_age_s: float | None
    limits: dict[str, float]
    services: list[dict[str, Any]]
    scheduler: str | None
    workers: int


class GenerateBody(BaseModel):
    """``POST /api/videos/generate``: a video from a prompt."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"prompt": "Sunrise over Parliament House", "duration": 8, "fps": 30}]},
    )

    prompt: Annotated[str, Field(min_length=1, max_length=2000, description="Not blank."), _PROMPT, _PROMPT_SCHEMA]
    duration: float = Field(8.0, ge=1, le=60, description="Seconds.")
    fps: int = Field(30, ge=24, le=60)
    size: Annotated[str, _SIZE, _SIZE_SCHEMA] | None = None
    priority: PriorityWord = "normal"
    callback_url: Url | None = None


class VideoStatus(BaseModel):
    """How a video stands."""

    id: str
    status: Literal["queued", "processing", "completed", "failed", "cancelled"]
    progress: float = Field(ge=0, le=100)
    stage: str | None
    estimated_time_remaining: float | None
    video_url: str | None
    error: ErrorView | None


class SyncStatus(VideoStatus):
    """How a video stands after a look at it."""

    synced: bool = Field(
        description="Whether this is what is known now; false: whoever makes it did not answer in time."
    )


class VideoMetadata(BaseModel):
    """What is known of a finished video."""

    id: str
    job_type: str
    title: str | None
    prompt: str | None
    duration: float | None
    size_bytes: int | None
    media_type: str
    degraded: bool
    video_url: str | None
    thumbnail_url: str | None
    completed_at: str | None
    providers: dict[str, str]
