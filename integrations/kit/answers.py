"""What a render service's JSON says, in whichever of its variants (contracts.md, the three render services). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from integrations.kit.classify import error_words, has_error

URL_WORDS = ("video_url", "output_url", "renderUrl", "downloadLink", "videoUrl", "outputUrl", "download_url", "url")
"""Names of the finished video's address, the contract's first."""
ID_WORDS = ("job_id", "render_id", "id", "jobId", "renderId")
"""Names of a job's id."""
STATUS_URL_WORDS = ("status_url", "statusUrl", "poll_url")
"""Names of the address where a job's state is asked for."""
NESTED_WORDS = ("result", "data", "output")
"""Objects in which some variants put their answer."""
DURATION_WORDS = ("duration", "duration_s", "duration_seconds")
REMAINING_WORDS = ("estimated_time_remaining", "estimated_time_remaining_s", "eta_s", "eta", "estimated_time")
"""Names of the seconds that a job still takes."""
PERCENT_WORDS = ("progress_percent", "progress_percentage", "percent")


class RemoteState(StrEnum):
    """Where a remote job is, whatever word the service has for it."""

    QUEUED = "queued"
    RUNNING = "rendering"
    DONE = "completed"
    FAILED = "failed"


STATUS_WORDS: Mapping[str, RemoteState] = {
    "queued": RemoteState.QUEUED,
    "pending": RemoteState.QUEUED,
    "accepted": RemoteState.QUEUED,
    "rendering": RemoteState.RUNNING,
    "processing": RemoteState.RUNNING,
    "running": RemoteState.RUNNING,
    "in_progress": RemoteState.RUNNING,
    "completed": RemoteState.DONE,
    "complete": RemoteState.DONE,
    "succeeded": RemoteState.DONE,
    "success": RemoteState.DONE,
    "done": RemoteState.DONE,
    "failed": RemoteState.FAILED,
    "failure": RemoteState.FAILED,
    "error": RemoteState.FAILED,
    "cancelled": RemoteState.FAILED,
    "canceled": RemoteState.FAILED,
}
"""Status words of contracts.md and their neighbours."""


@dataclass(frozen=True, slots=True)
class RemoteAnswer:
    """An answer to a submission or a poll.

    Attributes:
        state: None when the answer tells neither a status, nor a result, nor a job: it is no answer at all.
        word: the status word as it was given, or None.
        url: address of the finished video, as given: absolute or relative to the service.
        job_id: what to poll by.
        status_url: where to poll, if the service says so.
        progress: 0–1, or None.
        remaining_s: seconds it still takes by its own estimate, or None.
        error: the service's words for what went wrong, or None.
    """

    state: RemoteState | None
    word: str | None = None
    url: str | None = None
    thumbnail_url: str | None = None
    duration_s: float | None = None
    job_id: str | None = None
    status_url: str | None = None
    progress: float | None = None
    error: str | None = None
    remaining_s: float | None = None


def read_answer(document: Mapping[str, Any]) -> RemoteAnswer:
    """Read an answer.

    A status word outranks everything: an address beside ``rendering`` is a promise, not a result. A word that we do
    not know counts as still running, so that a service's new word does not fail a night; the time-out bounds it.
    """
    layers = [document, *(cast("dict[str, Any]", v) for k in NESTED_WORDS if isinstance(v := document.get(k), dict))]
    url = _first_text(layers, URL_WORDS)
    job_id = _first_id(layers)
    word = _first_text(layers, ("status", "state"))
    failed = has_error(document)
    state: RemoteState | None
    if word is not None:
        state = STATUS_WORDS.get(word.strip().lower().replace("-", "_").replace(" ", "_"), RemoteState.RUNNING)
    elif failed:
        state = None
    elif url is not None:
        state = RemoteState.DONE
    else:
        state = RemoteState.QUEUED if job_id is not None else None
    if failed and state is RemoteState.DONE:
        state = RemoteState.FAILED
    return RemoteAnswer(
        state=state,
        word=word,
        url=url,
        thumbnail_url=_first_text(layers, ("thumbnail_url", "thumbnailUrl")),
        duration_s=_first_number(layers, DURATION_WORDS),
        job_id=job_id,
        status_url=_first_text(layers, STATUS_URL_WORDS),
        progress=_progress(layers),
        error=error_words(document) if failed or state is RemoteState.FAILED else None,
        remaining_s=_first_number(layers, REMAINING_WORDS),
    )


def read_progress(value: Any, *, percent: bool = False) -> float | None:
    """Progress as 0–1 from 0–1 or 0–100; None when it is no number.

    A whole 1 counts as one percent: what is still asked for its progress is not finished, and jumping to the end
    and back would be worse than being late by a hundredth.
    """
    if isinstance(value, str):
        percent = percent or value.rstrip().endswith("%")
        try:
            value = float(value.rstrip().rstrip("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return None
    fraction = float(value) / 100 if percent or value >= 1 else float(value)
    return min(max(fraction, 0.0), 1.0)


def poll_delays(poll_s: float) -> Iterator[float]:
    """Seconds before each look: short at first, because many renders are, then ``poll_s``. Never ends."""
    delay = poll_s / 4
    while True:
        yield delay
        delay = min(poll_s, delay * 1.5)


def look_in_s(delay_s: float, *, poll_s: float, remaining_s: float | None) -> float:
    """Seconds until the next look: earlier where the service says that it is nearly done. Pure.

    A service whose estimate stays at nothing is asked four times in ``poll_s``, no oftener.
    """
    return delay_s if remaining_s is None else min(delay_s, max(poll_s / 4, remaining_s))


def _first_text(layers: list[Mapping[str, Any]], words: tuple[str, ...]) -> str | None:
    for layer in layers:
        for word in words:
            value = layer.get(word)
            if isinstance(value, str) and value.strip():
                return value.strip()
    return None


def _first_id(layers: list[Mapping[str, Any]]) -> str | None:
    for layer in layers:
        for word in ID_WORDS:
            value = layer.get(word)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()
    return None


def _first_number(layers: list[Mapping[str, Any]], words: tuple[str, ...]) -> float | None:
    for layer in layers:
        for word in words:
            value = layer.get(word)
            if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
                return float(value)
    return None


def _progress(layers: list[Mapping[str, Any]]) -> float | None:
    for layer in layers:
        for word in ("progress", *PERCENT_WORDS):
            found = read_progress(layer.get(word), percent=word in PERCENT_WORDS)
            if found is not None:
                return found
    return None
