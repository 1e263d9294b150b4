"""What the Orchestrator is asked for, in both forms of contracts.md. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler.domain.codec import brief_to_json
from scheduler.domain.content import Brief, BriefKind
from scheduler.domain.job import Job
from scheduler.domain.requests import Doubt, PromptVideo

DEFAULT_STYLE = "standard"
DEFAULT_LENGTH = "medium"
LONGEST_WORD = 60
"""Characters of a style, length or voice that a payload gives and that is passed on."""


def workflow_request(
    job: Job, *, composition_spec: Mapping[str, Any], callback_url: str | None = None
) -> dict[str, Any]:
    """The workflow form, with the one step that is still to be done: composing what is there."""
    body: dict[str, Any] = {
        "job_id": job.id,
        "job_type": job.job_type,
        "workflow": [{"step": "revideo", "composition_spec": dict(composition_spec)}],
        "priority": job.priority.value,
    }
    return body if callback_url is None else {**body, "callback_url": callback_url}


def job_request(job: Job, brief: Brief, *, voice: str, callback_url: str | None = None) -> dict[str, Any]:
    """The job form: ``{job_id, job_type, input, style, length, voice}``.

    ``input`` is what a job of that type has as its payload: ``{"question": …}``, ``{"prompt": …}``, or the checked
    brief as ``{"brief": {…}}``, so that the other side needs neither our files nor our feeds.

    Raises:
        RequestError: the payload asks for something that cannot be made.
    """
    match brief.kind:
        case BriefKind.QUESTION:
            doubt = Doubt.of(job.payload)
            given: dict[str, Any] = {"question": doubt.question}
            style, length = doubt.style, doubt.length
            voice = "hi" if doubt.language == "hi" else voice
        case BriefKind.PROMPT:
            wish = PromptVideo.of(job.payload)
            given = {"prompt": wish.prompt, "duration": wish.duration_s, "fps": wish.fps, "size": wish.size}
            style, length = DEFAULT_STYLE, DEFAULT_LENGTH
        case BriefKind.NEWS:
            given = {"brief": brief_to_json(brief)}
            style = _word(job.payload, "style", DEFAULT_STYLE)
            length = _word(job.payload, "length", DEFAULT_LENGTH)
            voice = _word(job.payload, "voice", "hi" if brief.language.lower().startswith("hi") else voice)
    body = {
        "job_id": job.id,
        "job_type": job.job_type,
        "input": given,
        "style": style,
        "length": length,
        "voice": voice,
        "priority": job.priority.value,
    }
    return body if callback_url is None else {**body, "callback_url": callback_url}


def _word(payload: Mapping[str, Any], key: str, default: str) -> str:
    value = payload.get(key)
    return value.strip()[:LONGEST_WORD] if isinstance(value, str) and value.strip() else default
