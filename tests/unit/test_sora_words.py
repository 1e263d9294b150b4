from __future__ import annotations

import pytest

from integrations.kit.answers import RemoteState
from integrations.sora.request import scene_prompt, video_request
from integrations.sora.status import job_status_of, read_video
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.job import JobStatus


@pytest.mark.parametrize(
    ("word", "status", "state"),
    [
        ("queued", JobStatus.QUEUED, RemoteState.QUEUED),
        ("in_progress", JobStatus.PROCESSING, RemoteState.RUNNING),
        ("In-Progress", JobStatus.PROCESSING, RemoteState.RUNNING),
        ("processing", JobStatus.PROCESSING, RemoteState.RUNNING),
        ("succeeded", JobStatus.COMPLETED, RemoteState.DONE),
        ("completed", JobStatus.COMPLETED, RemoteState.DONE),
        ("failed", JobStatus.FAILED, RemoteState.FAILED),
        ("cancelled", JobStatus.CANCELLED, RemoteState.FAILED),
        ("canceled", JobStatus.CANCELLED, RemoteState.FAILED),
        ("dreaming", None, RemoteState.RUNNING),
    ],
)
def test_status_words(word: str, status: JobStatus | None, state: RemoteState) -> None:
    assert job_status_of(word) is status
    assert read_video({"id": "v1", "status": word}).state is state


def test_the_reason_of_a_failure_is_read() -> None:
    answer = read_video({"id": "v1", "status": "failed", "error": {"code": "moderation", "message": "refused"}})
    assert (answer.state, answer.error) == (RemoteState.FAILED, "refused")


@pytest.mark.parametrize(
    ("duration_s", "seconds"), [(1, "1"), (0.2, "1"), (6.1, "7"), (8, "8"), (60, "60"), (75, "60")]
)
def test_seconds_are_whole_and_within_bounds(duration_s: float, seconds: str) -> None:
    body = video_request("p", model="sora-2", duration_s=duration_s, size="1280x720")
    assert body == {"prompt": "p", "model": "sora-2", "seconds": seconds, "size": "1280x720"}


def test_a_scene_asks_for_pictures_without_writing_and_is_never_too_long() -> None:
    segment = Segment(1, SegmentKind.POINT, "Bridge opens", ("It is 359 m high.",), "…", 6.0)
    assert "no text" in scene_prompt(segment)
    assert "Bridge opens It is 359 m high." in scene_prompt(segment)
    long = Segment(1, SegmentKind.POINT, "Bridge", tuple("word " * 100 for _ in range(8)), "…", 6.0)
    assert 1900 < len(scene_prompt(long)) <= 2000
