"""What a text-to-video server's status words mean (contracts.md, Sora-style). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.kit.answers import RemoteAnswer, RemoteState, read_answer
from scheduler.domain.job import JobStatus

STATUS: Mapping[str, JobStatus] = {
    "queued": JobStatus.QUEUED,
    "in_progress": JobStatus.PROCESSING,
    "processing": JobStatus.PROCESSING,
    "succeeded": JobStatus.COMPLETED,
    "completed": JobStatus.COMPLETED,
    "failed": JobStatus.FAILED,
    "cancelled": JobStatus.CANCELLED,
}
"""The contract's words, and ours for them."""

_STATES: Mapping[JobStatus, RemoteState] = {
    JobStatus.QUEUED: RemoteState.QUEUED,
    JobStatus.PROCESSING: RemoteState.RUNNING,
    JobStatus.COMPLETED: RemoteState.DONE,
    JobStatus.FAILED: RemoteState.FAILED,
    JobStatus.CANCELLED: RemoteState.FAILED,
}


def job_status_of(word: str) -> JobStatus | None:
    """Our word for a server's; None for one that the contract does not have."""
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    return STATUS.get("cancelled" if plain == "canceled" else plain)


def read_video(document: Mapping[str, Any]) -> RemoteAnswer:
    """A server's answer about a video.

    A word that the contract does not have is read as every render service's would be: as still running, if it is new.
    """
    answer = read_answer(document)
    status = job_status_of(answer.word) if answer.word is not None else None
    return answer if status is None else replace(answer, state=_STATES[status])
